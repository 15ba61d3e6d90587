// The states of a tuning job and the changes between them, applied to the job's document. Times that are
// shown never go back, whatever the clock does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services::tuning_job {

// TrainingJobStatusCounters and ObjectiveStatusCounters.
struct Counters {
  std::int64_t completed = 0, in_progress = 0, retryable_error = 0, non_retryable_error = 0, stopped = 0;
  std::int64_t succeeded = 0, pending = 0, failed = 0;  // objectives
};
Counters operator+(const Counters& a, const Counters& b);

// What Describe shows of a job's work so far.
struct Progress {
  Counters counters;
  json best;                                 // HyperParameterTrainingJobSummary; null: none yet
  std::int64_t not_improving = 0;            // NumberOfTrainingJobsObjectiveNotImproving
  std::optional<std::int64_t> converged_ms;  // ConvergenceDetectedTime
  std::optional<std::int64_t> runtime_s;     // ConsumedResources
};

// A job that has just been created: InProgress, with the defaults that Describe shows. `input`: the members
// of CreateHyperParameterTuningJob, checked; Tags are not part of the record.
store::Record new_tuning_job(const Platform& platform, const json& input, std::uint64_t drawn_seed);

void apply(store::Record& job, const Progress& progress, std::int64_t now_ms);
void show(store::Record& job, const Counters& counters);
// InProgress to Stopping.
void stop(store::Record& job, std::int64_t now_ms);
// Completed, Failed or Stopped: HyperParameterTuningEndTime. `reason`: FailureReason, cut to what AWS shows;
// "" for none.
void finish(store::Record& job, std::string_view status, const std::string& reason, std::int64_t now_ms);
bool ended(const store::Record& job);

// What only the emulator keeps with a job.
json& own_notes(store::Record& job);

// As DescribeHyperParameterTuningJob and ListHyperParameterTuningJobs show it. `parents_best`: of all parents
// of a warm start, null for none.
json description(const store::Record& job, const json& parents_best);
json summary(const store::Record& job);

}  // namespace sagemaker::local::services::tuning_job
