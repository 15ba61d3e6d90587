// Requests that are in flight together, with what comes of them in the order in which they were put in.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "emulator/services/sagemaker/transform/request_batch.hpp"

namespace sagemaker::local::services::transform {

class OrderedRequests {
 public:
  struct Hooks {
    // Sends a request and gives what is to be written for it. Called by `concurrent` threads.
    std::function<std::string(RequestBatch&)> send;
    // Called by the thread that calls put() and finish(), as is `stopped`.
    std::function<void(std::string_view)> write;
    std::function<bool()> stopped;
  };

  // `concurrent`: how many requests are in flight at most. Twice as many, or small ones, are held at a time.
  OrderedRequests(int concurrent, Hooks hooks);
  // Requests that have not begun are given up; those in flight are waited for.
  ~OrderedRequests();
  OrderedRequests(const OrderedRequests&) = delete;
  OrderedRequests& operator=(const OrderedRequests&) = delete;

  // Waits while too much is held. Both throw what `send` threw for the first request that failed, once none
  // is in flight, and TransformStopped.
  void put(RequestBatch&& batch);
  void finish();

 private:
  struct Slot {
    RequestBatch batch;
    std::string answer;
    std::size_t bytes = 0;  // of the batch, later of the answer
    bool done = false;
    std::exception_ptr fault = {};
  };
  using Lock = std::unique_lock<std::mutex>;

  void work();
  bool is_full() const;
  void wait_until(Lock& lock, const std::function<bool()>& ready);
  void write_what_is_ready(Lock& lock);
  [[noreturn]] void fail(Lock& lock);
  void close(Lock& lock);

  const std::size_t concurrent_;
  const Hooks hooks_;
  std::mutex mutex_;
  std::condition_variable work_came_, head_done_;
  std::deque<Slot> slots_;  // in order; the first is written next
  std::size_t begun_ = 0;   // of slots_, from the first
  std::size_t idle_ = 0;    // threads that wait for work
  std::size_t bytes_ = 0;   // in slots_
  bool failed_ = false, closed_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace sagemaker::local::services::transform
