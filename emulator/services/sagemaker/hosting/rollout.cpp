#include "emulator/services/sagemaker/hosting/rollout.hpp"

#include <chrono>
#include <thread>

namespace sagemaker::local::services::hosting {

void retire(Platform& platform, std::shared_ptr<Deployment> deployment, const std::function<bool()>& hurry) {
  using Clock = std::chrono::steady_clock;
  // Stopped here and not by the last request that holds it: its client would wait for the end of the
  // containers too.
  const auto deadline = Clock::now() + platform.limits.runner.invocation_timeout;
  while (deployment.use_count() > 1 && !hurry() && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  deployment->stop(hurry() ? std::chrono::milliseconds(2'000)
                           : std::chrono::milliseconds(platform.limits.runner.serving_stop_grace));
}

std::string roll_out(Platform& platform, LiveEndpoint& endpoint, const std::shared_ptr<Deployment>& next,
                     const json&, const RolloutHooks& hooks) {
  if (std::string failure = next->start(hooks.give_up); !failure.empty()) return failure;
  if (auto replaced = endpoint.promote(next)) retire(platform, std::move(replaced), hooks.give_up);
  return {};
}

}  // namespace sagemaker::local::services::hosting
