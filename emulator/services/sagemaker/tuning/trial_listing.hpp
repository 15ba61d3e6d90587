// ListTrainingJobsForHyperParameterTuningJob.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/store/records.hpp"

namespace sagemaker::local::services::tuning_job {

// A page of the tuning job's training jobs, in the order and with the filter of the request: by name and
// ascending where it does not say. Pages stay stable while jobs come and end. Throws ServiceFault
// ValidationException for a token that is none of this listing.
json list_trials(const store::Records& records, const store::Record& tuning_job, const json& input);

}  // namespace sagemaker::local::services::tuning_job
