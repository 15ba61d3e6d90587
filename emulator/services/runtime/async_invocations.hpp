// Asynchronous endpoints: requests are accepted into a queue in the store, which outlives the emulator, and
// carried out as the endpoint's instances have room; also when there are none yet. An accepted request is
// carried out at least once and ends in an output, in a failure, or with its endpoint.
// https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "emulator/services/background.hpp"
#include "emulator/services/local_operation.hpp"
#include "emulator/services/runtime/async_notifications.hpp"
#include "emulator/services/runtime/async_request.hpp"
#include "emulator/services/runtime/async_work.hpp"

namespace sagemaker::local::services::runtime {

class AsyncInvocations {
 public:
  AsyncInvocations(Gateway& gateway, InvocationMetrics& metrics);
  ~AsyncInvocations();
  AsyncInvocations(const AsyncInvocations&) = delete;
  AsyncInvocations& operator=(const AsyncInvocations&) = delete;

  // The request is in the store when this returns. ServiceFault ValidationError where it is none.
  AsyncAccepted accept(const AsyncRequest& request);
  // At start: the requests that an earlier emulator has accepted.
  void recover();
  // A record of an endpoint has changed or is gone; with it goes its queue.
  void endpoint_changed(const std::string& endpoint);
  // Begins nothing more. What is interrupted from now on is for the next start.
  void stop();

  // GET /_local/endpoints/NAME/notifications
  void add_local_operations(LocalOperations& table);

 private:
  struct Ticket {
    std::string id;  // of the record
    std::int64_t received_ms = 0, expires_ms = 0;
    int attempts = 0;
  };
  // The queue of one endpoint.
  struct Lane {
    std::uint64_t generation = 0;  // an endpoint that is made anew has another one
    std::deque<Ticket> waiting;
    int running = 0;
    std::size_t expiring = 0;
    std::chrono::steady_clock::time_point paused_until{};  // the store did not work
    std::int64_t measured_ms = 0;                          // when its size was last published
    bool measured_empty = false;
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;

  void run();
  // With the lock held. How long the next look may wait.
  std::chrono::milliseconds look(std::int64_t now_ms);
  int room(const std::string& endpoint, const Lane& lane, int& instances) const;
  void begin(const std::string& endpoint, Lane& lane, const Ticket& ticket);
  void begin_expiry(const std::string& endpoint, Lane& lane, std::int64_t now_ms);
  void carry(const std::string& endpoint, std::uint64_t generation, Ticket ticket);
  // Returns those that have to wait because the store does not work.
  std::deque<Ticket> expire(std::deque<Ticket> tickets);
  Lane& lane_of(const std::string& endpoint);  // with the lock held
  void measure(const std::string& endpoint, Lane& lane, int instances, std::int64_t now_ms);
  bool stopping() const;

  Gateway& gateway_;
  InvocationMetrics& metrics_;
  AsyncNotifications notifications_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Lanes lanes_;
  std::uint64_t generations_ = 0;
  bool stopping_ = false;
  BackgroundTasks tasks_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace sagemaker::local::services::runtime
