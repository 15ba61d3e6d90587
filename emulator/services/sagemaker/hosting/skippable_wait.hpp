// Time that an update lets pass (baking, termination), which somebody who does not want to wait can cut
// short.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace sagemaker::local::services::hosting {

class SkippableWait {
 public:
  // Returns true after `time`, or earlier when proceed() is called, and false as soon as `give_up` says so,
  // which is asked several times a second and at least once.
  bool wait(std::chrono::milliseconds time, const std::function<bool()>& give_up);
  // Ends the wait that is under way. False: there is none.
  bool proceed();

 private:
  std::mutex mutex_;
  std::condition_variable proceeded_;
  int waiting_ = 0;
  std::uint64_t proceeds_ = 0;
};

}  // namespace sagemaker::local::services::hosting
