// What becomes of a request for a training job before it runs: checks against what is there, and the job's
// first record. For CreateTrainingJob, and for the jobs that a tuning job creates.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// All three take the members of CreateTrainingJob, and the first two throw ServiceFault ValidationException.

// That the image is one that can be run here, and that the output's place can be one.
void check_training_image(const Platform& platform, const json& input);
// That every channel finds objects to read.
void require_training_inputs(const Platform& platform, const json& input);
// A job that has just been created: InProgress, Starting, with the defaults that clients rely on. Tags are
// not part of it.
store::Record new_training_job(const Platform& platform, const json& input);

}  // namespace sagemaker::local::services
