#include "emulator/services/sagemaker/hosting/live_endpoint.hpp"

namespace sagemaker::local::services::hosting {

std::shared_ptr<Deployment> LiveEndpoint::route(double random) const {
  const std::lock_guard lock(mutex_);
  for (const TrafficShare& part : traffic_) {
    random -= part.share;
    if (random < 0) return part.deployment;
  }
  // Shares that add up to a little less than 1.
  for (auto part = traffic_.rbegin(); part != traffic_.rend(); ++part)
    if (part->share > 0) return part->deployment;
  return nullptr;
}

std::shared_ptr<Deployment> LiveEndpoint::current() const {
  const std::lock_guard lock(mutex_);
  return traffic_.empty() ? nullptr : traffic_.front().deployment;
}

Traffic LiveEndpoint::traffic() const {
  const std::lock_guard lock(mutex_);
  return traffic_;
}

Traffic LiveEndpoint::serve(Traffic traffic) {
  const std::lock_guard lock(mutex_);
  return std::exchange(traffic_, std::move(traffic));
}

}  // namespace sagemaker::local::services::hosting
