// The waiting room of the server: one thread with epoll(7) holds every connection that is idle, still sending
// its headers, or being closed with care. A worker gets a connection only when a complete header block is
// there, so a thousand idle or dripping clients cost no thread and delay nobody. TLS handshakes take place
// here too. Deadlines are enforced here.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "emulator/http/connection.hpp"
#include "emulator/limits.hpp"

namespace sagemaker::local::http {

using ConnectionPointer = std::shared_ptr<Connection>;

class Front {
 public:
  // `dispatch` gets connections with a complete header block; it must not block, and gives each back by one
  // of park, linger or drop. It is called by the thread in run(). `tls`: null where only HTTP is spoken.
  Front(const HttpLimits& limits, const Tls* tls, std::function<void(ConnectionPointer)> dispatch);
  ~Front();  // closes all
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Takes over an accepted socket, or answers 503 where connections_max are open.
  void add(int descriptor);
  // From a worker: the next request may come.
  void park(const ConnectionPointer& connection);
  // From a worker: the last response was sent. Reads and drops what the client still sends for a moment,
  // because closing a socket with unread bytes would reset the connection and could destroy the response on
  // its way.
  void linger(const ConnectionPointer& connection);
  // From a worker: TLS broke off before anything was asked.
  void tls_failed(const ConnectionPointer& connection, const TlsError& error);
  // From a worker: closes.
  void drop(const ConnectionPointer& connection);

  // Serves the waiting room until stop().
  void run();
  // Async-signal-safe.
  void stop();
  // Closes what no worker has. How many connections workers still have.
  std::size_t close_waiting();
  // Cuts the connections that workers still have: their reads and writes fail at once.
  void abort_busy();

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class State { idle, receiving_header, busy, lingering };
  struct Entry {
    ConnectionPointer connection;
    State state = State::idle;
    Time deadline;
    std::size_t discarded = 0;  // while lingering
  };
  using Id =
      std::uint64_t;  // never used twice, unlike descriptors: a late event cannot hit a newer connection

  int next_timeout_ms(Time now);
  void handle_event(Id id);
  void receive_header(Id id, const ConnectionPointer& connection, State state);
  void refuse(Id id, const ConnectionPointer& connection, int status, const std::string& message);
  void discard(Id id, const ConnectionPointer& connection);
  void expire(Time now);
  void begin_linger(Id id, const ConnectionPointer& connection);
  void set_state(Id id, State state, std::chrono::milliseconds from_now);
  void erase(Id id);
  // Asks for the next event of this connection, once.
  void arm(Id id, const Connection& connection, bool first_time = false);
  void wake();

  const HttpLimits& limits_;
  const Tls* const tls_;
  const std::function<void(ConnectionPointer)> dispatch_;
  int epoll_ = -1;
  int wake_event_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> distrust_noted_{false};
  std::mutex mutex_;  // of what follows; never held while a socket is used
  std::unordered_map<Id, Entry> entries_;
  Id next_id_ = 1;
};

}  // namespace sagemaker::local::http
