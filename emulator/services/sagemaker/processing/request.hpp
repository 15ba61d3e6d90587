// From the document of a processing job to what the runner needs to run it.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/processing/run.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// Throws std::runtime_error where the job cannot be run any more, for example when its image is not known
// now. What is managed by the application itself (AppManaged) is in the job's configuration only.
runner::ProcessingSpec processing_spec(const json& job, Platform& platform);

}  // namespace sagemaker::local::services
