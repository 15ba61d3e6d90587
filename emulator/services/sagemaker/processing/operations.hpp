// Processing jobs: what a request must satisfy, what a job looks like from outside, and which states it
// takes.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view processing_job_kind = "processing-job";
inline constexpr const char* processing_log_group = "/aws/sagemaker/ProcessingJobs";

// How these jobs are run. Both arguments must outlive what is returned.
JobKind processing_jobs(Platform& platform, Capacity& capacity);

// CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob, DeleteProcessingJob.
void add_processing_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor);

}  // namespace sagemaker::local::services
