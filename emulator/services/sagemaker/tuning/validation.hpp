// What CreateHyperParameterTuningJob demands of its request beyond the service model, in AWS's words where
// they are known, and what of it is not implemented here.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::tuning_job {

// The request by itself. Throws ServiceFault.
void check_request(const Platform& platform, const json& input);
// What has to be there: the inputs of the training jobs.
void check_surroundings(const Platform& platform, const json& input);

}  // namespace sagemaker::local::services::tuning_job
