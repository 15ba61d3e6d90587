// The SageMaker control plane as one table of operations.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"

namespace sagemaker::local::services {

struct Executors {
  TrainingExecutor& training;
  JobExecutor& transform;
  JobExecutor& processing;
  JobExecutor& tuning;
};

OperationTable sagemaker_operations(Platform& platform, const Executors& executors, hosting::Fleet& fleet);

}  // namespace sagemaker::local::services
