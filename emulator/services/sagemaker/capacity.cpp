#include "emulator/services/sagemaker/capacity.hpp"

#include <chrono>

namespace sagemaker::local::services {

Capacity::Claim::Claim(Capacity& capacity, int instances) : capacity_(capacity), instances_(instances) {
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
    lock.unlock();
    const bool done = give_up();
    lock.lock();
    if (granted_) break;
    if (done) return false;
    capacity_.changed_.wait_for(lock, std::chrono::seconds(1));
  }
  return true;
}

int Capacity::in_use() const {
  const std::lock_guard lock(mutex_);
  return total_ - free_;
}

void Capacity::wake() { changed_.notify_all(); }

void Capacity::grant() {
  // A job that is larger than the machine has to have the machine for itself.
  while (!queue_.empty() && (queue_.front()->instances_ <= free_ || free_ == total_)) {
    Claim* const first = queue_.front();
    queue_.pop_front();
    free_ -= first->instances_;
    first->granted_ = true;
  }
  changed_.notify_all();
}

}  // namespace sagemaker::local::services
