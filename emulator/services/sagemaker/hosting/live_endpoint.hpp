// One endpoint while the emulator runs: the deployment that serves it, during an update also the next one,
// and how requests are shared between the two.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "emulator/services/sagemaker/hosting/deployment.hpp"

namespace sagemaker::local::services::hosting {

class LiveEndpoint {
 public:
  LiveEndpoint(std::string name, std::string arn) : name_(std::move(name)), arn_(std::move(arn)) {}
  const std::string& name() const { return name_; }
  const std::string& arn() const { return arn_; }

  // The deployment for the next request, `random` in [0, 1); null while nothing serves.
  std::shared_ptr<Deployment> route(double random) const;
  std::shared_ptr<Deployment> current() const;

  // From now on `next` gets this share of the requests.
  void shift(std::shared_ptr<Deployment> next, double share);
  // `next` serves alone. Returns what served before, null at first.
  std::shared_ptr<Deployment> promote(std::shared_ptr<Deployment> next);
  // The current deployment serves alone again.
  void withdraw();
  // Nothing serves any more. Returns what did.
  std::shared_ptr<Deployment> close();

  // Lets time pass in an update: returns true after `time`, or earlier when proceed() is called, and false as
  // soon as `give_up` says so, which is asked several times a second.
  bool wait(std::chrono::milliseconds time, const std::function<bool()>& give_up);
  void proceed();  // ends the wait that is under way

 private:
  const std::string name_, arn_;
  mutable std::mutex mutex_;
  std::condition_variable proceeded_;
  std::shared_ptr<Deployment> current_, next_;
  double share_ = 0;
  std::uint64_t proceeds_ = 0;
};

}  // namespace sagemaker::local::services::hosting
