// What CreateProcessingJob demands of its request beyond the service model, and what of it is not implemented
// here.
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services {

// Throws ServiceFault: ValidationException, ResourceLimitExceeded.
void check_processing_request(const json& input);

}  // namespace sagemaker::local::services
