// Training jobs below /_local/: their cost on AWS, and faults on demand.
#pragma once

#include "emulator/services/local_operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"

namespace sagemaker::local::services {

//   GET  /_local/training-jobs/NAME             {"InstanceHours", "EstimatedCostUSD", "Retries", ...}
//   POST /_local/training-jobs/NAME/interrupt   takes the instances of a managed spot job away
//   POST /_local/training-jobs/NAME/break-down  an instance breaks down: InternalServerError, or a retry
void add_training_local_operations(LocalOperations& table, Platform& platform, TrainingExecutor& executor);

}  // namespace sagemaker::local::services
