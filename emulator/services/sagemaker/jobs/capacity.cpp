#include "emulator/services/sagemaker/jobs/capacity.hpp"

#include <chrono>

namespace sagemaker::local::services {

Capacity::Claim::Claim(Capacity& capacity, int instances, const void* owner)
    : capacity_(capacity), instances_(instances), owner_(owner) {
  const std::lock_guard lock(capacity_.mutex_);
  place_ = capacity_.queue_.insert(capacity_.queue_.end(), this);
  capacity_.grant();
}

Capacity::Claim::~Claim() {
  const std::lock_guard lock(capacity_.mutex_);
  if (granted_)
    capacity_.free_ += instances_;
  else
    capacity_.queue_.erase(place_);
  capacity_.grant();
}

bool Capacity::Claim::granted() const {
  const std::lock_guard lock(capacity_.mutex_);
  return granted_;
}

bool Capacity::Claim::wait(const std::function<bool()>& give_up) {
  std::unique_lock lock(capacity_.mutex_);
  while (!granted_) {
    woken_ = false;
    lock.unlock();
    const bool done = give_up();
    lock.lock();
    if (granted_) break;
    if (done) return false;
    changed_.wait_for(lock, std::chrono::seconds(1), [this] { return granted_ || woken_; });
  }
  return true;
}

int Capacity::in_use() const {
  const std::lock_guard lock(mutex_);
  return total_ - free_;
}

void Capacity::wake(const void* owner) {
  const std::lock_guard lock(mutex_);
  for (Claim* const claim : queue_) {
    if (claim->owner_ != owner) continue;
    claim->woken_ = true;
    claim->changed_.notify_one();
  }
}

void Capacity::grant() {
  // A job that is larger than the machine has to have the machine for itself.
  while (!queue_.empty() && (queue_.front()->instances_ <= free_ || free_ == total_)) {
    Claim* const first = queue_.front();
    queue_.pop_front();
    free_ -= first->instances_;
    first->granted_ = true;
    first->changed_.notify_one();
  }
}

}  // namespace sagemaker::local::services
