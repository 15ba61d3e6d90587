// A small piece of work that is done again and again beside a running job, on a thread of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace sagemaker::local::services {

// Twice a second; where the work takes its time, more rarely, so that it never takes much of a processor.
class PacedWork {
 public:
  PacedWork() = default;
  ~PacedWork() { stop(); }
  PacedWork(const PacedWork&) = delete;
  PacedWork& operator=(const PacedWork&) = delete;

  // `work` must not throw.
  void start(std::function<void()> work) {
    thread_ = std::thread([this, work = std::move(work)] {
      for (Clock::time_point next = Clock::now() + step; wait(next);) {
        const Clock::time_point started = Clock::now();
        work();
        const Clock::time_point ended = Clock::now();
        next = ended + std::clamp<Clock::duration>(share_of_time * (ended - started), step, step_max);
      }
    });
  }
  // Waits for the piece that is being done. It cannot be started again.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    stopping_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds step{500}, step_max{5'000};
  static constexpr int share_of_time = 50;  // the reciprocal

  bool wait(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return !stopping_.wait_until(lock, until, [this] { return stopped_; });
  }

  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sagemaker::local::services
