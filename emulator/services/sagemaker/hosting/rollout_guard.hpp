// What ends an update before it is through: alarms, its time limit, the end of the emulator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::hosting {

class RolloutGuard {
 public:
  // `config`: a DeploymentConfig of an endpoint or of an inference component, or an empty object. The time of
  // MaximumExecutionTimeoutInSeconds begins now, by the platform's clock.
  RolloutGuard(const Platform& platform, const json& config, std::function<bool()> give_up,
               std::function<bool(const std::string& name)> in_alarm);
  // Why the update must not go on, for a FailureReason; empty: it may.
  std::string interruption() const;

 private:
  const Platform& platform_;
  const std::function<bool()> give_up_;
  const std::function<bool(const std::string& name)> in_alarm_;
  std::vector<std::string> alarms_;
  std::int64_t deadline_ms_ = 0;  // 0: none
};

}  // namespace sagemaker::local::services::hosting
