// Runs training jobs: one thread a job, from its creation to its end.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/job_run.hpp"

namespace sagemaker::local::services {

class TrainingExecutor {
 public:
  TrainingExecutor(Platform& platform, const TrainingSettings& settings);
  ~TrainingExecutor();  // interrupts, and waits for the ends
  // Tells what runs to end, for a shutdown; those jobs fail with the reason, or go on at the next start. Does
  // not wait.
  void interrupt();

  // Starts the job of this record, which must be InProgress.
  void start(const store::Record& job);
  // StopTrainingJob: SIGTERM now, SIGKILL after the grace period; the state changes when the job has ended.
  void stop(const std::string& job_name);
  // Ends the attempt of a job that runs now as if its instances were gone. False where none runs.
  bool take_instances(const std::string& job_name, TrainingControl::Cause cause);
  // At start-up: whatever an earlier emulator left unfinished goes on, or is given an end.
  void recover();

  WarmPools& warm_pools() { return warm_pools_; }
  const Capacity& capacity() const { return capacity_; }

 private:
  void recover(const store::Record& left);

  Platform& platform_;
  const TrainingSettings settings_;
  Capacity capacity_;
  WarmPools warm_pools_;
  TrainingSite site_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<TrainingControl>> running_;  // by job name
  bool shutting_down_ = false;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services
