// Training, transform, processing and tuning jobs as a program that follows them sees them: what asks for
// them and what their descriptions call the same thing.
#pragma once

namespace sagemaker::detail {

struct JobKind {
  const char* title;          // "Training job ", before a job's name
  const char* describe;       // the operations
  const char* stop;           //
  const char* name_member;    // of requests and descriptions
  const char* status_member;  // "InProgress", "Completed", ...
  const char* start_member;   // since when its instances are billed
  const char* end_member;     //
  const char* log_group;
  bool transitions;  // whether descriptions tell the steps that a job went through
};

inline constexpr JobKind training_jobs{"Training job ",   "DescribeTrainingJob",         "StopTrainingJob",
                                       "TrainingJobName", "TrainingJobStatus",           "TrainingStartTime",
                                       "TrainingEndTime", "/aws/sagemaker/TrainingJobs", true};
inline constexpr JobKind transform_jobs{
    "Transform job ",   "DescribeTransformJob",         "StopTransformJob",
    "TransformJobName", "TransformJobStatus",           "TransformStartTime",
    "TransformEndTime", "/aws/sagemaker/TransformJobs", false};
inline constexpr JobKind processing_jobs{
    "Processing job ",   "DescribeProcessingJob",         "StopProcessingJob",
    "ProcessingJobName", "ProcessingJobStatus",           "ProcessingStartTime",
    "ProcessingEndTime", "/aws/sagemaker/ProcessingJobs", false};
// These have no log of their own.
inline constexpr JobKind tuning_jobs{"HyperParameterTuning job ",
                                     "DescribeHyperParameterTuningJob",
                                     "StopHyperParameterTuningJob",
                                     "HyperParameterTuningJobName",
                                     "HyperParameterTuningJobStatus",
                                     "CreationTime",
                                     "HyperParameterTuningEndTime",
                                     "",
                                     false};

}  // namespace sagemaker::detail
