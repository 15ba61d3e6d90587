// ParameterRanges of a request as a search space. Bounds are texts in AWS's API; what they must look like is
// checked when a tuning job is created (range_validation.hpp).
#pragma once

#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/tuning/space.hpp"

namespace sagemaker::local::services::tuning_job {

// Of ParameterRanges or HyperParameterRanges: continuous, integer and categorical ranges in the order of the
// request. Throws std::invalid_argument for bounds that are no numbers.
std::vector<tuning::Parameter> parameters_of(const json& ranges);

}  // namespace sagemaker::local::services::tuning_job
