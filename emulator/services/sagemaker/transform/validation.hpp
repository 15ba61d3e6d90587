// What a CreateTransformJob request must satisfy beyond its shape.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::transform {

// Throws ServiceFault in AWS's words where one is known.
void check_request(const Platform& platform, const json& input);
// Whether a batch transform job can use the model (its document).
void check_model(const json& model);

}  // namespace sagemaker::local::services::transform
