// From the description of a tuning job back to the options of a HyperparameterTuner that would start it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_options.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/tuning_request.hpp>
#include <sagemaker/tuner_options.hpp>

namespace sagemaker::detail {

// Unlike in the SDK the scaling types come back, too. `framework`: categorical values are JSON.
inline HyperparameterRanges ranges_of(const json& document, bool framework) {
  HyperparameterRanges ranges;
  const auto scaling_of = [](const json& range) {
    const std::string scaling = text_of(range, "ScalingType");
    return scaling.empty() ? std::string("Auto") : scaling;
  };
  for (const json& range : array_of(document, "ContinuousParameterRanges"))
    ranges.emplace(
        text_of(range, "Name"),
        ContinuousParameter(std::strtod(text_of(range, "MinValue").c_str(), nullptr),
                            std::strtod(text_of(range, "MaxValue").c_str(), nullptr), scaling_of(range)));
  for (const json& range : array_of(document, "IntegerParameterRanges"))
    ranges.emplace(
        text_of(range, "Name"),
        IntegerParameter(std::strtoll(text_of(range, "MinValue").c_str(), nullptr, 10),
                         std::strtoll(text_of(range, "MaxValue").c_str(), nullptr, 10), scaling_of(range)));
  for (const json& range : array_of(document, "CategoricalParameterRanges")) {
    std::vector<std::string> values = texts_of(range, "Values");
    for (std::string& value : values) {
      const json decoded = framework ? decode_hyperparameter(value) : json(value);
      value = decoded.is_string() ? decoded.get<std::string>() : value;
    }
    ranges.emplace(text_of(range, "Name"), CategoricalParameter(std::move(values)));
  }
  return ranges;
}

// The class of the estimator in the SDK, such as "PyTorch", as JSON; frameworks' alone is told.
inline std::string class_of_definition(const json& definition) {
  return text_of(object_of(definition, "StaticHyperParameters"), "sagemaker_estimator_class_name");
}
inline bool is_framework_definition(const json& definition) {
  return !class_of_definition(definition).empty();
}
inline bool is_pytorch_definition(const json& definition) {
  return class_of_definition(definition) == "\"PyTorch\"";
}

// Takes what only tuning has set away from the hyperparameters of a training job. Whether it is a job of
// sm::PyTorch; what the SDK knows other frameworks by stays.
inline bool take_tuning_hyperparameters(EstimatorOptions& options) {
  options.hyperparameters.erase("_tuning_objective_metric");
  const auto name = options.hyperparameters.find("sagemaker_estimator_class_name");
  if (name == options.hyperparameters.end() || name->second != "PyTorch") return false;
  options.hyperparameters.erase(name);
  options.hyperparameters.erase("sagemaker_estimator_module");
  return true;
}

// As the description of a training job: what options_of_job reads. With autotune the hints become values
// again.
inline json training_of_definition(const json& definition, const json& ranges) {
  json job = definition;
  json values = object_of(definition, "StaticHyperParameters");
  values.erase("_tuning_objective_metric");
  if (is_pytorch_definition(definition)) {
    values.erase("sagemaker_estimator_class_name");
    values.erase("sagemaker_estimator_module");
  }
  for (const json& hint : array_of(ranges, "AutoParameters"))
    values[text_of(hint, "Name")] = text_of(hint, "ValueHint");
  job["HyperParameters"] = std::move(values);
  if (!job.contains("ResourceConfig")) job["ResourceConfig"] = json::object();
  const json& tuning = object_of(definition, "HyperParameterTuningResourceConfig");
  for (auto member = tuning.begin(); member != tuning.end(); ++member)
    job["ResourceConfig"][member.key()] = *member;
  const json& choices = array_of(tuning, "InstanceConfigs");
  if (choices.empty()) return job;
  for (auto member = choices.front().begin(); member != choices.front().end(); ++member)
    job["ResourceConfig"][member.key()] = *member;
  return job;
}

inline std::vector<InstanceConfig> instance_configs_of(const json& definition) {
  std::vector<InstanceConfig> configs;
  for (const json& config :
       array_of(object_of(definition, "HyperParameterTuningResourceConfig"), "InstanceConfigs"))
    configs.push_back({number_of(config, "InstanceCount", 1), text_of(config, "InstanceType"),
                       number_of(config, "VolumeSizeInGB", 30)});
  return configs;
}

inline void read_warm_start(const json& document, TunerOptions& options) {
  WarmStartConfig config;
  for (const json& parent : array_of(document, "ParentHyperParameterTuningJobs"))
    config.parents.push_back(text_of(parent, "HyperParameterTuningJobName"));
  if (config.parents.empty()) return;
  if (text_of(document, "WarmStartType") == "IdenticalDataAndAlgorithm")
    config.warm_start_type = WarmStartTypes::identical_data_and_algorithm;
  options.warm_start_config = std::move(config);
}

inline TuningJobCompletionCriteriaConfig completion_of(const json& document) {
  TuningJobCompletionCriteriaConfig criteria;
  criteria.max_number_of_training_jobs_not_improving =
      maybe_number(object_of(document, "BestObjectiveNotImproving"), "MaxNumberOfTrainingJobsNotImproving");
  const std::string convergence =
      text_of(object_of(document, "ConvergenceDetected"), "CompleteOnConvergence");
  if (!convergence.empty()) criteria.complete_on_convergence = convergence == "Enabled";
  if (const auto target = document.find("TargetObjectiveMetricValue");
      target != document.end() && target->is_number())
    criteria.target_objective_metric_value = target->get<double>();
  return criteria;
}

// From DescribeHyperParameterTuningJob, but for what the definitions say.
inline TunerOptions tuner_options_of_job(const json& job) {
  const json& config = object_of(job, "HyperParameterTuningJobConfig");
  const json& limits = object_of(config, "ResourceLimits");
  const json& objective = object_of(config, "HyperParameterTuningJobObjective");
  TunerOptions options;
  options.strategy = text_of(config, "Strategy");
  options.max_jobs = maybe_number(limits, "MaxNumberOfTrainingJobs");
  options.max_parallel_jobs = number_of(limits, "MaxParallelTrainingJobs", 1);
  options.max_runtime_in_seconds = maybe_number(limits, "MaxRuntimeInSeconds");
  if (!text_of(objective, "Type").empty()) options.objective_type = text_of(objective, "Type");
  if (!text_of(config, "TrainingJobEarlyStoppingType").empty())
    options.early_stopping_type = text_of(config, "TrainingJobEarlyStoppingType");
  options.random_seed = maybe_number(config, "RandomSeed");
  const json& hyperband = object_of(object_of(config, "StrategyConfig"), "HyperbandStrategyConfig");
  if (!hyperband.empty())
    options.strategy_config =
        StrategyConfig{{number_of(hyperband, "MaxResource", 0), number_of(hyperband, "MinResource", 0)}};
  if (config.contains("TuningJobCompletionCriteria"))
    options.completion_criteria_config = completion_of(config["TuningJobCompletionCriteria"]);
  read_warm_start(object_of(job, "WarmStartConfig"), options);
  options.autotune = text_of(object_of(job, "Autotune"), "Mode") == "Enabled";
  options.base_tuning_job_name = base_of_name(text_of(job, "HyperParameterTuningJobName"));
  return options;
}

}  // namespace sagemaker::detail
