// ParameterRanges of a request as a search space. Bounds are texts in AWS's API; what they must look like is
// checked when a tuning job is created (validation.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/tuning/space.hpp"

namespace sagemaker::local::services::tuning_job {

// A bound of a continuous range, "1e-05"; nullopt for what is no finite number.
std::optional<double> continuous_bound(const std::string& text);
// A bound of an integer range, "32"; nullopt for what is none or does not fit into 64 bits.
std::optional<std::int64_t> integer_bound(const std::string& text);

// Of ParameterRanges or HyperParameterRanges: continuous, integer and categorical ranges in the order of the
// request. Throws std::invalid_argument for bounds that are no numbers.
std::vector<tuning::Parameter> parameters_of(const json& ranges);

}  // namespace sagemaker::local::services::tuning_job
