// The HTTP server of a serving program. Loops read requests with epoll, each on one thread at a time, and
// give those that are complete to a handler on that same thread: a request that the handler answers at once
// never changes its thread, and requests that arrived together reach the handler together. A handler may take
// long without keeping other connections waiting: it steps aside when it knows, and a watching thread notices
// when it does not; either way another thread goes on with the loop. No torch in here.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/container/detail/http_connection.hpp>

namespace sagemaker::container::detail {

using Exchanges = std::vector<std::shared_ptr<Exchange>>;

[[noreturn]] SAGEMAKER_CONTAINER_FUNCTION void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A socket that listens. Port 0 takes a free one. Throws std::runtime_error where that is not possible, also
// where another server has the port.
SAGEMAKER_CONTAINER_FUNCTION int listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string where = "cannot listen on " + host + ":" + std::to_string(port) + ": ";
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) throw std::runtime_error(where + ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  constexpr int backlog = 1024;
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int listener =
        ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    if (listener < 0) {
      error = errno;
      continue;
    }
    const int yes = 1;  // not SO_REUSEPORT: a second server must fail
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(listener, address->ai_addr, address->ai_addrlen) == 0 && ::listen(listener, backlog) == 0) {
      return listener;
    }
    error = errno;
    ::close(listener);
  }
  throw std::runtime_error(where + std::strerror(error));
}

SAGEMAKER_CONTAINER_FUNCTION int port_of(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_errno("getsockname");
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// Connections, and the epoll that watches them. Everything but add() and wake() is for the thread that has
// the loop.
class HttpLoop {
 public:
  HttpLoop(HttpShared& shared, std::chrono::milliseconds sweep_interval)
      : shared_(shared), sweep_interval_(sweep_interval), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    waker_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || waker_ < 0) throw_errno("epoll");
    watch(waker_, &waker_);
    scratch_.resize(256 << 10);
  }
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // `accept` is called when a connection can be accepted.
  void listen(int listener, std::function<void()> accept) {
    accept_ = std::move(accept);
    watch(listener, &listener_);
    listener_ = listener;
  }
  void watch_listener(bool watched) {
    if (listener_ < 0 || watched == listening_) return;
    epoll_event event{};
    event.events = watched ? EPOLLIN : 0u;
    event.data.ptr = &listener_;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
    listening_ = watched;
  }
  void add(int socket) {
    const auto connection = std::make_shared<Connection>(shared_, socket, epoll_);
    {
      const std::lock_guard lock(mutex_);
      connections_.emplace(connection.get(), connection);
    }
    try {
      watch(socket, connection.get());
      wake();                             // it may wait without a time limit, because it had no connection
    } catch (const std::system_error&) {  // no memory for it
      forget(connection.get());
    }
  }
  void wake() {
    const std::uint64_t one = 1;
    if (::write(waker_, &one, sizeof one) < 0 && errno != EAGAIN) throw_errno("eventfd");
  }

  // Waits for events, at most so long (negative: as long as it takes), and adds the requests that are to be
  // answered. True where the loop was woken.
  bool poll(Exchanges& ready, std::chrono::milliseconds limit) {
    if (shared_.draining && listener_ >= 0) {
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
      ::close(std::exchange(listener_, -1));
      listening_ = true;
    }
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms(limit));
    const auto now = HttpClock::now();
    bool woken = false;
    for (int i = 0; i < count; ++i) {
      void* const what = events[static_cast<std::size_t>(i)].data.ptr;
      if (what == &waker_) {
        std::uint64_t times = 0;
        woken = ::read(waker_, &times, sizeof times) > 0 || woken;
      } else if (what == &listener_) {
        accept_();
      } else {
        auto* const connection = static_cast<Connection*>(what);
        auto request = connection->on_events(events[static_cast<std::size_t>(i)].events, scratch_, now);
        if (request) ready.push_back(std::move(request));
        if (connection->ended()) forget(connection);
      }
    }
    if (now - swept_ >= sweep_interval_) sweep(now);
    return woken;
  }

 private:
  void watch(int descriptor, void* what) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = what;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) throw_errno("epoll_ctl");
  }
  int wait_ms(std::chrono::milliseconds limit) {
    const std::lock_guard lock(mutex_);
    const bool timed = !connections_.empty() || !listening_;
    if (timed && (limit.count() < 0 || limit > sweep_interval_)) limit = sweep_interval_;
    return limit.count() < 0 ? -1 : static_cast<int>(limit.count());
  }
  void forget(Connection* connection) {
    std::shared_ptr<Connection> last;
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    last = std::move(found->second);
    connections_.erase(found);
    last->close();
  }
  void sweep(HttpClock::time_point now) {
    swept_ = now;
    watch_listener(true);
    std::vector<std::shared_ptr<Connection>> all;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [key, connection] : connections_) all.push_back(connection);
    }
    for (const auto& connection : all) {
      connection->on_time(now);
      if (connection->ended()) forget(connection.get());
    }
  }

  HttpShared& shared_;
  const std::chrono::milliseconds sweep_interval_;
  const int epoll_;
  int waker_ = -1;
  int listener_ = -1;
  bool listening_ = true;
  std::function<void()> accept_;
  std::mutex mutex_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::string scratch_;
  HttpClock::time_point swept_ = HttpClock::now();
};

// What answers requests.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // On the thread of a loop, with the requests that just became complete (none where the loop was woken).
  // True where it is to be called again soon, after a look at what else has come in.
  virtual bool handle(Exchanges& ready) = 0;
  // When it is to be called again at the latest; negative: when requests come.
  virtual std::chrono::milliseconds next_call() { return std::chrono::milliseconds(-1); }
};

// Lives as long as the process: its threads are never joined.
class HttpServer {
 public:
  struct Options {
    HttpLimits limits;
    std::chrono::milliseconds answer_timeout{60'000};
    int loops = 1;
    int connections_max = 16'384;           // or as many as the process may open, if less
    std::function<void()> on_thread_start;  // on every thread that calls the handler
  };

  HttpServer(HttpHandler& handler, Options options) : handler_(handler), options_(std::move(options)) {
    shared_.limits = options_.limits;
    shared_.answer_timeout = options_.answer_timeout;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
      files.rlim_cur = files.rlim_max;
      ::setrlimit(RLIMIT_NOFILE, &files);
      const auto spare = static_cast<rlim_t>(files.rlim_cur > 256 ? 128 : files.rlim_cur / 2);
      connections_max_ = static_cast<int>(
          std::min<rlim_t>(static_cast<rlim_t>(options_.connections_max), files.rlim_cur - spare));
    }
    const auto sweep = std::clamp(options_.answer_timeout / 4, std::chrono::milliseconds(50),
                                  std::chrono::milliseconds(1000));
    for (int i = 0; i < std::max(1, options_.loops); ++i) {
      seats_.push_back(std::make_unique<Seat>(shared_, sweep));
    }
  }

  // Starts to answer on a listening socket.
  void start(int listener) {
    listener_ = listener;
    seats_.front()->loop.listen(listener, [this] { accept_all(); });
    for (const auto& seat : seats_) start_thread(seat.get());
    std::thread([this] { watch(); }).detach();
  }

  // For a handler that is going to take long: another thread takes the loop at once.
  void step_aside() {
    Turn& turn = this_thread();
    if (turn.seat == nullptr) return;
    if (turn.seat->away.compare_exchange_strong(turn.ticket, 0)) give(turn.seat);
    turn.seat = nullptr;
  }

  // Has the handler called without a request, on some loop.
  void wake() { seats_[next_woken_++ % seats_.size()]->loop.wake(); }

  // Takes no more connections, lets what is under way end, says whether it did.
  bool drain(std::chrono::milliseconds timeout) {
    shared_.draining = true;
    seats_.front()->loop.wake();  // which closes the listening socket
    const auto deadline = HttpClock::now() + timeout;
    while (shared_.busy > 0 && HttpClock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return shared_.busy <= 0;
  }

  int busy() const { return shared_.busy; }
  int connections() const { return shared_.connections; }

 private:
  // A loop, and whether its thread is away in the handler: then another may take the seat by setting `away`
  // to 0. Tickets never repeat, so that the thread that comes back sees it.
  struct Seat {
    Seat(HttpShared& shared, std::chrono::milliseconds sweep) : loop(shared, sweep) {}
    HttpLoop loop;
    std::atomic<std::uint64_t> away{0};
    std::uint64_t seen_away = 0;  // by the watching thread
  };
  struct Turn {
    Seat* seat = nullptr;
    std::uint64_t ticket = 0;
  };
  static Turn& this_thread() {
    thread_local Turn turn;
    return turn;
  }

  void start_thread(Seat* seat) {
    std::thread([this, seat] {
      if (options_.on_thread_start) options_.on_thread_start();
      for (Seat* mine = seat;; mine = wait_for_seat()) serve(*mine);
    }).detach();
  }

  // Until another thread has taken the seat.
  void serve(Seat& seat) {
    Exchanges ready;
    bool again = false;
    for (;;) {
      ready.clear();
      const auto limit = again ? std::chrono::milliseconds(0) : handler_.next_call();
      const bool woken = seat.loop.poll(ready, limit);
      if (ready.empty() && !woken && !again && limit.count() < 0) continue;
      again = call(seat, ready);
      if (this_thread().seat == nullptr) break;
    }
    ready.clear();
    while (again) again = handler_.handle(ready);
  }

  bool call(Seat& seat, Exchanges& ready) {
    Turn& turn = this_thread();
    turn.seat = &seat;
    turn.ticket = next_ticket_.fetch_add(1, std::memory_order_relaxed);
    seat.away.store(turn.ticket);
    if (resting_.load()) wake_watch();
    const bool again = handler_.handle(ready);
    if (turn.seat != nullptr && !seat.away.compare_exchange_strong(turn.ticket, 0)) turn.seat = nullptr;
    return again;
  }

  // ---- threads without a seat ----
  Seat* wait_for_seat() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    arrived_.wait(lock, [&] { return !free_seats_.empty(); });
    --waiting_;
    Seat* const seat = free_seats_.front();
    free_seats_.pop_front();
    return seat;
  }
  void give(Seat* seat) {
    seat->loop.wake();  // whoever takes it asks the handler for work that could not begin
    {
      const std::lock_guard lock(mutex_);
      if (waiting_ > static_cast<int>(free_seats_.size())) {
        free_seats_.push_back(seat);
        arrived_.notify_one();
        return;
      }
    }
    try {
      start_thread(seat);
    } catch (const std::system_error&) {
      // The system gives no more threads: the first that comes back takes it.
      const std::lock_guard lock(mutex_);
      free_seats_.push_back(seat);
      arrived_.notify_one();
    }
  }

  // ---- the watching thread: rests while nothing happens ----
  static constexpr std::chrono::milliseconds watch_interval{5};
  static constexpr int watches_until_rest = 400;

  void watch() {
    int quiet = 0;
    std::uint64_t seen_ticket = 0;
    for (;;) {
      std::this_thread::sleep_for(watch_interval);
      bool away = false;
      for (const auto& seat : seats_) {
        std::uint64_t ticket = seat->away.load();
        away = away || ticket != 0;
        if (ticket != 0 && ticket == seat->seen_away && seat->away.compare_exchange_strong(ticket, 0)) {
          give(seat.get());
        }
        seat->seen_away = ticket;
      }
      const std::uint64_t now = next_ticket_.load(std::memory_order_relaxed);
      quiet = away || now != seen_ticket ? 0 : quiet + 1;
      seen_ticket = now;
      if (quiet >= watches_until_rest) {
        rest();
        quiet = 0;
      }
    }
  }
  void rest() {
    resting_ = true;
    std::unique_lock lock(rest_mutex_);
    const auto somebody_away = [&] {
      return std::any_of(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->away != 0; });
    };
    rested_.wait(lock, [&] { return !resting_ || somebody_away(); });
    resting_ = false;
  }
  void wake_watch() {
    {
      const std::lock_guard lock(rest_mutex_);
      resting_ = false;
    }
    rested_.notify_one();
  }

  // ---- connections ----
  void accept_all() {
    HttpLoop& first = seats_.front()->loop;
    for (int i = 0; i < 64; ++i) {
      if (shared_.draining) return;
      if (shared_.connections >= connections_max_) return first.watch_listener(false);
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) {
        // Out of descriptors, or the end: after a pause, not in circles.
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) first.watch_listener(false);
        return;
      }
      const int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      seats_[next_seat_++ % seats_.size()]->loop.add(socket);
    }
  }

  HttpHandler& handler_;
  const Options options_;
  HttpShared shared_;
  int connections_max_ = 512;
  int listener_ = -1;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::size_t next_seat_ = 0;
  std::atomic<std::size_t> next_woken_{0};
  std::atomic<std::uint64_t> next_ticket_{1};

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Seat*> free_seats_;
  int waiting_ = 0;

  std::atomic<bool> resting_{false};
  std::mutex rest_mutex_;
  std::condition_variable rested_;
};

}  // namespace sagemaker::container::detail
