// What CreateTrainingJob demands of a request's channels and instances beyond the service model. Source: the
// API reference of Channel, S3DataSource, TrainingInputMode and ResourceConfig.
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services {

// Both throw ServiceFault ValidationException.
void check_instance_groups(const json& input);
void check_input_channels(const json& input);

}  // namespace sagemaker::local::services
