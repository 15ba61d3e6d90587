// CreateHyperParameterTuningJob, DescribeHyperParameterTuningJob, ListHyperParameterTuningJobs,
// ListTrainingJobsForHyperParameterTuningJob, StopHyperParameterTuningJob and
// DeleteHyperParameterTuningJob.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/jobs/executor.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"

namespace sagemaker::local::services {

// Of their records, and in their ARNs.
inline constexpr std::string_view tuning_job_kind = "hyper-parameter-tuning-job";

JobKind tuning_jobs(Platform& platform, TrainingExecutor& training);
void add_tuning_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor);

}  // namespace sagemaker::local::services
