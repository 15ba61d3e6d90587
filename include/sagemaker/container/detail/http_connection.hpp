// One client's connection to a serving program, and one request on it with its answer. The loop that owns the
// connection reads requests; any thread answers them. No torch in here.
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/container/detail/http_message.hpp>

namespace sagemaker::container::detail {

using HttpClock = std::chrono::steady_clock;

class Exchange;

// What all connections of a server share.
struct HttpShared {
  HttpLimits limits;
  std::chrono::milliseconds answer_timeout{60'000};  // for one request, from its last byte on
  std::atomic<bool> draining{false};
  std::atomic<int> busy{0};  // connections with a request or an answer under way
  std::atomic<int> connections{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpShared& shared, int socket, int epoll)
      : shared_(shared), socket_(socket), epoll_(epoll), reader_(shared.limits) {
    ++shared_.connections;
  }
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- for the loop ----
  // What epoll reported. Gives back a request that became complete, which is to be answered; null where there
  // is none. `scratch` is memory to read into.
  std::shared_ptr<Exchange> on_events(std::uint32_t events, std::string& scratch, HttpClock::time_point now);
  // Ends what takes too long.
  void on_time(HttpClock::time_point now);
  // The loop is to forget it: everything ended.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  void close();

  // ---- for the threads that answer ----
  // False where nobody waits for the answer any more.
  bool answer(const Exchange* exchange, HttpResponse&& response);
  bool begin_stream(const Exchange* exchange, const HttpResponse& response);
  bool write_stream(const Exchange* exchange, std::string_view piece);
  void end_stream(const Exchange* exchange, bool complete);

 private:
  static constexpr std::size_t pipelined_bytes_max = 256 << 10;
  static constexpr std::size_t copied_bytes_max = 64 << 10;
  static constexpr std::chrono::seconds progress_timeout{60};  // while a request or an answer is under way
  static constexpr std::chrono::seconds request_timeout{600};  // for all bytes of a request
  static constexpr std::chrono::seconds head_timeout{60};
  static constexpr std::chrono::seconds idle_timeout{120};
  static constexpr std::chrono::seconds linger_timeout{30};

  // All of these with mutex_ held.
  void receive(std::string& scratch);
  void read_requests(std::string_view bytes);
  void refuse();
  void flush();
  void send_or_keep(std::string& message, std::size_t sent);
  void answer_now(HttpResponse&& response, bool keep_alive);
  void finish_answer(bool keep_alive);
  bool stays_open(const Exchange& exchange) const;
  void fail();
  void settle();  // after every change: what epoll is to report, and whether the connection is busy
  bool wait_until_writable(std::unique_lock<std::mutex>& lock, const Exchange* exchange);

  HttpShared& shared_;
  int socket_;
  const int epoll_;
  std::mutex mutex_;
  RequestReader reader_;
  std::string pending_;                // bytes after the request at hand
  std::shared_ptr<Exchange> current_;  // the request that waits for its answer
  std::shared_ptr<Exchange> ready_;    // just became complete
  std::string out_;                    // what the socket did not take yet
  std::size_t sent_ = 0;
  bool end_of_input_ = false;
  bool close_after_ = false;  // when out_ is sent
  bool lingering_ = false;    // answered for the last time; what still comes is thrown away
  bool streaming_ = false;    // the answer to current_ has begun
  bool busy_ = false;
  std::uint32_t armed_ = EPOLLIN;
  HttpClock::time_point progress_ = HttpClock::now();  // the last byte either way
  HttpClock::time_point began_ = progress_;            // the request, or lingering
  std::atomic<bool> ended_{false};
};

// One request and the one answer to it.
class Exchange {
 public:
  Exchange(std::shared_ptr<Connection> connection, HttpRequest&& request, std::chrono::milliseconds timeout)
      : request_(std::move(request)), deadline_(arrived_ + timeout), connection_(std::move(connection)) {}

  const HttpRequest& request() const { return request_; }
  HttpRequest& request() { return request_; }
  HttpClock::time_point arrived() const { return arrived_; }
  HttpClock::time_point deadline() const { return deadline_.load(std::memory_order_relaxed); }
  void set_deadline(HttpClock::time_point deadline) { deadline_.store(deadline, std::memory_order_relaxed); }
  // Nobody waits for the answer any more: it took too long, or the client is gone.
  bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }
  void abandon() { abandoned_.store(true, std::memory_order_relaxed); }

  // Any thread, once. False where nobody waits any more.
  bool answer(HttpResponse&& response) { return connection_->answer(this, std::move(response)); }

  // Instead: an answer in pieces. write() waits for a slow client and is false once that is in vain.
  bool begin_stream(const HttpResponse& response) { return connection_->begin_stream(this, response); }
  bool write(std::string_view piece) { return connection_->write_stream(this, piece); }
  // Not complete: the client must notice that the answer broke off.
  void end_stream(bool complete) { connection_->end_stream(this, complete); }

 private:
  HttpRequest request_;
  const HttpClock::time_point arrived_ = HttpClock::now();
  std::atomic<HttpClock::time_point> deadline_;
  std::atomic<bool> abandoned_{false};
  const std::shared_ptr<Connection> connection_;
};

// ---- reading -----------------------------------------------------------------------------------

inline std::shared_ptr<Exchange> Connection::on_events(std::uint32_t events, std::string& scratch,
                                                       HttpClock::time_point now) {
  const std::lock_guard lock(mutex_);
  progress_ = now;
  ready_.reset();
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) fail();
  try {
    if (!ended() && (events & EPOLLOUT) != 0) flush();
    if (!ended() && (events & EPOLLIN) != 0) receive(scratch);
    if (!ended() && !pending_.empty() && !current_) {
      const std::string bytes = std::exchange(pending_, {});
      read_requests(bytes);
    }
  } catch (const std::bad_alloc&) {
    fail();
  }
  if (end_of_input_ && (lingering_ || (!current_ && out_.empty() && pending_.empty()))) fail();
  settle();
  return std::move(ready_);
}

inline void Connection::receive(std::string& scratch) {
  const ssize_t count = ::recv(socket_, scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) fail();
    return;
  }
  if (count == 0) {
    end_of_input_ = true;  // what was asked before is still answered
    return;
  }
  if (lingering_) return;
  read_requests({scratch.data(), static_cast<std::size_t>(count)});
}

inline void Connection::read_requests(std::string_view bytes) {
  // One request at a time: the next one waits until this one is answered.
  if (current_ || !out_.empty() || close_after_ || !pending_.empty()) {
    pending_.append(bytes);
    return;
  }
  if (reader_.idle()) began_ = progress_;
  bytes.remove_prefix(reader_.feed(bytes));
  if (reader_.failed()) return refuse();
  if (reader_.take_expectation()) {
    std::string message = "HTTP/1.1 100 Continue\r\n\r\n";
    send_or_keep(message, 0);
  }
  if (!reader_.complete()) return;
  current_ = std::make_shared<Exchange>(shared_from_this(), reader_.take(), shared_.answer_timeout);
  ready_ = current_;
  pending_.append(bytes);
}

inline void Connection::refuse() {
  HttpResponse response;
  response.status = reader_.status();
  response.content_type = "text/plain";
  response.body = reader_.message() + "\n";
  answer_now(std::move(response), false);
}

// ---- answering ---------------------------------------------------------------------------------

inline bool Connection::answer(const Exchange* exchange, HttpResponse&& response) {
  const std::lock_guard lock(mutex_);
  if (current_.get() != exchange) return false;
  const bool keep_alive = stays_open(*exchange);
  current_.reset();
  answer_now(std::move(response), keep_alive);
  settle();
  return true;
}

// After the answer to a request.
inline bool Connection::stays_open(const Exchange& exchange) const {
  return exchange.request().keep_alive && !shared_.draining.load(std::memory_order_relaxed) &&
         !(end_of_input_ && pending_.empty());
}

inline void Connection::answer_now(HttpResponse&& response, bool keep_alive) {
  thread_local std::string message;
  message.clear();
  append_head(message, response, keep_alive, Framing::length);
  if (message.size() + response.body.size() <= copied_bytes_max) {
    message += response.body;
    send_or_keep(message, 0);
  } else {
    send_or_keep(message, 0);
    if (out_.empty()) {
      send_or_keep(response.body, 0);
    } else {
      out_ += response.body;
    }
  }
  finish_answer(keep_alive);
}

inline void Connection::send_or_keep(std::string& message, std::size_t sent) {
  if (ended() || !out_.empty()) {
    out_.append(message, sent);
    return;
  }
  while (sent < message.size()) {
    const ssize_t count =
        ::send(socket_, message.data() + sent, message.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return fail();
    if (count < 0) {
      sent_ = sent;
      out_ = message;
      return;
    }
    sent += static_cast<std::size_t>(count);
  }
}

inline void Connection::flush() {
  while (sent_ < out_.size()) {
    const ssize_t count =
        ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return fail();
    sent_ += static_cast<std::size_t>(count);
    progress_ = HttpClock::now();
  }
  out_.clear();
  sent_ = 0;
  if (close_after_ && !current_) finish_answer(false);
}

// The answer has been handed to the socket or lies in out_.
inline void Connection::finish_answer(bool keep_alive) {
  if (keep_alive && !close_after_) return;
  close_after_ = true;
  if (!out_.empty() || ended() || lingering_) return;
  // Closing at once would throw away what the client has not read yet where more of its bytes come in.
  ::shutdown(socket_, SHUT_WR);
  lingering_ = true;
  began_ = progress_ = HttpClock::now();
  pending_.clear();
}

// The loop sees to the rest: shutdown makes epoll report the connection.
inline void Connection::fail() {
  if (current_) current_->abandon();
  current_.reset();
  if (!ended_.exchange(true)) ::shutdown(socket_, SHUT_RDWR);
}

inline void Connection::settle() {
  const bool busy =
      !ended() && !lingering_ && (current_ || !out_.empty() || !pending_.empty() || !reader_.idle());
  if (busy != busy_) {
    busy_ = busy;
    shared_.busy += busy ? 1 : -1;
  }
  if (ended()) return;
  std::uint32_t wanted = 0;
  if (lingering_ || (!end_of_input_ && pending_.size() < pipelined_bytes_max)) wanted |= EPOLLIN;
  // A socket that can be written is also how another thread makes the loop read what is pending.
  if (!out_.empty() || (!pending_.empty() && !current_)) wanted |= EPOLLOUT;
  if (wanted == armed_) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = this;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &event) == 0) armed_ = wanted;
}

inline void Connection::close() {
  const std::lock_guard lock(mutex_);
  fail();
  settle();
  if (socket_ < 0) return;
  ::close(std::exchange(socket_, -1));
  --shared_.connections;
}

inline void Connection::on_time(HttpClock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (ended()) return;
  const auto stalled = now - progress_;
  if (current_) {
    if (now >= current_->deadline()) {
      if (streaming_) return fail();  // half an answer is out: all that is left is to break it off
      current_->abandon();
      current_.reset();
      HttpResponse response;
      response.status = 504;
      response.content_type = "text/plain";
      response.body = "the model did not answer in time\n";
      answer_now(std::move(response), false);
    }
  } else if (lingering_) {
    if (now - began_ > linger_timeout || stalled > linger_timeout / 10) fail();
  } else if (!out_.empty()) {
    if (stalled > progress_timeout) fail();
  } else if (reader_.idle()) {
    if (stalled > idle_timeout) fail();
  } else if (stalled > progress_timeout ||
             now - began_ > (reader_.in_body() ? request_timeout : head_timeout)) {
    HttpResponse response;
    response.status = 408;
    response.content_type = "text/plain";
    response.body = "the request did not arrive in time\n";
    answer_now(std::move(response), false);
  }
  settle();
}

// ---- answers in pieces -------------------------------------------------------------------------

inline bool Connection::begin_stream(const Exchange* exchange, const HttpResponse& response) {
  const std::lock_guard lock(mutex_);
  if (current_.get() != exchange) return false;
  streaming_ = true;
  if (!exchange->request().chunks) close_after_ = true;  // HTTP/1.0: the end of the connection is the end
  std::string message;
  append_head(message, response, exchange->request().keep_alive && !close_after_,
              exchange->request().chunks ? Framing::chunks : Framing::connection);
  send_or_keep(message, 0);
  settle();
  return !ended();
}

inline bool Connection::write_stream(const Exchange* exchange, std::string_view piece) {
  if (piece.empty()) return true;  // an empty chunk would be the end
  std::string message;
  if (exchange->request().chunks) {
    char size[20];
    const char* const end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    message.append(size, static_cast<std::size_t>(end - size)).append("\r\n").append(piece).append("\r\n");
  } else {
    message = piece;
  }
  std::unique_lock lock(mutex_);
  while (current_.get() == exchange && !out_.empty()) {
    if (!wait_until_writable(lock, exchange)) return false;
  }
  if (current_.get() != exchange) return false;
  send_or_keep(message, 0);
  progress_ = HttpClock::now();
  settle();
  return !ended();
}

// The loop sends what is left in out_; this only waits until it has.
inline bool Connection::wait_until_writable(std::unique_lock<std::mutex>& lock, const Exchange* exchange) {
  pollfd waited{socket_, POLLOUT, 0};
  lock.unlock();
  ::poll(&waited, 1, 100);
  lock.lock();
  if (current_.get() != exchange) return false;
  flush();
  if (HttpClock::now() - progress_ > progress_timeout) fail();
  return !ended();
}

inline void Connection::end_stream(const Exchange* exchange, bool complete) {
  const std::lock_guard lock(mutex_);
  if (current_.get() != exchange) return;
  current_.reset();
  streaming_ = false;
  if (!complete) {
    fail();
  } else {
    if (exchange->request().chunks) {
      std::string message = "0\r\n\r\n";
      send_or_keep(message, 0);
    }
    finish_answer(stays_open(*exchange));
  }
  settle();
}

}  // namespace sagemaker::container::detail
