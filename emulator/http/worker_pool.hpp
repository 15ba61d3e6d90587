// The threads that serve requests. They start when there is work and end when there has been none for a
// while, so an idle server has none. `threads` of them may run at once; one that waits (for its client, whose
// body drips or who does not read; for a container that does not answer) does not count, so slow ones cannot
// use up the threads that others need.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "emulator/waiting.hpp"

namespace sagemaker::local::http {

class WorkerPool final : private Waiting::Observer {
 public:
  // `on_thread_start` runs first on every new thread.
  WorkerPool(std::size_t threads, std::function<void()> on_thread_start);
  ~WorkerPool();  // shuts down
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Throws std::system_error where not even one thread can be started. `task` must not throw.
  void enqueue(std::function<void()> task);
  // Whether a thread may stay with its client for a moment: nothing is queued that wants it.
  bool may_linger() const;
  // Runs what is queued, then ends all threads and returns.
  void shutdown();

 private:
  using Threads = std::list<std::thread>;

  void begin_wait() noexcept override;
  void end_wait() noexcept override;
  void run(Threads::iterator self);
  bool wait_for_task(std::unique_lock<std::mutex>& lock);
  // With the lock held: one more thread where tasks wait and the limit allows it.
  void grow();

  const std::size_t threads_max_;
  const std::function<void()> on_thread_start_;
  mutable std::mutex mutex_;
  std::condition_variable task_or_end_;
  std::deque<std::function<void()>> tasks_;
  Threads running_;
  Threads ended_;  // to be joined
  std::size_t idle_ = 0;
  std::size_t waiting_ = 0;
  bool ending_ = false;
};

}  // namespace sagemaker::local::http
