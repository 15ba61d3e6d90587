// The training job operations: what a request must satisfy, what a job looks like from outside, and which
// states it takes. The work itself is done by the TrainingExecutor.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class TrainingExecutor;

inline constexpr std::string_view training_job_kind = "training-job";
inline constexpr const char* training_log_group = "/aws/sagemaker/TrainingJobs";

// CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob, DeleteTrainingJob.
void add_training_job_operations(OperationTable& table, Platform& platform, TrainingExecutor& executor);

}  // namespace sagemaker::local::services
