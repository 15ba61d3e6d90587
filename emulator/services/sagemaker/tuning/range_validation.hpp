// What CreateHyperParameterTuningJob demands of the ranges and the static hyperparameters of one training job
// definition.
#pragma once

#include <optional>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::tuning_job {

// `ranges`: ParameterRanges or HyperParameterRanges; `fixed`: StaticHyperParameters; `metric`: of the
// objective. Throws ServiceFault ValidationException.
void check_ranges(const json& ranges, const json& fixed, const std::string& metric);

// How many configurations the ranges hold; nullopt where there is a continuous range or a hint, of which the
// range is not known. Large products lose digits, as they do in AWS's texts.
std::optional<double> combinations(const json& ranges);

}  // namespace sagemaker::local::services::tuning_job
