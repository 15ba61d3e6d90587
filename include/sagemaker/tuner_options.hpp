// What a HyperparameterTuner is told: names and defaults of the SageMaker Python SDK's HyperparameterTuner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sagemaker/estimator_options.hpp>
#include <sagemaker/parameter_ranges.hpp>

namespace sagemaker {

enum class WarmStartTypes { identical_data_and_algorithm, transfer_learning };

// Tuning jobs that have ended and whose results the new one begins with: one to five.
struct WarmStartConfig {
  WarmStartTypes warm_start_type = WarmStartTypes::transfer_learning;
  std::vector<std::string> parents = {};
};

// Strategy "Hyperband": how much a training job may use and how much it gets at least, in units of what its
// script reports the objective after, such as epochs.
struct HyperbandStrategyConfig {
  int max_resource = 0;
  int min_resource = 0;
};
struct StrategyConfig {
  HyperbandStrategyConfig hyperband_strategy_config;
};

// When to end before max_jobs. What is empty does not end it.
struct TuningJobCompletionCriteriaConfig {
  std::optional<int> max_number_of_training_jobs_not_improving = {};
  std::optional<bool> complete_on_convergence = {};
  std::optional<double> target_objective_metric_value = {};
};

// Instances that training jobs may run on: the service takes the first of a list that it can get.
struct InstanceConfig {
  int instance_count = 1;
  std::string instance_type = {};
  int volume_size = 30;  // GB of each instance
};

struct TunerOptions {
  std::string objective_metric_name = {};           // a metric definition's name; must be given
  HyperparameterRanges hyperparameter_ranges = {};  // must be given unless autotune finds them
  // How metrics are read off the jobs' logs; empty: the estimator's own.
  std::vector<MetricDefinition> metric_definitions = {};
  std::string strategy = "Bayesian";        // or "Random", "Hyperband", "Grid"
  std::string objective_type = "Maximize";  // or "Minimize"
  std::optional<int> max_jobs = {};         // training jobs in all; empty: 1, with "Grid" every combination
  int max_parallel_jobs = 1;                // training jobs at a time
  std::optional<int> max_runtime_in_seconds = {};  // of the tuning job
  std::vector<Tag> tags = {};  // of the tuning job and its training jobs; the estimator's are added
  std::string base_tuning_job_name = {};  // jobs are named {base}-{time}; empty: the image's name
  std::optional<WarmStartConfig> warm_start_config = {};
  std::optional<StrategyConfig> strategy_config = {};
  std::optional<TuningJobCompletionCriteriaConfig> completion_criteria_config = {};
  std::string early_stopping_type = "Off";  // "Auto": jobs that promise little are stopped
  std::string estimator_name = {};          // the definition's name; empty: it has none
  std::optional<int> random_seed = {};      // the same seed searches in the same way
  bool autotune = false;  // ranges for the estimator's hyperparameters, whose values are hints
  std::vector<std::string> hyperparameters_to_keep_static = {};  // with autotune: these stay as they are
};

}  // namespace sagemaker
