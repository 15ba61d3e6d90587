#include "emulator/services/sagemaker/tuning/validation.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "emulator/services/sagemaker/quota.hpp"
#include "emulator/services/sagemaker/training/creation.hpp"
#include "emulator/services/sagemaker/training/validation.hpp"
#include "emulator/services/sagemaker/tuning/definition.hpp"
#include "emulator/services/sagemaker/tuning/range_validation.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr std::int64_t max_resource_max = 20'000;  // AWS: epochs of Hyperband
constexpr std::size_t environment_max = 48;        // AWS: variables of all definitions together
constexpr std::int64_t parallel_quota = 100;       // AWS: training jobs of one tuning job at the same time
constexpr std::int64_t parallel_quota_bayesian = 10;

// One TrainingJobDefinition with the parts of the request that speak of it, wherever they are.
struct Part {
  const json& definition;
  const json& objective;
  const json ranges;
};

void check_shape(const json& input) {
  const json& config = input.at("HyperParameterTuningJobConfig");
  const bool single = input.contains("TrainingJobDefinition");
  if (single == input.contains("TrainingJobDefinitions"))
    throw validation_fault(
        "You must specify exactly one of TrainingJobDefinition and TrainingJobDefinitions.");
  const auto misplaced = [](const json& where, const char* member, const char* instead) {
    if (where.contains(member))
      throw validation_fault(std::string(member) + " can't be specified here. Specify it in " + instead +
                             ".");
  };
  if (single) {
    const json& definition = input["TrainingJobDefinition"];
    misplaced(definition, "TuningObjective",
              "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective");
    misplaced(definition, "HyperParameterRanges", "HyperParameterTuningJobConfig.ParameterRanges");
    if (!config.contains("HyperParameterTuningJobObjective"))
      throw validation_fault("HyperParameterTuningJobObjective is required with TrainingJobDefinition.");
    return;
  }
  misplaced(config, "HyperParameterTuningJobObjective", "TuningObjective of each of TrainingJobDefinitions");
  misplaced(config, "ParameterRanges", "HyperParameterRanges of each of TrainingJobDefinitions");
  std::set<std::string> names, goals;
  for (const json& definition : input["TrainingJobDefinitions"]) {
    for (const char* member : {"DefinitionName", "TuningObjective", "HyperParameterRanges"})
      if (!definition.contains(member))
        throw validation_fault(std::string(member) + " is required for each of TrainingJobDefinitions.");
    const std::string name = definition["DefinitionName"];
    if (!names.insert(name).second)
      throw validation_fault("The DefinitionName " + name +
                             " is used by more than one of TrainingJobDefinitions.");
    goals.insert(definition["TuningObjective"].at("Type"));
  }
  // One best training job is chosen among those of all definitions. Their metrics may have different names;
  // how one that is minimized compares with one that is maximized, nobody can say.
  if (goals.size() > 1)
    throw validation_fault(
        "The Type of TuningObjective must be the same for all of TrainingJobDefinitions: the best training "
        "job is chosen among those of all definitions.");
}

std::vector<Part> parts_of(const json& input) {
  const json& config = input.at("HyperParameterTuningJobConfig");
  if (const auto single = input.find("TrainingJobDefinition"); single != input.end())
    return {{*single, config.at("HyperParameterTuningJobObjective"),
             config.value("ParameterRanges", json::object())}};
  std::vector<Part> parts;
  for (const json& definition : input.at("TrainingJobDefinitions"))
    parts.push_back({definition, definition.at("TuningObjective"), definition.at("HyperParameterRanges")});
  return parts;
}

void check_metric(const Part& part) {
  const json metrics = part.definition.at("AlgorithmSpecification").value("MetricDefinitions", json::array());
  if (std::none_of(metrics.begin(), metrics.end(),
                   [&](const json& metric) { return metric.at("Name") == part.objective.at("MetricName"); }))
    throw validation_fault(
        "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
        "definitions.");
}

void check_resources(const json& definition) {
  if (definition.contains("ResourceConfig") == definition.contains("HyperParameterTuningResourceConfig"))
    throw validation_fault(
        "You must specify exactly one of ResourceConfig and HyperParameterTuningResourceConfig.");
  if (!definition.contains("HyperParameterTuningResourceConfig")) return;
  const json& resources = definition["HyperParameterTuningResourceConfig"];
  const bool several = resources.contains("InstanceConfigs");
  for (const char* member : {"InstanceType", "InstanceCount", "VolumeSizeInGB"})
    if (several && resources.contains(member))
      throw validation_fault(std::string("If you use InstanceConfigs, do not provide a value for ") + member +
                             ".");
  for (const char* member : {"InstanceType", "InstanceCount"})
    if (!several && !resources.contains(member))
      throw validation_fault(std::string(member) +
                             " is required in HyperParameterTuningResourceConfig without InstanceConfigs.");
  if (!several && resources.contains("AllocationStrategy"))
    throw validation_fault("AllocationStrategy is only supported with InstanceConfigs.");
}

void check_hyperband(const json& config, const std::vector<Part>& parts) {
  const json strategy = config.value("StrategyConfig", json::object());
  if (config.at("Strategy") != "Hyperband") {
    if (strategy.contains("HyperbandStrategyConfig"))
      throw validation_fault("HyperbandStrategyConfig is only supported for the Hyperband strategy.");
    return;
  }
  if (config.value("TrainingJobEarlyStoppingType", "Off") != "Off")
    throw validation_fault("TrainingJobEarlyStoppingType must be Off to use the Hyperband strategy.");
  const json hyperband = strategy.value("HyperbandStrategyConfig", json::object());
  const std::int64_t least = hyperband.value("MinResource", std::int64_t{1});
  for (const Part& part : parts) {
    const auto inferred = inferred_max_resource(part.definition);
    if (!hyperband.contains("MaxResource") && !inferred)
      throw validation_fault(
          "MaxResource parameter is not provided and could not be inferred from provided static "
          "hyperparameters of TrainingJobDefinition.");
    const std::int64_t most = hyperband.value("MaxResource", inferred.value_or(0));
    if (most > max_resource_max)
      throw validation_fault("The value of MaxResource, [" + std::to_string(most) +
                             "], must be equal to or less than [" + std::to_string(max_resource_max) + "].");
    if (least > most)
      throw validation_fault("The value of MinResource, [" + std::to_string(least) +
                             "], must be equal to or less than the value of MaxResource, [" +
                             std::to_string(most) + "].");
  }
}

std::string decimal(double number) { return json(number).dump(); }  // "3.0", as in AWS's text

void check_combinations(const json& config, const std::vector<Part>& parts) {
  const json& limits = config.at("ResourceLimits");
  const bool grid = config.at("Strategy") == "Grid";
  double all = 0;
  for (const Part& part : parts) {
    const auto count = combinations(part.ranges);
    const bool categories_only = part.ranges.value("IntegerParameterRanges", json::array()).empty();
    if (grid && (!count || !categories_only))
      throw validation_fault("The Grid strategy supports only categorical hyperparameter ranges.");
    if (!count) return;
    all += *count;
  }
  if (!limits.contains("MaxNumberOfTrainingJobs")) return;
  const std::int64_t jobs = limits["MaxNumberOfTrainingJobs"];
  if (static_cast<double>(jobs) > all)
    throw validation_fault(
        "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
        "combinations for the provided ranges [" +
        decimal(all) + "] must be equal or greater than the value of MaxNumberOfJobs, [" +
        std::to_string(jobs) + "]. Provide additional ranges.");
  if (grid && static_cast<double>(jobs) < all)
    throw validation_fault(
        "With the Grid strategy, the value of MaxNumberOfTrainingJobs, [" + std::to_string(jobs) +
        "], must be equal to the total number of hyperparameter combinations for the provided ranges, [" +
        decimal(all) + "].");
}

void check_job_quota(const char* quota, std::int64_t asked, std::int64_t limit) {
  if (asked <= limit) return;
  throw ServiceFault(
      "ResourceLimitExceeded", 400,
      std::string("The account-level service limit '") + quota + "' is " + std::to_string(limit) +
          " Training Jobs, with current utilization of 0 Training Jobs and a request delta of " +
          std::to_string(asked) +
          " Training Jobs. Please use AWS Service Quotas to request an increase for this "
          "quota.");
}

void check_limits(const Platform& platform, const json& input, const Plan& plan) {
  const json& limits = input.at("HyperParameterTuningJobConfig").at("ResourceLimits");
  const bool given = limits.contains("MaxNumberOfTrainingJobs");
  if (!given && plan.strategy != Strategy::grid && !plan.runtime_s && !input.contains("Autotune"))
    throw validation_fault("MaxNumberOfTrainingJobs is required for this strategy.");
  check_job_quota("Maximum number of training jobs per hyperparameter tuning job",
                  static_cast<std::int64_t>(plan.trials_max),
                  static_cast<std::int64_t>(trials_quota(plan.strategy)));
  const auto parallel = static_cast<std::int64_t>(plan.parallel_max);
  if (parallel < 1) throw validation_fault("The value of MaxParallelTrainingJobs must be 1 or greater.");
  if (given && plan.parallel_max > plan.trials_max)
    throw validation_fault("The value of MaxParallelTrainingJobs, [" + std::to_string(parallel) +
                           "], must be equal to or less than the value of MaxNumberOfTrainingJobs, [" +
                           std::to_string(plan.trials_max) + "].");
  check_job_quota("Maximum number of parallel training jobs per hyperparameter tuning job", parallel,
                  plan.strategy == Strategy::bayesian ? parallel_quota_bayesian : parallel_quota);
  for (const Definition& definition : plan.definitions) {
    const json resources = training_request(definition, {}, "quota").at("ResourceConfig");
    if (resources.contains("InstanceType"))
      check_quota(resources["InstanceType"], "training job usage",
                  parallel * resources.value("InstanceCount", std::int64_t{1}),
                  platform.limits.runner.training_instances_max);
  }
}

}  // namespace

void check_request(const Platform& platform, const json& input) {
  check_shape(input);
  const json& config = input.at("HyperParameterTuningJobConfig");
  const std::vector<Part> parts = parts_of(input);
  std::size_t variables = 0;
  for (const Part& part : parts) {
    check_ranges(part.ranges, part.definition.value("StaticHyperParameters", json::object()),
                 part.objective.at("MetricName"));
    if (!input.contains("Autotune") && !part.ranges.value("AutoParameters", json::array()).empty())
      throw validation_fault("AutoParameters can only be used if the Mode of Autotune is Enabled.");
    check_metric(part);
    check_resources(part.definition);
    variables += part.definition.value("Environment", json::object()).size();
  }
  if (variables > environment_max)
    throw validation_fault("The total number of environment variables of all training job definitions, [" +
                           std::to_string(variables) + "], must be equal to or less than [" +
                           std::to_string(environment_max) + "].");
  check_hyperband(config, parts);
  check_combinations(config, parts);
  const Plan plan = plan_of(input);
  check_limits(platform, input, plan);
  for (const Definition& definition : plan.definitions) {
    const json request = training_request(definition, {}, input.at("HyperParameterTuningJobName"));
    check_training_request(request);
    check_training_image(platform, request);
  }
}

void check_surroundings(const Platform& platform, const json& input) {
  for (const Definition& definition : plan_of(input).definitions)
    require_training_inputs(platform,
                            training_request(definition, {}, input.at("HyperParameterTuningJobName")));
}

}  // namespace sagemaker::local::services::tuning_job
