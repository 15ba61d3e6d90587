// Tells a job that runs to end early: at a Stop* operation, at the emulator's shutdown.
#pragma once

#include <atomic>

namespace sagemaker::local::runner {

class StopSignal {
 public:
  void request() { requested_.store(true); }
  // The same for a shutdown, which somebody waits for: the containers get two seconds instead of AWS's grace
  // period.
  void request_now() {
    urgent_.store(true);
    requested_.store(true);
  }
  bool requested() const { return requested_.load(); }
  bool urgent() const { return urgent_.load(); }

 private:
  std::atomic<bool> requested_{false};
  std::atomic<bool> urgent_{false};
};

}  // namespace sagemaker::local::runner
