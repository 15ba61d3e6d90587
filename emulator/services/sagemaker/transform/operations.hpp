// Batch transform jobs: what a request must satisfy, what a job looks like from outside, and which states it
// takes.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view transform_job_kind = "transform-job";
inline constexpr const char* transform_log_group = "/aws/sagemaker/TransformJobs";

// How these jobs are run. Both arguments must outlive what is returned.
JobKind transform_jobs(Platform& platform, Capacity& capacity);

// CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob.
void add_transform_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor);

}  // namespace sagemaker::local::services
