#include "emulator/services/sagemaker/hosting/skippable_wait.hpp"

#include <algorithm>

namespace sagemaker::local::services::hosting {

bool SkippableWait::wait(std::chrono::milliseconds time, const std::function<bool()>& give_up) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  std::unique_lock lock(mutex_);
  const std::uint64_t before = proceeds_;
  ++waiting_;
  bool given_up = false;
  for (;;) {
    lock.unlock();
    given_up = give_up();
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    if (given_up || now >= deadline || proceeds_ != before) break;
    proceeded_.wait_until(lock, std::min(deadline, now + std::chrono::milliseconds(100)),
                          [&] { return proceeds_ != before; });
  }
  if (proceeds_ == before) --waiting_;
  return !given_up;
}

bool SkippableWait::proceed() {
  const std::lock_guard lock(mutex_);
  if (waiting_ == 0) return false;
  // They wait no longer, even before their threads have seen it: a call that follows at once is for the next
  // wait.
  waiting_ = 0;
  ++proceeds_;
  proceeded_.notify_all();
  return true;
}

}  // namespace sagemaker::local::services::hosting
