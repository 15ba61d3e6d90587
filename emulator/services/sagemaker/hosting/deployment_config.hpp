// DeploymentConfig: how UpdateEndpoint moves the requests to the new instances.
#pragma once

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::hosting {

// ValidationException in AWS's words where the parts of the policy do not fit together, or do not fit the
// endpoint: `next` is the endpoint configuration to deploy, `before` the one that is deployed; null: an
// endpoint is created. An empty policy is fine: all at once. The limits are those of the API's
// TrafficRoutingConfig, RollingUpdatePolicy and of "Deployment guardrails: exclusions".
void check_deployment_config(const json& policy, const json& next, const json* before);

}  // namespace sagemaker::local::services::hosting
