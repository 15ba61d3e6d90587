#include "emulator/services/sagemaker/tuning/trials.hpp"

#include <algorithm>
#include <cstdio>

#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr const char* mark = "tuning";  // among the emulator's own notes of a training job

json& own_mark(store::Record& job) { return training_state::own_notes(job)[mark]; }

const json* find_mark(const store::Record& job) {
  const auto notes = job.document.find("_notes");
  if (notes == job.document.end()) return nullptr;
  const auto found = notes->find(mark);
  return found == notes->end() ? nullptr : &*found;
}

constexpr const char* name_of(ObjectiveStatus status) {
  switch (status) {
    case ObjectiveStatus::succeeded:
      return "Succeeded";
    case ObjectiveStatus::failed:
      return "Failed";
    case ObjectiveStatus::pending:
      break;
  }
  return "Pending";
}

}  // namespace

std::string trial_job_name(const std::string& tuning_job, std::int64_t number, std::uint32_t suffix) {
  char end[48];
  std::snprintf(end, sizeof end, "-%03lld-%08x", static_cast<long long>(number), suffix);
  return tuning_job + end;
}

void mark_trial(store::Record& job, const std::string& tuning_job_arn, std::int64_t number,
                const Definition& definition, const tuning::Assignment& tuned) {
  job.document["TuningJobArn"] = tuning_job_arn;
  own_mark(job) = {{"number", number},
                   {"definition", definition.name},
                   {"tuned", tuned},
                   {"metric", definition.objective.metric},
                   {"minimize", definition.objective.goal == tuning::Goal::minimize}};
}

void note_curve(store::Record& job, const tuning::Curve& curve) {
  if (find_mark(job)) own_mark(job)["curve"] = curve;
}

bool is_trial_of(const store::Record& job, const std::string& tuning_job_arn) {
  return find_mark(job) && job.document.value("TuningJobArn", "") == tuning_job_arn;
}

TrialJob trial_of(const store::Record& job) {
  TrialJob trial;
  trial.job = job;
  const json* note = find_mark(job);
  if (!note) return trial;
  trial.number = note->value("number", std::int64_t{0});
  trial.definition = note->value("definition", "");
  trial.tuned = note->value("tuned", tuning::Assignment());
  trial.curve = note->value("curve", tuning::Curve());
  trial.status = objective_status_of(job);
  if (trial.status == ObjectiveStatus::succeeded) trial.objective = trial.curve.back();
  return trial;
}

ObjectiveStatus objective_status_of(const store::Record& job) {
  if (!training_state::ended(job)) return ObjectiveStatus::pending;
  const json* note = find_mark(job);
  const bool reported = note && note->contains("curve") && !note->at("curve").empty();
  return reported && job.status != "Failed" ? ObjectiveStatus::succeeded : ObjectiveStatus::failed;
}

bool is_retryable(const store::Record& job) {
  return job.document.value("FailureReason", "").starts_with("InternalServerError");
}

std::vector<store::Record> trial_records(const store::Records& records, const std::string& tuning_job_arn) {
  const std::string prefix = tuning_job_arn.substr(tuning_job_arn.rfind('/') + 1) + "-";
  std::vector<store::Record> jobs = records.with_prefix(training_job_kind, prefix);
  std::erase_if(jobs, [&](const store::Record& job) { return !is_trial_of(job, tuning_job_arn); });
  return jobs;
}

std::vector<TrialJob> trials_of(const store::Records& records, const std::string& tuning_job_arn) {
  std::vector<TrialJob> trials;
  for (const store::Record& job : trial_records(records, tuning_job_arn)) trials.push_back(trial_of(job));
  std::stable_sort(trials.begin(), trials.end(),
                   [](const TrialJob& a, const TrialJob& b) { return a.number < b.number; });
  return trials;
}

void release_trials(store::Records& records, const std::string& tuning_job_arn) {
  for (const TrialJob& trial : trials_of(records, tuning_job_arn))
    records.update(training_job_kind, trial.job.name,
                   [](store::Record& job) { training_state::own_notes(job).erase(mark); });
}

json summary(const TrialJob& trial) {
  const json& document = trial.job.document;
  json shown = {{"TrainingJobName", trial.job.name},
                {"TrainingJobArn", trial.job.arn},
                {"CreationTime", timestamp(trial.job.created_ms)},
                {"TrainingJobStatus", trial.job.status},
                {"TunedHyperParameters", trial.tuned},
                {"ObjectiveStatus", name_of(trial.status)}};
  for (const char* member : {"TrainingStartTime", "TrainingEndTime", "FailureReason"})
    if (document.contains(member)) shown[member] = document[member];
  if (!trial.definition.empty()) shown["TrainingJobDefinitionName"] = trial.definition;
  const json* note = find_mark(trial.job);
  if (trial.objective && note) {
    json& metric = shown["FinalHyperParameterTuningJobObjectiveMetric"];
    metric = {{"MetricName", note->at("metric")}, {"Value", *trial.objective}};
    // Jobs of one definition all have the objective of the tuning job.
    if (!trial.definition.empty()) metric["Type"] = note->value("minimize", false) ? "Minimize" : "Maximize";
  }
  return shown;
}

}  // namespace sagemaker::local::services::tuning_job
