// How an update of an endpoint replaces one deployment by the next: blue/green, so that no request is without
// an instance.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/live_endpoint.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::hosting {

struct RolloutHooks {
  std::function<bool()> give_up;  // the emulator ends: whatever serves, serves on until it is stopped
  std::function<bool(const std::string& name)> in_alarm;     // whether this CloudWatch alarm is in ALARM
  std::function<void(const std::string& status)> on_status;  // "RollingBack"
};

// Starts `next` and moves the requests of the endpoint over to it as `config`, a DeploymentConfig or an empty
// object (all at once), says. Afterwards `next` serves alone and what served before is stopped. Otherwise the
// answer is why, in AWS's words, and the endpoint is served as before.
std::string roll_out(Platform& platform, LiveEndpoint& endpoint, const std::shared_ptr<Deployment>& next,
                     const json& config, const RolloutHooks& hooks);

// Stops a deployment that gets no requests any more, when those that it has were answered.
void retire(Platform& platform, std::shared_ptr<Deployment> deployment, const std::function<bool()>& hurry);

}  // namespace sagemaker::local::services::hosting
