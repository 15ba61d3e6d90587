#include "emulator/services/sagemaker/tuning/state.hpp"

#include <algorithm>

#include "emulator/runner/host_tree.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sagemaker/tuning/warm_start.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr std::size_t failure_reason_chars_max = 1024;  // AWS: FailureReason

void touch(store::Record& job, std::int64_t now_ms) {
  job.modified_ms = std::max(now_ms, job.modified_ms);
  job.document["LastModifiedTime"] = timestamp(job.modified_ms);
}

void enter(store::Record& job, std::string_view status, std::int64_t now_ms) {
  touch(job, now_ms);
  job.status = status;
  job.document["HyperParameterTuningJobStatus"] = status;
}

// Clients of AWS index these without asking, so the service fills them in.
void fill_in_ranges(json& ranges) {
  if (!ranges.is_object()) ranges = json::object();
  for (const char* list :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"})
    ranges.emplace(list, json::array());
  for (const char* list : {"IntegerParameterRanges", "ContinuousParameterRanges"})
    for (json& range : ranges[list]) range.emplace("ScalingType", "Auto");
}

void fill_in_definition(json& definition, const std::string& metric) {
  definition["StaticHyperParameters"]["_tuning_objective_metric"] = metric;
  definition["OutputDataConfig"].emplace("KmsKeyId", "");
  definition["StoppingCondition"].emplace("MaxRuntimeInSeconds", 86400);
  for (const char* resources : {"ResourceConfig", "HyperParameterTuningResourceConfig"})
    if (definition.contains(resources) && !definition[resources].contains("InstanceConfigs"))
      definition[resources].emplace("VolumeSizeInGB", 30);
  for (const char* member :
       {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"})
    definition.emplace(member, false);
}

// The SDK's HyperparameterTuner.attach() reads ResourceConfig, whatever the request had.
void show_resources(json& definition) {
  if (!definition.contains("ResourceConfig")) definition["ResourceConfig"] = training_resources(definition);
}

}  // namespace

Counters operator+(const Counters& a, const Counters& b) {
  return {.completed = a.completed + b.completed,
          .in_progress = a.in_progress + b.in_progress,
          .retryable_error = a.retryable_error + b.retryable_error,
          .non_retryable_error = a.non_retryable_error + b.non_retryable_error,
          .stopped = a.stopped + b.stopped,
          .succeeded = a.succeeded + b.succeeded,
          .pending = a.pending + b.pending,
          .failed = a.failed + b.failed};
}

store::Record new_tuning_job(const Platform& platform, const json& input, std::uint64_t drawn_seed) {
  store::Record job;
  job.name = input.at("HyperParameterTuningJobName");
  job.arn = platform.arn(tuning_job_kind, job.name);
  job.created_ms = platform.now_ms();
  job.document = input;
  json& document = job.document;
  document.erase("Tags");
  document["HyperParameterTuningJobArn"] = job.arn;
  document["CreationTime"] = timestamp(job.created_ms);
  json& config = document["HyperParameterTuningJobConfig"];
  config.emplace("TrainingJobEarlyStoppingType", "Off");
  own_notes(job)["seed"] = config.value("RandomSeed", drawn_seed);
  if (const auto single = document.find("TrainingJobDefinition"); single != document.end()) {
    fill_in_ranges(config["ParameterRanges"]);
    fill_in_definition(*single, config["HyperParameterTuningJobObjective"]["MetricName"]);
  } else {
    for (json& definition : document["TrainingJobDefinitions"]) {
      fill_in_ranges(definition["HyperParameterRanges"]);
      fill_in_definition(definition, definition["TuningObjective"]["MetricName"]);
    }
  }
  show(job, {});
  enter(job, "InProgress", job.created_ms);
  return job;
}

void apply(store::Record& job, const Progress& progress, std::int64_t now_ms) {
  touch(job, now_ms);
  show(job, progress.counters);
  if (progress.best.is_null())
    job.document.erase("BestTrainingJob");
  else
    job.document["BestTrainingJob"] = progress.best;
  json& details = job.document["TuningJobCompletionDetails"];
  details = {{"NumberOfTrainingJobsObjectiveNotImproving", progress.not_improving}};
  if (progress.converged_ms) details["ConvergenceDetectedTime"] = timestamp(*progress.converged_ms);
  if (progress.runtime_s) job.document["ConsumedResources"] = {{"RuntimeInSeconds", *progress.runtime_s}};
}

void show(store::Record& job, const Counters& counters) {
  job.document["TrainingJobStatusCounters"] = {{"Completed", counters.completed},
                                               {"InProgress", counters.in_progress},
                                               {"RetryableError", counters.retryable_error},
                                               {"NonRetryableError", counters.non_retryable_error},
                                               {"Stopped", counters.stopped}};
  job.document["ObjectiveStatusCounters"] = {
      {"Succeeded", counters.succeeded}, {"Pending", counters.pending}, {"Failed", counters.failed}};
}

void stop(store::Record& job, std::int64_t now_ms) { enter(job, "Stopping", now_ms); }

void finish(store::Record& job, std::string_view status, const std::string& reason, std::int64_t now_ms) {
  enter(job, status, now_ms);
  job.document["HyperParameterTuningEndTime"] = timestamp(job.modified_ms);
  if (!reason.empty()) job.document["FailureReason"] = runner::clean_text(reason, failure_reason_chars_max);
}

bool ended(const store::Record& job) {
  return job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
}

json& own_notes(store::Record& job) {
  json& notes = job.document["_notes"];
  if (!notes.is_object()) notes = json::object();
  return notes;
}

json description(const store::Record& job, const json& parents_best) {
  json shown = job.document;
  shown.erase("_notes");
  if (const auto single = shown.find("TrainingJobDefinition"); single != shown.end()) show_resources(*single);
  if (const auto several = shown.find("TrainingJobDefinitions"); several != shown.end())
    for (json& definition : *several) show_resources(definition);
  const json warm_start = shown.value("WarmStartConfig", json::object());
  if (warm_start.value("WarmStartType", "") == "IdenticalDataAndAlgorithm") {
    json own = shown.value("BestTrainingJob", json());
    if (!own.is_null()) own["TuningJobName"] = job.name;
    const json best =
        better_summary(own, parents_best, plan_of(job.document).definitions.front().objective.goal);
    if (!best.is_null()) shown["OverallBestTrainingJob"] = best;
  }
  return shown;
}

json summary(const store::Record& job) {
  json shown = {{"HyperParameterTuningJobName", job.name},
                {"HyperParameterTuningJobArn", job.arn},
                {"HyperParameterTuningJobStatus", job.status},
                {"CreationTime", timestamp(job.created_ms)},
                {"LastModifiedTime", timestamp(job.modified_ms)}};
  for (const char* member :
       {"HyperParameterTuningEndTime", "TrainingJobStatusCounters", "ObjectiveStatusCounters"})
    if (job.document.contains(member)) shown[member] = job.document[member];
  const json& config = job.document.at("HyperParameterTuningJobConfig");
  shown["Strategy"] = config.at("Strategy");
  shown["ResourceLimits"] = config.at("ResourceLimits");
  return shown;
}

}  // namespace sagemaker::local::services::tuning_job
