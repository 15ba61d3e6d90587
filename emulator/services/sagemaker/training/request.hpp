// From the document of a training job to what the runner needs to run it.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/training/run.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// Throws std::runtime_error where the job cannot be run any more, for example when its image is not known
// now.
runner::TrainingSpec training_spec(const json& job, Platform& platform);

}  // namespace sagemaker::local::services
