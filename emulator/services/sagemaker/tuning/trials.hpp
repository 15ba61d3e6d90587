// The training jobs of a tuning job as their own records tell them. What a trial is, is kept in the record of
// its training job ("_notes": {"tuning": {...}}), in the same transaction as the job's own state, so that the
// two can never disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/tuning/definition.hpp"
#include "emulator/tuning/stopping.hpp"

namespace sagemaker::local::services::tuning_job {

enum class ObjectiveStatus { pending, succeeded, failed };

struct TrialJob {
  store::Record job;         // the training job
  std::int64_t number = 0;   // NNN of its name: its place in the order of creation, from 1
  std::string definition;    // name of its definition, "" where there is one
  tuning::Assignment tuned;  // TunedHyperParameters
  tuning::Curve curve;       // of a job that has ended: what it reported of the objective
  ObjectiveStatus status = ObjectiveStatus::pending;
  std::optional<double> objective;  // final; of `succeeded`
};

// "mnist-tuning-017-ab2e9b77"
std::string trial_job_name(const std::string& tuning_job, std::int64_t number, std::uint32_t suffix);
// Marks the record of a new training job as trial `number` of a tuning job: TuningJobArn, and what
// trial_of() reads.
void mark_trial(store::Record& job, const std::string& tuning_job_arn, std::int64_t number,
                const Definition& definition, const tuning::Assignment& tuned);
// What the trial has reported of its objective so far. The last of it is the objective of a job that has
// ended without a failure; a job that has reported nothing has none.
void note_curve(store::Record& job, const tuning::Curve& curve);
// Whether the training job is a trial of this tuning job.
bool is_trial_of(const store::Record& job, const std::string& tuning_job_arn);
// Of a tuning job that is deleted: its training jobs stay, and are trials of no later job of its name.
void release_trials(store::Records& records, const std::string& tuning_job_arn);
TrialJob trial_of(const store::Record& job);
// Its status alone, of a record that may be otherwise unreadable.
ObjectiveStatus objective_status_of(const store::Record& job);
// Whether a failure was an internal error, RetryableError of a tuning job's counters.
bool is_retryable(const store::Record& job);
// All training jobs of a tuning job that are still there, by number.
std::vector<TrialJob> trials_of(const store::Records& records, const std::string& tuning_job_arn);
// The records of them, in no order that means anything, whatever else they say.
std::vector<store::Record> trial_records(const store::Records& records, const std::string& tuning_job_arn);
// HyperParameterTrainingJobSummary.
json summary(const TrialJob& trial);

}  // namespace sagemaker::local::services::tuning_job
