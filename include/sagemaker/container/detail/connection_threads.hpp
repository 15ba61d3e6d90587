// The threads that serve connections. A kept-alive connection holds its thread, so threads are started when
// one is needed rather than shared out of a small pool, where idle connections would starve the others.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sagemaker/aws/httplib.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::detail {

class ConnectionThreads : public httplib::TaskQueue {
 public:
  using Task = std::function<void()>;
  // void in older versions of cpp-httplib, bool in newer ones.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(Task()));

  // `after_each` runs on the thread when a connection has ended.
  ConnectionThreads(std::size_t threads_max, Task after_each)
      : threads_max_(threads_max), after_each_(std::move(after_each)) {}

  Enqueued enqueue(Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > idle_ && threads_.size() < threads_max_) {
      try {
        threads_.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        // The system gives no more threads: those that are there take the connection when they are free.
        if (threads_.empty()) throw;
      }
    }
    arrived_.notify_one();
    return static_cast<Enqueued>(true);
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      arrived_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      arrived_.wait(lock, [&] { return ended_ || !tasks_.empty(); });
      --idle_;
      if (tasks_.empty()) return;
      const Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      after_each_();
      lock.lock();
    }
  }

  const std::size_t threads_max_;
  const Task after_each_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> tasks_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ended_ = false;
};

}  // namespace sagemaker::container::detail
