#include "emulator/services/sagemaker/tuning/lost_trials.hpp"

#include <algorithm>
#include <string>

#include "emulator/services/sagemaker/training/state.hpp"

namespace sagemaker::local::services::tuning_job {

TrialJob lost_trial(TrialJob begun, std::optional<double> objective) {
  begun.job.status = "Stopped";
  begun.status = objective ? ObjectiveStatus::succeeded : ObjectiveStatus::failed;
  begun.objective = objective;
  return begun;
}

std::optional<TrialJob> lost_best(const json& tuning_job, std::span<const TrialJob> trials) {
  const auto best = tuning_job.find("BestTrainingJob");
  if (best == tuning_job.end()) return std::nullopt;
  TrialJob trial;
  trial.job.name = best->at("TrainingJobName");
  const bool known = std::any_of(trials.begin(), trials.end(),
                                 [&](const TrialJob& other) { return other.job.name == trial.job.name; });
  const auto metric = best->find("FinalHyperParameterTuningJobObjectiveMetric");
  if (known || metric == best->end()) return std::nullopt;
  trial.job.status = best->at("TrainingJobStatus");
  trial.job.document = json::object();
  if (best->contains("TrainingEndTime")) trial.job.document["TrainingEndTime"] = best->at("TrainingEndTime");
  const std::string tuning_job_name = tuning_job.at("HyperParameterTuningJobName");
  trial.number = std::stoll(trial.job.name.substr(tuning_job_name.size() + 1));
  trial.definition = best->value("TrainingJobDefinitionName", "");
  trial.tuned = best->at("TunedHyperParameters").get<tuning::Assignment>();
  trial.status = ObjectiveStatus::succeeded;
  trial.objective = metric->at("Value").get<double>();
  trial.curve = {*trial.objective};
  return trial;
}

Counters lost_counters(const json& tuning_job, const Counters& found, std::int64_t missing) {
  const json shown = tuning_job.value("TrainingJobStatusCounters", json::object());
  const json objectives = tuning_job.value("ObjectiveStatusCounters", json::object());
  const auto lost = [missing](const json& counters, const char* name, std::int64_t there) {
    return std::clamp<std::int64_t>(counters.value(name, std::int64_t{0}) - there, 0, missing);
  };
  Counters counters;
  counters.completed = lost(shown, "Completed", found.completed);
  counters.stopped = lost(shown, "Stopped", found.stopped);
  counters.retryable_error = lost(shown, "RetryableError", found.retryable_error);
  counters.non_retryable_error = lost(shown, "NonRetryableError", found.non_retryable_error);
  counters.succeeded = lost(objectives, "Succeeded", found.succeeded);
  counters.failed = lost(objectives, "Failed", found.failed);
  return counters;
}

Counters counters_of(std::span<const store::Record> trials) {
  Counters counters;
  for (const store::Record& job : trials) {
    if (!training_state::ended(job))
      ++counters.in_progress;
    else if (job.status == "Completed")
      ++counters.completed;
    else if (job.status == "Stopped")
      ++counters.stopped;
    else
      ++(is_retryable(job) ? counters.retryable_error : counters.non_retryable_error);
    const ObjectiveStatus objective = objective_status_of(job);
    ++(objective == ObjectiveStatus::succeeded ? counters.succeeded
       : objective == ObjectiveStatus::failed  ? counters.failed
                                               : counters.pending);
  }
  return counters;
}

}  // namespace sagemaker::local::services::tuning_job
