// How an update of an endpoint replaces one deployment by the next: blue/green in one, two or many steps, or
// rolling in batches, with a way back, and so that no request is without an instance.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/live_endpoint.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::hosting {

// Where an update is: what DescribeEndpoint tells of the variants while it goes.
struct RolloutStage {
  std::string status;      // VariantStatus of the new variants: Creating, ActivatingTraffic, Baking, Deleting
  std::string message;     // StatusMessage
  double share = 0;        // of the requests that the new variants have
  bool committed = false;  // the new deployment is the endpoint's own: there is no way back any more
};

struct RolloutHooks {
  std::function<bool()> give_up;  // the emulator ends: whatever serves, serves on until it is stopped
  std::function<bool(const std::string& name)> in_alarm;     // whether this CloudWatch alarm is in ALARM
  std::function<void(const std::string& status)> on_status;  // "RollingBack"
  std::function<void(const RolloutStage& stage, const Deployment& next)> on_stage;
};

struct RolloutResult {
  std::string failure;           // in AWS's words; empty: the new deployment serves alone
  bool rollback_failed = false;  // old and new instances both serve: UpdateRollbackFailed
};

// Starts `next` and moves the requests of the endpoint over to it as `config`, a DeploymentConfig or an empty
// object (all at once), says. On success the new deployment serves alone and what served before is stopped;
// otherwise, but for a failed rollback, the endpoint is served as before and `next` is stopped.
RolloutResult roll_out(Platform& platform, LiveEndpoint& endpoint, std::shared_ptr<Deployment> next,
                       const json& config, const RolloutHooks& hooks);

}  // namespace sagemaker::local::services::hosting
