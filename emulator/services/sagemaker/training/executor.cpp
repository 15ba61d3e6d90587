#include "emulator/services/sagemaker/training/executor.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"

namespace sagemaker::local::services {

TrainingExecutor::TrainingExecutor(Platform& platform, const TrainingSettings& settings)
    : platform_(platform),
      settings_(settings),
      capacity_(settings.instances_max),
      warm_pools_(platform),
      site_{platform, settings_, capacity_, warm_pools_} {}

TrainingExecutor::~TrainingExecutor() {
  interrupt();
  tasks_.join();
}

void TrainingExecutor::interrupt() {
  std::lock_guard lock(mutex_);
  shutting_down_ = true;
  for (auto& [name, control] : running_) control->shut_down();
}

void TrainingExecutor::start(const store::Record& record) {
  auto control = std::make_shared<TrainingControl>(capacity_);
  std::shared_ptr<TrainingJobRun> run;
  {
    std::lock_guard lock(mutex_);
    if (shutting_down_) return;  // recovery at the next start goes on with the job
    // Its place in the queue is taken here, not by its thread: those begin in any order.
    run = std::make_shared<TrainingJobRun>(site_, record.name, record.document, *control);
    running_[record.name] = control;
  }
  // Only its own entry: a new job may have taken the name of one that has ended and was deleted.
  const auto forget = [this, control, name = record.name] {
    std::lock_guard lock(mutex_);
    if (const auto found = running_.find(name); found != running_.end() && found->second == control)
      running_.erase(found);
  };
  try {
    tasks_.run([run, control, forget] {
      run->run();
      forget();
    });
  } catch (...) {
    forget();
    throw;
  }
}

void TrainingExecutor::stop(const std::string& job_name) {
  std::lock_guard lock(mutex_);
  if (const auto found = running_.find(job_name); found != running_.end()) found->second->stop();
}

bool TrainingExecutor::take_instances(const std::string& job_name, TrainingControl::Cause cause) {
  std::lock_guard lock(mutex_);
  const auto found = running_.find(job_name);
  return found != running_.end() && found->second->take_instances(cause);
}

// A job that no container has run for goes on as if nothing had happened. One that was running lost its
// instances: that is an interruption of a spot job, and an internal error of any other.
void TrainingExecutor::recover(const store::Record& left) {
  bool goes_on = false;
  const auto record = platform_.records.update(training_job_kind, left.name, [&](store::Record& job) {
    const std::int64_t now = platform_.now_ms();
    // Until when it held them is not known; it changed last when it got them, or later.
    training_state::give_instances_back(job, std::min(now, job.modified_ms));
    const int retries = job.document.value("RetryStrategy", json::object()).value("MaximumRetryAttempts", 0);
    json& notes = training_state::own_notes(job);
    const bool trained = job.document.contains("TrainingStartTime");
    const std::string secondary = job.document.at("SecondaryStatus");
    if (job.status == "Stopping") {
      training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
    } else if (!trained || job.document.value("EnableManagedSpotTraining", false) ||
               secondary == "Interrupted" || secondary == "Pending") {
      goes_on = true;
    } else if (notes.value("retries", 0) < retries) {
      notes["retries"] = notes.value("retries", 0) + 1;
      goes_on = true;
    } else {
      training_state::fail(
          job, "InternalServerError: sagemaker-local ended while the job ran. Please try again.", now);
    }
    if (goes_on && trained && secondary != "Interrupted" && secondary != "Starting" &&
        secondary != "Pending" && job.document.value("EnableManagedSpotTraining", false))
      training_state::enter(job, "Interrupted", "Training job interrupted. Waiting for spot instances", now);
    if (goes_on && secondary != "Starting")
      training_state::enter(job, "Starting", "Starting the training job", now);
  });
  if (!record) return;
  spdlog::warn("training job {} was not at its end when the last sagemaker-local ended: it {}", left.name,
               goes_on ? "goes on" : "is " + record->status + " now");
  if (goes_on) start(*record);
}

void TrainingExecutor::recover() {
  std::error_code ignored;
  std::filesystem::remove_all(platform_.work_directory / "training", ignored);
  std::filesystem::remove_all(platform_.work_directory / "warm-pools", ignored);
  for (const store::Record& left :
       platform_.records.with_status(training_job_kind, {"InProgress", "Stopping"})) {
    try {
      recover(left);
    } catch (const std::exception& error) {  // one record that cannot be read must not keep the emulator from
                                             // starting
      spdlog::error("training job {} cannot be given an end: {}", left.name, error.what());
    }
  }
}

}  // namespace sagemaker::local::services
