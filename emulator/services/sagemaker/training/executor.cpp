#include "emulator/services/sagemaker/training/executor.hpp"

#include <algorithm>

#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"

namespace sagemaker::local::services {
namespace {

// A job that no container has run for goes on as if nothing had happened. One that was running lost its
// instances: that is an interruption of a spot job, and an internal error of any other. Those of tuning jobs
// go on: the tuning job would have tried the same again.
bool resume(store::Record& job, std::int64_t now) {
  bool goes_on = false;
  // Until when it held them is not known; it changed last when it got them, or later.
  training_state::give_instances_back(job, std::min(now, job.modified_ms));
  const int retries = job.document.value("RetryStrategy", json::object()).value("MaximumRetryAttempts", 0);
  json& notes = training_state::own_notes(job);
  const bool trained = job.document.contains("TrainingStartTime");
  const std::string secondary = job.document.at("SecondaryStatus");
  if (job.status == "Stopping") {
    training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
  } else if (!trained || job.document.contains("TuningJobArn") ||
             job.document.value("EnableManagedSpotTraining", false) || secondary == "Interrupted" ||
             secondary == "Pending") {
    goes_on = true;
  } else if (notes.value("retries", 0) < retries) {
    notes["retries"] = notes.value("retries", 0) + 1;
    goes_on = true;
  } else {
    training_state::fail(
        job, "InternalServerError: sagemaker-local ended while the job ran. Please try again.", now);
  }
  if (goes_on && trained && secondary != "Interrupted" && secondary != "Starting" && secondary != "Pending" &&
      job.document.value("EnableManagedSpotTraining", false))
    training_state::enter(job, "Interrupted", "Training job interrupted. Waiting for spot instances", now);
  if (goes_on && secondary != "Starting")
    training_state::enter(job, "Starting", "Starting the training job", now);
  return goes_on;
}

}  // namespace

TrainingExecutor::TrainingExecutor(Platform& platform, Capacity& capacity, const TrainingSettings& settings)
    : platform_(platform),
      settings_(settings),
      warm_pools_(platform),
      site_{platform, settings_, capacity, warm_pools_, objectives_},
      jobs_(platform, capacity,
            {.records = training_job_kind,
             .noun = "training job",
             .folder = "training",
             .begin = [this](const store::Record& job, JobControl& control) -> std::function<void()> {
               const auto run = std::make_shared<TrainingJobRun>(site_, job.name, job.document, control);
               return [run] { run->run(); };
             },
             .resume = resume}) {}

bool TrainingExecutor::stop(const std::string& job_name) {
  bool stopping = false;
  platform_.records.update(training_job_kind, job_name, [&](store::Record& job) {
    if (job.status != "InProgress") return;
    stopping = true;
    job.status = "Stopping";
    job.document["TrainingJobStatus"] = "Stopping";
    training_state::enter(job, "Stopping", "Stopping the training job", platform_.now_ms());
    // Where the emulator ends before the job does, nobody else knows it any more.
    if (const auto curve = objectives_.curve(job_name); curve && !curve->empty())
      tuning_job::note_curve(job, *curve);
  });
  if (stopping) jobs_.stop(job_name);
  return stopping;
}

void TrainingExecutor::recover() {
  std::error_code ignored;
  std::filesystem::remove_all(platform_.work_directory / "warm-pools", ignored);
  jobs_.recover();
}

}  // namespace sagemaker::local::services
