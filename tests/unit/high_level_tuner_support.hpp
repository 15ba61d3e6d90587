// What the tests of HyperparameterTuner share: a tuning job "t" and its training jobs as the service tells of
// them.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "high_level_support.hpp"

namespace sagemaker::tests {

inline const std::string role = "arn:aws:iam::111122223333:role/Server";

inline SessionOptions with_bucket() {
  return {.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine"};
}

inline Estimator estimator(const Stage& stage, EstimatorOptions options = {}) {
  options.image_uri = "registry/image:1";
  options.role = role;
  options.instance_type = "ml.m5.large";
  return {stage.session, options};
}
inline TunerOptions basic(TunerOptions options = {}) {
  if (options.objective_metric_name.empty()) options.objective_metric_name = "accuracy";
  if (options.hyperparameter_ranges.empty())
    options.hyperparameter_ranges = {{"lr", ContinuousParameter(0.001, 0.1, "Logarithmic")},
                                     {"optimizer", CategoricalParameter({"sgd", "adam"})}};
  return options;
}

inline json trial(int number, const std::string& status, std::optional<double> value,
                  const std::string& objective) {
  json summary{{"TrainingJobName", "t-00" + std::to_string(number) + "-abcd"},
               {"TrainingJobStatus", status},
               {"CreationTime", 1000 + number},
               {"ObjectiveStatus", objective},
               {"TunedHyperParameters", {{"lr", "0.0" + std::to_string(number)}, {"optimizer", "\"sgd\""}}}};
  if (value)
    summary["FinalHyperParameterTuningJobObjectiveMetric"] = {{"MetricName", "accuracy"}, {"Value", *value}};
  return summary;
}

// Newest first, as the service is asked for them.
inline json listed(std::vector<json> summaries) {
  return {{"TrainingJobSummaries", json(std::vector<json>(summaries.rbegin(), summaries.rend()))}};
}

inline json job(const std::string& status, int completed, int running, json more = json::object()) {
  more["HyperParameterTuningJobName"] = "t";
  more["HyperParameterTuningJobStatus"] = status;
  more["CreationTime"] = 1'000'000.5;
  more["LastModifiedTime"] = 1'000'060.5;
  more["HyperParameterTuningJobConfig"] = {
      {"Strategy", "Bayesian"},
      {"HyperParameterTuningJobObjective", {{"Type", "Maximize"}, {"MetricName", "accuracy"}}},
      {"ResourceLimits", {{"MaxNumberOfTrainingJobs", 3}, {"MaxParallelTrainingJobs", 2}}}};
  more["TrainingJobStatusCounters"] = {{"Completed", completed}, {"InProgress", running}, {"Stopped", 0}};
  more["ObjectiveStatusCounters"] = {{"Succeeded", completed}, {"Pending", running}, {"Failed", 0}};
  return more;
}

}  // namespace sagemaker::tests
