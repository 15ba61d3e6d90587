#include "emulator/services/sagemaker/tuning/definition.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "emulator/services/sagemaker/tuning/ranges.hpp"
#include "emulator/tuning/numbers.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

Strategy strategy_of(const std::string& name) {
  if (name == "Random") return Strategy::random;
  if (name == "Hyperband") return Strategy::hyperband;
  if (name == "Grid") return Strategy::grid;
  return Strategy::bayesian;
}

Objective objective_of(const json& objective) {
  return {objective.at("Type") == "Minimize" ? tuning::Goal::minimize : tuning::Goal::maximize,
          objective.at("MetricName")};
}

json hyperband_config(const json& config) {
  return config.value("StrategyConfig", json::object()).value("HyperbandStrategyConfig", json::object());
}

Definition definition_of(const json& document, const json& objective, const json& ranges,
                         const json& config) {
  Definition definition{.name = document.value("DefinitionName", ""),
                        .objective = objective_of(objective),
                        .space = tuning::Space(parameters_of(ranges)),
                        .document = document,
                        .max_resource = std::nullopt};
  const json hyperband = hyperband_config(config);
  if (hyperband.contains("MaxResource"))
    definition.max_resource = hyperband.at("MaxResource").get<std::int64_t>();
  else
    definition.max_resource = inferred_max_resource(document);
  return definition;
}

std::vector<Definition> definitions_of(const json& tuning_job) {
  const json& config = tuning_job.at("HyperParameterTuningJobConfig");
  std::vector<Definition> definitions;
  if (const auto single = tuning_job.find("TrainingJobDefinition"); single != tuning_job.end()) {
    definitions.push_back(definition_of(*single, config.at("HyperParameterTuningJobObjective"),
                                        config.value("ParameterRanges", json::object()), config));
    return definitions;
  }
  for (const json& document : tuning_job.at("TrainingJobDefinitions"))
    definitions.push_back(definition_of(document, document.at("TuningObjective"),
                                        document.value("HyperParameterRanges", json::object()), config));
  return definitions;
}

Completion completion_of(const json& config) {
  const json criteria = config.value("TuningJobCompletionCriteria", json::object());
  Completion completion;
  if (criteria.contains("TargetObjectiveMetricValue"))
    completion.target = criteria.at("TargetObjectiveMetricValue").get<double>();
  const json improving = criteria.value("BestObjectiveNotImproving", json::object());
  if (improving.contains("MaxNumberOfTrainingJobsNotImproving"))
    completion.not_improving = improving.at("MaxNumberOfTrainingJobsNotImproving").get<std::size_t>();
  completion.on_convergence =
      criteria.value("ConvergenceDetected", json::object()).value("CompleteOnConvergence", "Disabled") ==
      "Enabled";
  return completion;
}

// Grids may be greater than can be counted, and are refused then.
std::size_t grid_size(const std::vector<Definition>& definitions) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  std::uint64_t all = 0;
  for (const Definition& definition : definitions)
    all = std::min(all + definition.space.count().value_or(most), most);
  return all;
}

}  // namespace

std::optional<std::int64_t> inferred_max_resource(const json& definition) {
  const json fixed = definition.value("StaticHyperParameters", json::object());
  for (const char* name : {"epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs"})
    if (const auto found = fixed.find(name); found != fixed.end()) {
      std::string text = *found;  // SDKs encode values as JSON
      if (text.size() > 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
      if (const auto epochs = tuning::integer_of(text); epochs && *epochs >= 1) return epochs;
    }
  return std::nullopt;
}

json training_resources(const json& definition) {
  if (const auto fixed = definition.find("ResourceConfig"); fixed != definition.end()) return *fixed;
  json resources = definition.at("HyperParameterTuningResourceConfig");
  // Prioritized: the first that there is capacity for, and there is capacity for all of them here.
  if (const auto configs = resources.find("InstanceConfigs"); configs != resources.end())
    resources.update(configs->at(0));
  resources.erase("InstanceConfigs");
  resources.erase("AllocationStrategy");
  return resources;
}

Plan plan_of(const json& tuning_job) {
  const json& config = tuning_job.at("HyperParameterTuningJobConfig");
  const json& limits = config.at("ResourceLimits");
  Plan plan;
  plan.strategy = strategy_of(config.at("Strategy"));
  plan.definitions = definitions_of(tuning_job);
  plan.trials_max = plan.strategy == Strategy::grid
                        ? grid_size(plan.definitions)
                        : limits.value("MaxNumberOfTrainingJobs", trials_quota(plan.strategy));
  plan.parallel_max = limits.at("MaxParallelTrainingJobs");
  if (limits.contains("MaxRuntimeInSeconds"))
    plan.runtime_s = limits.at("MaxRuntimeInSeconds").get<std::int64_t>();
  plan.early_stopping = config.value("TrainingJobEarlyStoppingType", "Off") == "Auto";
  plan.min_resource = hyperband_config(config).value("MinResource", std::int64_t{1});
  plan.completion = completion_of(config);
  plan.seed = tuning_job.value("_notes", json::object()).value("seed", std::uint64_t{0});
  return plan;
}

json training_request(const Definition& definition, const tuning::Assignment& chosen,
                      const std::string& job_name) {
  json request = definition.document;
  for (const char* ours : {"DefinitionName", "TuningObjective", "HyperParameterRanges",
                           "StaticHyperParameters", "HyperParameterTuningResourceConfig"})
    request.erase(ours);
  request["TrainingJobName"] = job_name;
  request["ResourceConfig"] = training_resources(definition.document);
  // Each job has checkpoints of its own: they are not to begin with another one's.
  if (const auto checkpoints = request.find("CheckpointConfig"); checkpoints != request.end()) {
    std::string uri = checkpoints->at("S3Uri");
    if (!uri.ends_with('/')) uri += '/';
    (*checkpoints)["S3Uri"] = uri + job_name;
  }
  json& parameters = request["HyperParameters"];
  parameters = definition.document.value("StaticHyperParameters", json::object());
  parameters["_tuning_objective_metric"] = definition.objective.metric;
  for (const auto& [name, value] : chosen) parameters[name] = value;
  return request;
}

}  // namespace sagemaker::local::services::tuning_job
