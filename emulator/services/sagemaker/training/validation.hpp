// What CreateTrainingJob demands of its request beyond the service model, and what of it is not implemented
// here.
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services {

// Throws ServiceFault ValidationException.
void check_training_request(const json& input);

}  // namespace sagemaker::local::services
