#include "emulator/services/sagemaker/hosting/live_endpoint.hpp"

#include <algorithm>

namespace sagemaker::local::services::hosting {

std::shared_ptr<Deployment> LiveEndpoint::route(double random) const {
  const std::lock_guard lock(mutex_);
  return next_ && random < share_ ? next_ : current_;
}

std::shared_ptr<Deployment> LiveEndpoint::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void LiveEndpoint::shift(std::shared_ptr<Deployment> next, double share) {
  const std::lock_guard lock(mutex_);
  next_ = std::move(next);
  share_ = share;
}

std::shared_ptr<Deployment> LiveEndpoint::promote(std::shared_ptr<Deployment> next) {
  const std::lock_guard lock(mutex_);
  next_.reset();
  share_ = 0;
  return std::exchange(current_, std::move(next));
}

void LiveEndpoint::withdraw() {
  std::shared_ptr<Deployment> withdrawn;  // not destroyed while the mutex is held
  const std::lock_guard lock(mutex_);
  withdrawn = std::exchange(next_, nullptr);
  share_ = 0;
}

std::shared_ptr<Deployment> LiveEndpoint::close() { return promote(nullptr); }

bool LiveEndpoint::wait(std::chrono::milliseconds time, const std::function<bool()>& give_up) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  std::unique_lock lock(mutex_);
  const std::uint64_t before = proceeds_;
  while (proceeds_ == before) {
    lock.unlock();
    if (give_up()) return false;
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return true;
    proceeded_.wait_until(lock, std::min(deadline, now + std::chrono::milliseconds(100)),
                          [&] { return proceeds_ != before; });
  }
  return true;
}

void LiveEndpoint::proceed() {
  const std::lock_guard lock(mutex_);
  ++proceeds_;
  proceeded_.notify_all();
}

}  // namespace sagemaker::local::services::hosting
