// One endpoint while the emulator runs: the deployment that serves it, during an update also the next one,
// and how requests are shared among them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "emulator/services/sagemaker/hosting/deployment.hpp"
#include "emulator/services/sagemaker/hosting/skippable_wait.hpp"
#include "emulator/services/sagemaker/hosting/traffic_split.hpp"

namespace sagemaker::local::services::hosting {

using Traffic = TrafficSplit<Deployment>::Parts;

class LiveEndpoint {
 public:
  LiveEndpoint(std::string name, std::string arn) : name_(std::move(name)), arn_(std::move(arn)) {}
  const std::string& name() const { return name_; }
  const std::string& arn() const { return arn_; }

  // The deployment for the next request, `random` in [0, 1); null while nothing serves.
  std::shared_ptr<Deployment> route(double random) const { return split_.route(random); }
  // The endpoint's own deployment; null while nothing serves.
  std::shared_ptr<Deployment> current() const { return split_.first(); }

  Traffic traffic() const { return split_.parts(); }
  // From now on these serve. Returns those that did before.
  Traffic serve(Traffic traffic) { return split_.serve(std::move(traffic)); }

  // Lets time pass in an update. See SkippableWait.
  bool wait(std::chrono::milliseconds time, const std::function<bool()>& give_up) {
    return wait_.wait(time, give_up);
  }
  bool proceed() { return wait_.proceed(); }

 private:
  const std::string name_, arn_;
  TrafficSplit<Deployment> split_;
  SkippableWait wait_;
};

}  // namespace sagemaker::local::services::hosting
