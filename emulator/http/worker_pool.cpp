// See worker_pool.hpp.
#include "emulator/http/worker_pool.hpp"

#include <chrono>
#include <system_error>
#include <utility>

namespace sagemaker::local::http {
namespace {

// Long enough that a client which pauses between requests finds a warm thread, short enough that memory comes
// back.
constexpr std::chrono::seconds kIdleTime{10};

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::function<void()> on_thread_start)
    : threads_max_(threads), on_thread_start_(std::move(on_thread_start)) {}

WorkerPool::~WorkerPool() { shutdown(); }

void WorkerPool::grow() {
  if (tasks_.size() <= idle_ || running_.size() - waiting_ >= threads_max_) return;
  for (std::thread& thread : ended_) thread.join();  // they hold no lock any more and are about to end
  ended_.clear();
  running_.emplace_front();
  try {
    running_.front() = std::thread([this, self = running_.begin()] { run(self); });
  } catch (const std::system_error&) {
    running_.pop_front();
    if (running_.empty()) throw;  // otherwise the others will come to it
  }
}

void WorkerPool::enqueue(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    try {
      grow();
    } catch (...) {
      tasks_.pop_back();
      throw;
    }
  }
  task_or_end_.notify_one();
}

bool WorkerPool::may_linger() const {
  const std::lock_guard lock(mutex_);
  return tasks_.empty() && running_.size() <= threads_max_ && !ending_;
}

bool WorkerPool::wait_for_task(std::unique_lock<std::mutex>& lock) {
  const auto something_to_do = [this] { return !tasks_.empty() || ending_; };
  // Threads beyond the limit stood in for others that waited.
  if (!something_to_do() && running_.size() - waiting_ <= threads_max_) {
    ++idle_;
    task_or_end_.wait_for(lock, kIdleTime, something_to_do);
    --idle_;
  }
  return !tasks_.empty();
}

void WorkerPool::run(Threads::iterator self) {
  on_thread_start_();
  Waiting::set_observer(this);
  std::unique_lock lock(mutex_);
  while (wait_for_task(lock)) {
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds is released before this thread is idle
    lock.lock();
  }
  ended_.splice(ended_.begin(), running_, self);
  task_or_end_.notify_all();
}

void WorkerPool::shutdown() {
  Threads ended;
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    task_or_end_.notify_all();
    task_or_end_.wait(lock, [this] { return running_.empty(); });
    ended.swap(ended_);
  }
  for (std::thread& thread : ended) thread.join();
}

void WorkerPool::begin_wait() noexcept {
  const std::lock_guard lock(mutex_);
  ++waiting_;
  try {
    grow();
  } catch (...) {
    // No thread, no memory: others have to wait for this one, as they would without this call.
  }
}

void WorkerPool::end_wait() noexcept {
  const std::lock_guard lock(mutex_);
  --waiting_;
}

}  // namespace sagemaker::local::http
