// See front.hpp.
#include "emulator/http/front.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "emulator/http/response_writer.hpp"

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kDiscardBytes = 16 * 1024;
// What a client may still send behind its last response, and for how long, before it is cut off.
constexpr std::size_t kLingerBytesMax = 1024 * 1024;
constexpr std::chrono::milliseconds kLingerTime{1'000};
// Beyond connections_max so many more are open for the moment in which they read why they are refused.
constexpr std::size_t kRefusedMax = 64;
// Deadlines are noticed with at most this delay, or a quarter of the shortest one.
constexpr std::chrono::milliseconds kTickMax{1'000};
constexpr std::uint64_t kWakeId = 0;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace

Front::Front(const HttpLimits& limits, const Tls* tls, std::function<void(ConnectionPointer)> dispatch)
    : limits_(limits), tls_(tls), dispatch_(std::move(dispatch)) {
  epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  wake_event_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeId;
  checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_event_, &event), "epoll_ctl");
}

Front::~Front() {
  entries_.clear();
  ::close(wake_event_);
  ::close(epoll_);
}

void Front::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_event_, &one, sizeof one);  // full means awake anyhow
}

void Front::stop() {
  stopping_ = true;
  wake();
}

void Front::arm(Id id, const Connection& connection, bool first_time) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  if (connection.wants_write()) event.events |= EPOLLOUT;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_, first_time ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connection.descriptor(), &event) != 0)
    erase(id);
}

void Front::set_state(Id id, State state, std::chrono::milliseconds from_now) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.state = state;
  found->second.deadline = std::chrono::steady_clock::now() + from_now;
}

void Front::erase(Id id) {
  ConnectionPointer last;  // closed outside of the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(id); found != entries_.end()) {
    last = std::move(found->second.connection);
    entries_.erase(found);
  }
}

// ---- connections come and go

void Front::add(int descriptor) {
  ConnectionPointer connection;
  try {
    connection = std::make_shared<Connection>(descriptor, limits_, tls_);
  } catch (...) {
    ::close(descriptor);  // from here on the connection does that
    throw;
  }
  Id id = 0;
  bool refused = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || entries_.size() >= limits_.connections_max + kRefusedMax) return;
    refused = entries_.size() >= limits_.connections_max;
    id = next_id_++;
    connection->set_id(id);
    entries_[id] = Entry{connection, State::idle, std::chrono::steady_clock::now() + limits_.keep_alive};
  }
  if (refused) {
    connection->try_send(plain_response(503, "There are too many open connections."));
    connection->finish_sending();
    set_state(id, State::lingering, kLingerTime);
  }
  arm(id, *connection, true);
  wake();  // so that a poller which sleeps without connections begins to watch deadlines
}

void Front::park(const ConnectionPointer& connection) {
  const bool begun = connection->begun();
  set_state(connection->id(), begun ? State::receiving_header : State::idle,
            begun ? limits_.header_deadline : limits_.keep_alive);
  arm(connection->id(), *connection);
}

void Front::begin_linger(Id id, const ConnectionPointer& connection) {
  connection->finish_sending();
  connection->consume(connection->buffered().size());
  set_state(id, State::lingering, kLingerTime);
  arm(id, *connection);
}

void Front::linger(const ConnectionPointer& connection) { begin_linger(connection->id(), connection); }
void Front::drop(const ConnectionPointer& connection) { erase(connection->id()); }

// ---- the poller

int Front::next_timeout_ms(Time now) {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) return -1;
  // A worker may park a connection while this thread sleeps, so it never sleeps longer than a short tick.
  auto wait = std::min({kTickMax, limits_.header_deadline / 4, limits_.keep_alive / 4});
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::busy) continue;
    wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(entry.deadline - now));
  }
  return static_cast<int>(std::max<std::int64_t>(wait.count(), 1));
}

void Front::run() {
  std::array<epoll_event, 128> events;
  Time next_expiry{};
  int timeout_ms = 0;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
    bool woken = false;
    for (int i = 0; i < count && !stopping_; ++i) {
      const Id id = events[static_cast<std::size_t>(i)].data.u64;
      if (id == kWakeId) {
        std::uint64_t ignored = 0;
        woken = ::read(wake_event_, &ignored, sizeof ignored) > 0;
      } else {
        handle_event(id);
      }
    }
    // Looking at all deadlines behind every event would cost more than the events: only when one may be due.
    const Time now = std::chrono::steady_clock::now();
    if (woken || now >= next_expiry) {
      expire(now);
      timeout_ms = next_timeout_ms(now);
      next_expiry = timeout_ms < 0 ? Time::max() : now + std::chrono::milliseconds(timeout_ms);
    } else {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_expiry - now);
      timeout_ms =
          next_expiry == Time::max() ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 1));
    }
  }
}

void Front::handle_event(Id id) {
  ConnectionPointer connection;
  State state = State::busy;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.state == State::busy) return;
    connection = found->second.connection;
    state = found->second.state;
  }
  try {
    if (state == State::lingering) {
      discard(id, connection);
    } else {
      receive_header(id, connection, state);
    }
  } catch (const std::exception& error) {
    erase(id);  // one client less, and the memory that it used; all others are still served
    spdlog::error("a connection is closed: {}", error.what());
  }
}

void Front::receive_header(Id id, const ConnectionPointer& connection, State state) {
  try {
    if (connection->receive_header() == Connection::Received::end) return erase(id);
    if (connection->header_complete()) {
      set_state(id, State::busy, {});
      return dispatch_(connection);
    }
  } catch (const HeaderError& error) {
    return refuse(id, connection, error.status(), error.what());
  } catch (const TlsError& error) {
    return tls_failed(connection, error);
  }
  if (const bool begun = connection->begun(); begun != (state == State::receiving_header)) {
    set_state(id, begun ? State::receiving_header : State::idle,
              begun ? limits_.header_deadline : limits_.keep_alive);
  }
  arm(id, *connection);
}

void Front::tls_failed(const ConnectionPointer& connection, const TlsError& error) {
  if (error.distrusted() && !distrust_noted_.exchange(true)) {
    spdlog::warn(
        "the client at {} does not trust this server's certificate and gave up ({}). See \"TLS\" in the "
        "README: a "
        "client needs the certificate of the authority, in AWS_CA_BUNDLE for example. This is said once.",
        connection->remote_address(), error.what());
  } else {
    spdlog::debug("a TLS handshake with {} failed: {}", connection->remote_address(), error.what());
  }
  begin_linger(connection->id(), connection);  // so that the alert is not lost by closing over unread bytes
}

void Front::refuse(Id id, const ConnectionPointer& connection, int status, const std::string& message) {
  connection->try_send(plain_response(status, message));
  begin_linger(id, connection);
}

void Front::discard(Id id, const ConnectionPointer& connection) {
  std::array<char, kDiscardBytes> nowhere;
  const auto got = connection->receive_raw(nowhere.data(), nowhere.size());
  bool enough = got.state == Connection::Received::end;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    found->second.discarded += got.size;
    enough = enough || found->second.discarded > kLingerBytesMax;
  }
  if (enough) return erase(id);
  arm(id, *connection);
}

void Front::expire(Time now) {
  std::vector<std::pair<Id, Entry>> due;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      if (entry.state != State::busy && entry.deadline <= now) due.emplace_back(id, entry);
    }
  }
  for (const auto& [id, entry] : due) {
    if (entry.state == State::receiving_header) {
      refuse(id, entry.connection, 408, "The request headers did not arrive in time.");
    } else {
      entry.connection->finish_sending();
      erase(id);
    }
  }
}

// ---- the end

std::size_t Front::close_waiting() {
  std::vector<ConnectionPointer> closed;  // outside of the lock
  const std::lock_guard lock(mutex_);
  for (auto next = entries_.begin(); next != entries_.end();) {
    if (next->second.state == State::busy) {
      ++next;
    } else {
      closed.push_back(std::move(next->second.connection));
      next = entries_.erase(next);
    }
  }
  return entries_.size();
}

void Front::abort_busy() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) entry.connection->abort();
}

}  // namespace sagemaker::local::http
