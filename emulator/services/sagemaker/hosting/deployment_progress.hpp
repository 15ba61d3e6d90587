// What DescribeEndpoint tells of an endpoint while it is created or updated: PendingDeploymentSummary, and
// the VariantStatus of its variants.
#pragma once

#include <cstdint>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/rollout.hpp"

namespace sagemaker::local::services::hosting {

// As the work begins: nothing runs of `config`, an endpoint configuration, yet.
json pending_deployment(const json& config, std::int64_t now_ms);

// Writes the stage into the endpoint's document. `before`: what serves beside `next`; null: nothing does.
void note_stage(json& document, const RolloutStage& stage, const Deployment& next, const Deployment* before,
                std::int64_t now_ms);

// VariantStatus with one entry.
json variant_status(const std::string& status, const std::string& message, std::int64_t now_ms);

}  // namespace sagemaker::local::services::hosting
