// What Autotune chooses where a request leaves it out. AWS says which members it may choose, not how:
// https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::tuning_job {

// The request of a tuning job with the Mode of Autotune Enabled, as Describe shows it then: every one of
// AutoParameters has become a range of the type that its ValueHint is an example of, and
// MaxNumberOfTrainingJobs, TrainingJobEarlyStoppingType, ConvergenceDetected and RetryStrategy have values.
// Of a request without Autotune it is what it was. The request has been checked.
json with_autotune(json request);

}  // namespace sagemaker::local::services::tuning_job
