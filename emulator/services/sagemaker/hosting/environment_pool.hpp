// Which environment of a serverless variant takes a request, when another one is to be started, and which
// have been idle for long enough to end. Knows neither containers nor clocks: the times are given.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "emulator/waiting.hpp"

namespace sagemaker::local::services::hosting {

template <typename Environment>
class EnvironmentPool {
 public:
  using Handle = std::shared_ptr<Environment>;
  using Time = std::chrono::steady_clock::time_point;

  // Each environment takes one request at a time, so that there are `max_concurrency` of them at most;
  // `provisioned` stay however idle they are.
  EnvironmentPool(int max_concurrency, int provisioned)
      : max_concurrency_(max_concurrency), provisioned_(provisioned) {}

  struct Entry {
    bool admitted = false;       // false: as many requests are under way as may be
    Handle environment;          // the one to use; null: call wait()
    bool start = false;          // the caller is to have one more started: put() or failed() is to follow
    std::vector<Handle> broken;  // were idle and cannot be used any more: the caller ends them
    int under_way = 0;           // requests, with this one
  };

  // A request comes. `usable`: whether an idle environment can still be spoken to.
  template <typename Usable>
  Entry enter(const Usable& usable) {
    const std::lock_guard lock(mutex_);
    Entry entry;
    if (closed_ || under_way_ >= max_concurrency_) return entry;
    entry.admitted = true;
    entry.under_way = ++under_way_;
    // The one that was used last comes first, so that those which are too many become idle.
    while (!idle_.empty() && !entry.environment) {
      Handle last = std::move(idle_.back().first);
      idle_.pop_back();
      if (usable(*last)) {
        ++busy_;
        entry.environment = std::move(last);
      } else {
        entry.broken.push_back(std::move(last));
      }
    }
    if (entry.environment) return entry;
    ++waiting_;
    entry.start = starting_ < waiting_;
    if (entry.start) ++starting_;
    return entry;
  }

  // For who was admitted without an environment: the first that is free, be it another than was started for
  // it. Null: none could be started, and `failure` says why.
  Handle wait(std::string& failure) {
    const Waiting waiting;  // for minutes, perhaps: keeps no thread from those who want something else
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !idle_.empty() || !failures_.empty(); });
    --waiting_;
    if (!idle_.empty()) {
      Handle taken = std::move(idle_.back().first);
      idle_.pop_back();
      ++busy_;
      return taken;
    }
    --under_way_;
    failure = "stopped";
    if (failures_.empty()) return nullptr;
    failure = std::move(failures_.front());
    failures_.pop_front();
    return nullptr;
  }

  // A request has been answered.
  void leave(Handle environment, Time now) {
    const std::lock_guard lock(mutex_);
    --under_way_;
    --busy_;
    add_idle(std::move(environment), now);
  }

  // One more may be started beside those that requests ask for.
  void begin_start() {
    const std::lock_guard lock(mutex_);
    ++starting_;
  }
  // One that was started serves.
  void put(Handle environment, Time now) {
    const std::lock_guard lock(mutex_);
    starting_ = std::max(0, starting_ - 1);
    add_idle(std::move(environment), now);
  }
  // One that was started does not serve: a request that has waited for it hears so.
  void failed(std::string reason) {
    const std::lock_guard lock(mutex_);
    starting_ = std::max(0, starting_ - 1);
    if (waiting_ <= starting_ + static_cast<int>(failures_.size())) return;
    failures_.push_back(std::move(reason));
    changed_.notify_all();
  }

  // Those that have been idle since `before` or longer and are not provisioned, longest first; they belong to
  // the caller, who ends them.
  std::vector<Handle> take_idle(Time before) {
    const std::lock_guard lock(mutex_);
    std::vector<Handle> ended;
    while (any_to_spare() && idle_.front().second <= before) {
      ended.push_back(std::move(idle_.front().first));
      idle_.pop_front();
    }
    return ended;
  }
  // The same by the machine's clock: waits until there are some. Empty: the pool was closed.
  std::vector<Handle> wait_idle(std::chrono::milliseconds time) {
    for (;;) {
      if (auto ended = take_idle(std::chrono::steady_clock::now() - time); !ended.empty()) return ended;
      std::unique_lock lock(mutex_);
      if (closed_) return {};
      if (!any_to_spare()) {
        sweeper_sleeps_ = true;
        idle_again_.wait(lock, [this] { return !sweeper_sleeps_; });
      } else {
        idle_again_.wait_until(lock, idle_.front().second + time, [this] { return closed_; });
      }
    }
  }

  // How many are missing of those that are provisioned.
  int missing() const {
    const std::lock_guard lock(mutex_);
    return std::max(0, provisioned_ - count() - starting_);
  }
  void resize(int max_concurrency, int provisioned) {
    const std::lock_guard lock(mutex_);
    max_concurrency_ = max_concurrency;
    provisioned_ = provisioned;
    wake_sweeper();
  }
  int max_concurrency() const {
    const std::lock_guard lock(mutex_);
    return max_concurrency_;
  }
  int provisioned() const {
    const std::lock_guard lock(mutex_);
    return provisioned_;
  }

  // Nobody is admitted any more, and nobody waits.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    idle_.clear();
    changed_.notify_all();
    wake_sweeper();
    idle_again_.notify_all();
  }

 private:
  void add_idle(Handle environment, Time now) {
    if (closed_) return;
    idle_.emplace_back(std::move(environment), now);
    if (waiting_ > 0) changed_.notify_all();
    wake_sweeper();
  }
  void wake_sweeper() {
    if (std::exchange(sweeper_sleeps_, false)) idle_again_.notify_all();
  }
  // A request that waits is about to take one: it must not find it gone, for no other is started for it.
  bool any_to_spare() const { return static_cast<int>(idle_.size()) > waiting_ && count() > provisioned_; }
  int count() const { return static_cast<int>(idle_.size()) + busy_; }

  mutable std::mutex mutex_;
  std::condition_variable changed_;     // for requests that wait
  std::condition_variable idle_again_;  // for wait_idle()
  int max_concurrency_, provisioned_;
  int under_way_ = 0;                         // requests that were admitted
  int waiting_ = 0;                           // those of them that have no environment yet
  int busy_ = 0, starting_ = 0;               // environments
  std::deque<std::pair<Handle, Time>> idle_;  // by the time since when they are
  std::deque<std::string> failures_;          // for requests that wait
  bool sweeper_sleeps_ = false;               // wait_idle() has no time to wait for
  bool closed_ = false;
};

}  // namespace sagemaker::local::services::hosting
