// Requests shared among a few things that serve, each by a shared pointer: who holds one has it until it lets
// it go, and what nobody else holds can be stopped.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::hosting {

template <class T>
class TrafficSplit {
 public:
  // The shares add up to 1. The first is what serves by itself; the others are those of an update.
  struct Part {
    std::shared_ptr<T> target;
    double share = 1;
  };
  using Parts = std::vector<Part>;

  // For the next request, `random` in [0, 1); null while nothing serves.
  std::shared_ptr<T> route(double random) const {
    const std::lock_guard lock(mutex_);
    for (const Part& part : parts_) {
      random -= part.share;
      if (random < 0) return part.target;
    }
    // Shares that add up to a little less than 1.
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part)
      if (part->share > 0) return part->target;
    return nullptr;
  }
  std::shared_ptr<T> first() const {
    const std::lock_guard lock(mutex_);
    return parts_.empty() ? nullptr : parts_.front().target;
  }
  Parts parts() const {
    const std::lock_guard lock(mutex_);
    return parts_;
  }
  // From now on these serve. Returns those that did before.
  Parts serve(Parts parts) {
    const std::lock_guard lock(mutex_);
    return std::exchange(parts_, std::move(parts));
  }

 private:
  mutable std::mutex mutex_;
  Parts parts_;
};

// Stops what gets no requests any more, when those that it has were answered. Stopped here and not by the
// last request that holds it: its client would wait for the end of the containers too. `drain_time`: for how
// long requests may hold it, see VariantPlan.
template <class T>
void retire(Platform& platform, std::shared_ptr<T> target, std::chrono::seconds drain_time,
            const std::function<bool()>& hurry) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::max(drain_time, platform.limits.runner.invocation_timeout);
  while (target.use_count() > 1 && !hurry() && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  target->stop(hurry() ? std::chrono::milliseconds(2'000)
                       : std::chrono::milliseconds(platform.limits.runner.serving_stop_grace));
}

}  // namespace sagemaker::local::services::hosting
