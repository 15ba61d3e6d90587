// A few threads for the many small pieces of one transfer. The thread that brings the work takes part in it,
// so that with one thread everything runs in the caller's, in order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace sagemaker::detail {

// Tasks must not throw. Only the owner's thread calls add() and run(); tasks may call continue_with().
class TaskPool {
 public:
  using Task = std::function<void()>;

  // `waiting_max`: how many tasks may wait for a thread before add() works on them itself.
  TaskPool(int threads, std::size_t waiting_max)
      : helpers_max_(static_cast<std::size_t>(threads > 1 ? threads - 1 : 0)), waiting_max_(waiting_max) {}
  ~TaskPool() {
    run();
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  void add(Task task) {
    put(waiting_, std::move(task));
    while (std::optional<Task> own = next_if_many()) perform(std::move(*own));
  }

  // A piece of something that was begun: it goes before what was only added.
  void continue_with(Task task) { put(begun_, std::move(task)); }

  // Works until nothing is left.
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return has_work() || running_ == 0; });
      if (!has_work()) return;
      Task task = take();
      lock.unlock();
      perform(std::move(task));
      lock.lock();
    }
  }

 private:
  bool has_work() const { return !begun_.empty() || !waiting_.empty(); }

  // With the mutex held; the task counts as running from here on.
  Task take() {
    std::deque<Task>& queue = begun_.empty() ? waiting_ : begun_;
    Task task = std::move(queue.front());
    queue.pop_front();
    ++running_;
    return task;
  }

  void put(std::deque<Task>& queue, Task task) {
    const std::lock_guard lock(mutex_);
    queue.push_back(std::move(task));
    if (idle_ < begun_.size() + waiting_.size() && helpers_.size() < helpers_max_) start_helper();
    changed_.notify_one();
  }

  // Where the system gives no more threads, those that are there do the work.
  void start_helper() {
    try {
      helpers_.emplace_back([this] { help(); });
      ++idle_;
    } catch (const std::system_error&) {
      helpers_max_ = helpers_.size();
    }
  }

  std::optional<Task> next_if_many() {
    const std::lock_guard lock(mutex_);
    if (begun_.size() + waiting_.size() <= idle_ + waiting_max_) return std::nullopt;
    return take();
  }

  void perform(Task task) {
    task();
    task = nullptr;  // what it holds goes before it counts as done
    const std::lock_guard lock(mutex_);
    if (--running_ == 0 && !has_work()) changed_.notify_all();
  }

  void help() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return closing_ || has_work(); });
      if (!has_work()) return;
      --idle_;
      Task task = take();
      lock.unlock();
      perform(std::move(task));
      lock.lock();
      ++idle_;
    }
  }

  std::size_t helpers_max_;
  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> begun_, waiting_;
  std::vector<std::thread> helpers_;
  std::size_t idle_ = 0;  // helpers that wait for a task
  int running_ = 0;
  bool closing_ = false;
};

}  // namespace sagemaker::detail
