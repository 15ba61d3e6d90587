// From a HyperparameterTuner's options to the document of CreateHyperParameterTuningJob.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/inputs.hpp>
#include <sagemaker/tuner_options.hpp>

namespace sagemaker::detail {

inline const char* warm_start_type_text(WarmStartTypes type) {
  return type == WarmStartTypes::transfer_learning ? "TransferLearning" : "IdenticalDataAndAlgorithm";
}

[[noreturn]] inline void refuse_range(const std::string& name, const std::string& why) {
  throw ConfigError("Invalid range of the hyperparameter " + name + ": " + why);
}

// What AWS refuses, and the SDK sends all the same: bounds in the wrong order, and those that the scale does
// not fit to. Whether equal ones will do is left to the service.
template <class Bound>
void check_bounds(const std::string& name, Bound lowest, Bound highest, const std::string& scaling) {
  const std::string bounds =
      "min_value " + aws::dump_json(json(lowest)) + ", max_value " + aws::dump_json(json(highest));
  if (lowest > highest) refuse_range(name, "min_value is greater than max_value: " + bounds);
  if (scaling == "Logarithmic" && !(lowest > 0))
    refuse_range(name, "Logarithmic scaling works only for values greater than 0: " + bounds);
  if (scaling == "ReverseLogarithmic" && !(lowest >= 0 && highest < 1))
    refuse_range(name, "ReverseLogarithmic scaling works only for values from 0 to less than 1: " + bounds);
}

inline void check_values(const std::string& name, const std::vector<std::string>& values) {
  if (values.empty()) refuse_range(name, "there is no value to choose");
  std::set<std::string> known;
  for (const std::string& value : values) {
    if (!known.insert(value).second)
      refuse_range(name, "the value " + aws::dump_json(value) + " is twice there");
  }
}

inline void check_range(const std::string& name, const ParameterRange& range) {
  if (name.empty()) throw ConfigError("Invalid range: the hyperparameter has no name");
  const std::string scaling_of = "scaling type of " + name;
  if (const auto* real = std::get_if<ContinuousParameter>(&range)) {
    check_one_of(scaling_of, real->scaling_type, {"Auto", "Linear", "Logarithmic", "ReverseLogarithmic"});
    if (!std::isfinite(real->min_value)) refuse_range(name, "min_value is not a finite number");
    if (!std::isfinite(real->max_value)) refuse_range(name, "max_value is not a finite number");
    check_bounds(name, real->min_value, real->max_value, real->scaling_type);
  } else if (const auto* whole = std::get_if<IntegerParameter>(&range)) {
    check_one_of(scaling_of, whole->scaling_type, {"Auto", "Linear", "Logarithmic"});
    check_bounds<std::int64_t>(name, whole->min_value, whole->max_value, whole->scaling_type);
  } else {
    check_values(name, std::get<CategoricalParameter>(range).values);
  }
}

inline json range_document(const std::string& name, const json& lowest, const json& highest,
                           const std::string& scaling) {
  return object({{"Name", name},
                 {"MinValue", aws::dump_json(lowest)},
                 {"MaxValue", aws::dump_json(highest)},
                 {"ScalingType", scaling}});
}

// Values of frameworks' containers are JSON, so that a text gets quotation marks; all others are as they are.
inline json categorical_document(const std::string& name, const CategoricalParameter& parameter,
                                 bool framework) {
  std::vector<std::string> values = parameter.values;
  if (framework) {
    for (std::string& value : values) value = aws::dump_json(value);
  }
  return object({{"Name", name}, {"Values", text_array(values)}});
}

// ParameterRanges: all three lists, in the order of the names.
inline json ranges_document(const HyperparameterRanges& ranges, bool framework) {
  json continuous = json::array();
  json integer = json::array();
  json categorical = json::array();
  for (const auto& [name, range] : ranges) {
    if (const auto* real = std::get_if<ContinuousParameter>(&range))
      continuous.push_back(range_document(name, real->min_value, real->max_value, real->scaling_type));
    else if (const auto* whole = std::get_if<IntegerParameter>(&range))
      integer.push_back(range_document(name, whole->min_value, whole->max_value, whole->scaling_type));
    else
      categorical.push_back(categorical_document(name, std::get<CategoricalParameter>(range), framework));
  }
  return object({{"ContinuousParameterRanges", std::move(continuous)},
                 {"CategoricalParameterRanges", std::move(categorical)},
                 {"IntegerParameterRanges", std::move(integer)}});
}

// One estimator's part of a tuning job.
struct TuningPart {
  std::string name;  // empty: the only one, and it has no name
  std::string objective_metric_name;
  HyperparameterRanges ranges;
  std::vector<MetricDefinition> metric_definitions;  // empty: those of the training job
  std::vector<std::string> keep_static;
  std::vector<InstanceConfig> instance_configs;
  bool framework = false;
  json training;  // the document of CreateTrainingJob
};

// JSON has no way to write such a number: the job would run without the criterion.
inline void check_completion(const TuningJobCompletionCriteriaConfig& criteria) {
  if (criteria.target_objective_metric_value && !std::isfinite(*criteria.target_objective_metric_value))
    throw ConfigError("completion_criteria_config.target_objective_metric_value is not a finite number");
}

// For what is known before anything is uploaded.
inline void check_tuning_part(const TuningPart& part, bool autotune) {
  if (part.objective_metric_name.empty())
    throw ConfigError("objective_metric_name is missing: name the metric that shall be tuned for");
  if (part.ranges.empty() && !autotune)
    throw ConfigError("Need to specify hyperparameter ranges or set autotune=True.");
  for (const auto& [name, range] : part.ranges) check_range(name, range);
  if (part.keep_static.empty()) return;
  if (!autotune)
    throw ConfigError(
        "hyperparameters_to_keep_static parameter is set, however Autotune mode is not enabled. Either do "
        "not set value for hyperparameters_to_keep_static parameter, or enable Autotune mode by setting "
        "autotune=True.");
  if (std::set<std::string>(part.keep_static.begin(), part.keep_static.end()).size() !=
      part.keep_static.size())
    throw ConfigError("Please remove duplicate names in hyperparameters_to_keep_static.");
}

// What tuning jobs cannot give their training jobs, and without which these would do something else. What
// only observes or speeds up training (debugger, profiler, warm pools, ...) is left out silently, as the SDK
// does.
inline void check_tunable(const EstimatorOptions& options) {
  const auto refuse = [](bool set, const char* what) {
    if (set) throw ConfigError(std::string(what) + " cannot be used with tuning jobs: the service has none");
  };
  refuse(!options.instance_groups.empty(), "instance_groups");
  refuse(!options.container_entry_point.empty(), "container_entry_point");
  refuse(!options.container_arguments.empty(), "container_arguments");
  refuse(!options.training_repository_access_mode.empty(), "training_repository_access_mode");
  refuse(!options.training_plan.empty(), "training_plan");
}

// The hyperparameters that are the same in all training jobs; with autotune others are searched, with the
// values that they have as hints. Where the script lies is never searched.
struct SplitHyperparameters {
  json fixed = json::object();
  json hints = json::array();  // AutoParameters
};

inline SplitHyperparameters split_hyperparameters(const TuningPart& part, bool autotune) {
  SplitHyperparameters split;
  split.fixed = object_of(part.training, "HyperParameters");
  for (const auto& [name, range] : part.ranges) split.fixed.erase(name);
  // The SDK's attach knows the estimator's class by it. One that an attached job had stays.
  if (part.framework && !split.fixed.contains("sagemaker_estimator_class_name")) {
    split.fixed["sagemaker_estimator_class_name"] = "\"PyTorch\"";
    split.fixed["sagemaker_estimator_module"] = "\"sagemaker.pytorch.estimator\"";
  }
  if (!autotune) return split;
  for (const std::string& name : part.keep_static) {
    if (!split.fixed.contains(name))
      throw ConfigError(
          "Names in hyperparameters_to_keep_static must be members of estimator's hyperparameters.");
  }
  const json all = std::exchange(split.fixed, json::object());
  for (auto entry = all.begin(); entry != all.end(); ++entry) {
    const bool kept =
        entry.key().starts_with("sagemaker_") ||
        std::find(part.keep_static.begin(), part.keep_static.end(), entry.key()) != part.keep_static.end();
    if (kept)
      split.fixed[entry.key()] = *entry;
    else
      split.hints.push_back(object({{"Name", entry.key()}, {"ValueHint", *entry}}));
  }
  return split;
}

// null where there is nothing to search in.
inline json searched_document(const TuningPart& part, const SplitHyperparameters& split, bool autotune) {
  json document = part.ranges.empty() ? json(nullptr) : ranges_document(part.ranges, part.framework);
  if (autotune) document["AutoParameters"] = split.hints;
  return document;
}

inline json tuning_resources(const TuningPart& part) {
  const json& own = object_of(part.training, "ResourceConfig");
  json resources = json::object();
  if (own.contains("VolumeKmsKeyId")) resources["VolumeKmsKeyId"] = own["VolumeKmsKeyId"];
  for (const char* member : {"InstanceCount", "InstanceType", "VolumeSizeInGB"}) {
    if (part.instance_configs.empty()) resources[member] = own[member];
  }
  for (const InstanceConfig& config : part.instance_configs) {
    resources["InstanceConfigs"].push_back(object({{"InstanceCount", config.instance_count},
                                                   {"InstanceType", config.instance_type},
                                                   {"VolumeSizeInGB", config.volume_size}}));
  }
  return resources;
}

inline json objective_document(const std::string& type, const std::string& metric) {
  return object({{"Type", type}, {"MetricName", metric}});
}

// A HyperParameterTrainingJobDefinition.
inline json tuning_definition(const TuningPart& part, const TunerOptions& options,
                              const SplitHyperparameters& split) {
  json definition = json::object();
  for (const char* member :
       {"RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "StoppingCondition",
        "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining",
        "CheckpointConfig", "RetryStrategy", "Environment"}) {
    if (part.training.contains(member)) definition[member] = part.training[member];
  }
  json& algorithm = definition["AlgorithmSpecification"] = json::object();
  const json& own = object_of(part.training, "AlgorithmSpecification");
  for (const char* member : {"TrainingImage", "TrainingInputMode", "AlgorithmName", "MetricDefinitions"}) {
    if (own.contains(member)) algorithm[member] = own[member];
  }
  if (!part.metric_definitions.empty())
    algorithm["MetricDefinitions"] = metric_documents(part.metric_definitions);
  definition["HyperParameterTuningResourceConfig"] = tuning_resources(part);
  definition["StaticHyperParameters"] = split.fixed;
  if (part.name.empty()) return definition;
  definition["DefinitionName"] = part.name;
  definition["TuningObjective"] = objective_document(options.objective_type, part.objective_metric_name);
  if (json searched = searched_document(part, split, options.autotune); !searched.is_null())
    definition["HyperParameterRanges"] = std::move(searched);
  return definition;
}

inline json completion_document(const TuningJobCompletionCriteriaConfig& criteria) {
  json document = json::object();
  if (criteria.max_number_of_training_jobs_not_improving)
    document["BestObjectiveNotImproving"] = object(
        {{"MaxNumberOfTrainingJobsNotImproving", *criteria.max_number_of_training_jobs_not_improving}});
  if (criteria.target_objective_metric_value)
    document["TargetObjectiveMetricValue"] = *criteria.target_objective_metric_value;
  if (criteria.complete_on_convergence)
    document["ConvergenceDetected"] =
        object({{"CompleteOnConvergence", *criteria.complete_on_convergence ? "Enabled" : "Disabled"}});
  return document;
}

// HyperParameterTuningJobConfig, but for what belongs to the only definition.
inline json tuning_config(const TunerOptions& options) {
  json limits = object({{"MaxParallelTrainingJobs", options.max_parallel_jobs}});
  if (options.max_jobs || options.strategy != "Grid")
    limits["MaxNumberOfTrainingJobs"] = options.max_jobs.value_or(1);
  if (options.max_runtime_in_seconds) limits["MaxRuntimeInSeconds"] = *options.max_runtime_in_seconds;
  json config = object({{"Strategy", options.strategy},
                        {"ResourceLimits", std::move(limits)},
                        {"TrainingJobEarlyStoppingType", options.early_stopping_type}});
  if (options.random_seed) config["RandomSeed"] = *options.random_seed;
  if (options.strategy_config) {
    const HyperbandStrategyConfig& hyperband = options.strategy_config->hyperband_strategy_config;
    config["StrategyConfig"]["HyperbandStrategyConfig"] =
        object({{"MinResource", hyperband.min_resource}, {"MaxResource", hyperband.max_resource}});
  }
  if (options.completion_criteria_config)
    config["TuningJobCompletionCriteria"] = completion_document(*options.completion_criteria_config);
  return config;
}

inline json warm_start_document(const WarmStartConfig& config) {
  json parents = json::array();
  for (const std::string& parent : std::set<std::string>(config.parents.begin(), config.parents.end()))
    parents.push_back(object({{"HyperParameterTuningJobName", parent}}));
  return object({{"WarmStartType", warm_start_type_text(config.warm_start_type)},
                 {"ParentHyperParameterTuningJobs", std::move(parents)}});
}

// The whole request. A single part without a name is the TrainingJobDefinition, parts with names are the
// TrainingJobDefinitions.
inline json tuning_document(const std::string& job_name, const TunerOptions& options,
                            const std::vector<TuningPart>& parts, const std::vector<Tag>& tags) {
  json request = object(
      {{"HyperParameterTuningJobName", job_name}, {"HyperParameterTuningJobConfig", tuning_config(options)}});
  json& config = request["HyperParameterTuningJobConfig"];
  for (const TuningPart& part : parts) {
    const SplitHyperparameters split = split_hyperparameters(part, options.autotune);
    json definition = tuning_definition(part, options, split);
    if (!part.name.empty()) {
      request["TrainingJobDefinitions"].push_back(std::move(definition));
      continue;
    }
    config["HyperParameterTuningJobObjective"] =
        objective_document(options.objective_type, part.objective_metric_name);
    if (json searched = searched_document(part, split, options.autotune); !searched.is_null())
      config["ParameterRanges"] = std::move(searched);
    request["TrainingJobDefinition"] = std::move(definition);
  }
  if (options.warm_start_config) request["WarmStartConfig"] = warm_start_document(*options.warm_start_config);
  if (options.autotune) request["Autotune"] = object({{"Mode", "Enabled"}});
  if (!tags.empty()) request["Tags"] = tag_documents(tags);
  return request;
}

}  // namespace sagemaker::detail
