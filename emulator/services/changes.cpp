#include "emulator/services/changes.hpp"

#include <condition_variable>
#include <optional>
#include <utility>

#include "emulator/waiting.hpp"

namespace sagemaker::local::services {

struct Changes::Waiter {
  std::condition_variable woken;
  bool changed = false;
};

// Among those that wait, where there is room, until the end of its scope.
class Changes::Place {
 public:
  Place(Changes& changes, std::string key, Waiter& waiter) : changes_(changes) {
    const std::lock_guard lock(changes_.mutex_);
    if (changes_.closed_ || changes_.waiters_.size() >= changes_.waits_max_) return;
    at_ = changes_.waiters_.emplace(std::move(key), &waiter);
  }
  ~Place() {
    if (!at_) return;
    const std::lock_guard lock(changes_.mutex_);
    changes_.waiters_.erase(*at_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool taken() const { return at_.has_value(); }

 private:
  Changes& changes_;
  std::optional<Waiters::iterator> at_;
};

std::string Changes::key_of(std::string_view kind, std::string_view name) {
  std::string key(kind);
  key.append(1, '/').append(name);  // no kind has a '/'
  return key;
}

void Changes::notify(std::string_view kind, std::string_view name) {
  const std::string key = key_of(kind, name);
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = waiters_.equal_range(key);
  for (auto at = begin; at != end; ++at) {
    at->second->changed = true;
    at->second->woken.notify_one();
  }
}

void Changes::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [key, waiter] : waiters_) waiter->woken.notify_one();
}

void Changes::wait(std::string_view kind, std::string_view name, std::chrono::milliseconds longest,
                   const std::function<bool()>& settled) {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  const Waiting waiting;
  Waiter self;
  // Among the waiters before the first question, so that no change between the question and the wait is
  // missed.
  const Place place(*this, key_of(kind, name), self);
  if (!place.taken()) return;
  bool in_time = true;
  while (in_time) {
    if (settled()) return;
    std::unique_lock lock(mutex_);
    in_time = self.woken.wait_until(lock, deadline, [&] { return self.changed || closed_; }) && !closed_;
    self.changed = false;
  }
}

}  // namespace sagemaker::local::services
