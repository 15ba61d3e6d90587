// DeploymentConfig: how UpdateEndpoint moves the requests to the new instances.
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::hosting {

// ValidationException in AWS's words where the parts of the policy do not fit together. An empty object is
// fine: all at once.
void check_deployment_config(const json& config);

}  // namespace sagemaker::local::services::hosting
