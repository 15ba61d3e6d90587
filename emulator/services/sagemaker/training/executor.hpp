// Runs training jobs, and keeps what they share: instances and warm pools.
#pragma once

#include <string>

#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/job_run.hpp"
#include "emulator/services/sagemaker/training/objective_feed.hpp"

namespace sagemaker::local::services {

class TrainingExecutor {
 public:
  TrainingExecutor(Platform& platform, Capacity& capacity, const TrainingSettings& settings);

  JobExecutor& jobs() { return jobs_; }
  // At start-up: whatever an earlier emulator left unfinished goes on, or is given an end.
  void recover();

  // What StopTrainingJob does. False: it is not InProgress, or there is no such job. Throws
  // store::DatabaseError.
  bool stop(const std::string& job_name);

  WarmPools& warm_pools() { return warm_pools_; }
  // Of those jobs that tuning jobs have created.
  ObjectiveFeed& objectives() { return objectives_; }

 private:
  Platform& platform_;
  const TrainingSettings settings_;
  WarmPools warm_pools_;
  ObjectiveFeed objectives_;
  TrainingSite site_;
  JobExecutor jobs_;  // last: its jobs use the rest
};

}  // namespace sagemaker::local::services
