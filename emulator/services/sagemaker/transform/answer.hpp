// What is written of the model's answer to a request.
#pragma once

#include <string>

#include "emulator/services/sagemaker/transform/object_transform.hpp"
#include "emulator/services/sagemaker/transform/request_batch.hpp"

namespace sagemaker::local::services::transform {

// The answer with the input joined, the filter applied and the ends of line that the job asks for.
// Thread-safe. Throws TransformFailure for an answer that does not have a prediction for every record where
// one is needed.
std::string written_answer(const ObjectSettings& settings, const RequestBatch& batch, std::string answer);

}  // namespace sagemaker::local::services::transform
