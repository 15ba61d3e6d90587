// Tasks that outlive the request that started them. Every task is joined: when it has ended, or when this
// goes away.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services {

class BackgroundTasks {
 public:
  BackgroundTasks() = default;
  BackgroundTasks(const BackgroundTasks&) = delete;
  BackgroundTasks& operator=(const BackgroundTasks&) = delete;
  ~BackgroundTasks() { join(); }

  void run(std::function<void()> task) {
    std::list<Task> ended;
    std::lock_guard lock(mutex_);
    for (auto entry = tasks_.begin(); entry != tasks_.end();) {
      const auto next = std::next(entry);
      if (entry->ended) ended.splice(ended.end(), tasks_, entry);
      entry = next;
    }
    for (Task& task_ended : ended) task_ended.thread.join();  // ended: the join does not wait
    Task& slot = tasks_.emplace_back();
    try {
      slot.thread = std::thread([this, &slot, task = std::move(task)] {
        try {
          task();
        } catch (const std::exception& error) {  // a full disk, for example: it must not end the emulator
          spdlog::error("a task in the background failed: {}", error.what());
        }
        std::lock_guard end_lock(mutex_);
        slot.ended = true;
      });
    } catch (...) {  // no thread can be started: nothing is left that a join would wait for
      tasks_.pop_back();
      throw;
    }
  }

  // Waits for all of them; tasks should have been told to end before.
  void join() {
    for (;;) {
      std::list<Task> one;
      {
        std::lock_guard lock(mutex_);
        if (tasks_.empty()) return;
        one.splice(one.end(), tasks_, tasks_.begin());
      }
      one.front().thread.join();
    }
  }

 private:
  struct Task {
    std::thread thread;
    bool ended = false;
  };
  std::mutex mutex_;
  std::list<Task> tasks_;
};

// Does `work` again and again until it does not throw: how something has ended must be stored also where the
// disk was full when it did, or its record would say for ever that it goes on. `give_up` is asked several
// times a second.
inline void until_done(const std::function<void()>& work, const std::function<bool()>& give_up,
                       std::chrono::milliseconds pause = std::chrono::milliseconds(1'000)) {
  for (;;) {
    try {
      return work();
    } catch (const std::exception& error) {
      spdlog::error("tried again in {} ms: {}", pause.count(), error.what());
    }
    const auto next = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < next) {
      if (give_up()) return;
      std::this_thread::sleep_for(std::min(pause, std::chrono::milliseconds(50)));
    }
    if (give_up()) return;
  }
}

}  // namespace sagemaker::local::services
