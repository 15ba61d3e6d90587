// One endpoint while the emulator runs: the deployment that serves it, during an update also the next one,
// and how requests are shared among them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "emulator/services/sagemaker/hosting/deployment.hpp"
#include "emulator/services/sagemaker/hosting/skippable_wait.hpp"

namespace sagemaker::local::services::hosting {

// What gets requests, and which part of them. The first is the endpoint's own; the others are those of an
// update. The shares add up to 1.
struct TrafficShare {
  std::shared_ptr<Deployment> deployment;
  double share = 1;
};
using Traffic = std::vector<TrafficShare>;

class LiveEndpoint {
 public:
  LiveEndpoint(std::string name, std::string arn) : name_(std::move(name)), arn_(std::move(arn)) {}
  const std::string& name() const { return name_; }
  const std::string& arn() const { return arn_; }

  // The deployment for the next request, `random` in [0, 1); null while nothing serves.
  std::shared_ptr<Deployment> route(double random) const;
  // The endpoint's own deployment; null while nothing serves.
  std::shared_ptr<Deployment> current() const;

  Traffic traffic() const;
  // From now on these serve. Returns those that did before.
  Traffic serve(Traffic traffic);

  // Lets time pass in an update. See SkippableWait.
  bool wait(std::chrono::milliseconds time, const std::function<bool()>& give_up) {
    return wait_.wait(time, give_up);
  }
  bool proceed() { return wait_.proceed(); }

 private:
  const std::string name_, arn_;
  mutable std::mutex mutex_;
  Traffic traffic_;
  SkippableWait wait_;
};

}  // namespace sagemaker::local::services::hosting
