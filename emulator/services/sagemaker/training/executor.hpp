// Runs training jobs, and keeps what they share: instances and warm pools.
#pragma once

#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/job_run.hpp"

namespace sagemaker::local::services {

class TrainingExecutor {
 public:
  TrainingExecutor(Platform& platform, Capacity& capacity, const TrainingSettings& settings);

  JobExecutor& jobs() { return jobs_; }
  // At start-up: whatever an earlier emulator left unfinished goes on, or is given an end.
  void recover();

  WarmPools& warm_pools() { return warm_pools_; }

 private:
  Platform& platform_;
  const TrainingSettings settings_;
  WarmPools warm_pools_;
  TrainingSite site_;
  JobExecutor jobs_;  // last: its jobs use the rest
};

}  // namespace sagemaker::local::services
