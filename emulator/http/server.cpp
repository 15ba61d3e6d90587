// The server: cpp-httplib binds, listens and accepts; everything behind an accepted socket is done by this
// folder.
//
// Debian's cpp-httplib 0.11.4 decodes header values, inflates bodies, ignores its payload limit for chunked
// bodies, buffers header lines without end, and spends a thread on every connection, also on one that only
// drips. Feeding it a harmless skeleton of each request would avoid the first half of that, but its chunk
// parser accepts signs and overflowing sizes, it reads no body of a GET, and it answers "100 Continue" before
// a handler could refuse: so process_request is not used at all. A request's way here:
//
//   accept (httplib's loop, own thread) -> Front (one thread, epoll: idle, receiving headers, deadlines)
//     -> WorkerPool (parse, handler with ConnectionBody, send_response) -> back to the Front, or closed
//
// The hook into httplib is its virtual process_and_close_socket; newer versions have kept it, and of
// TaskQueue only the result type of enqueue changed, which is taken from its declaration. This is the only
// file that includes httplib.h.
#include "emulator/http/server.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <httplib.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/http/body.hpp"
#include "emulator/http/front.hpp"
#include "emulator/http/loggable.hpp"
#include "emulator/http/response_writer.hpp"
#include "emulator/http/tls.hpp"
#include "emulator/http/tunnel.hpp"
#include "emulator/http/worker_pool.hpp"

namespace sagemaker::local::http {
namespace {

constexpr int kBacklog = 1024;  // httplib asks for 5, too few where two hundred clients come at once
constexpr std::chrono::milliseconds kStopGrace{1'000};
// So many pipelined requests of one connection are served before others that wait for a worker get their
// turn.
constexpr int kRequestsInARow = 64;
// A client that sends its requests one after the other is served by one thread as long as it sends the next
// one so soon: handing each of them from the poller to a worker would cost two switches between threads.
constexpr std::chrono::milliseconds kNextRequest{2};

// Runs what httplib's accept loop hands over at once, on the accepting thread: it only puts the socket into
// the Front.
class HandOver final : public httplib::TaskQueue {
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(std::function<void()>()));

 public:
  Enqueued enqueue(std::function<void()> task) override {
    task();
    return static_cast<Enqueued>(true);
  }
  void shutdown() override {}
};

// All signals are blocked in the scope, and in the threads that are started there: a signal must not
// interrupt the accept loop, which takes that for its end.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
};

void reuse_address_only(socket_t descriptor) {
  // Not SO_REUSEPORT, httplib's default: two emulators would share one port, and each get half of the
  // requests.
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

// Half of the descriptors that this process may open: files of objects and pipes to jobs need some too, and a
// server that runs out of them can neither serve nor refuse.
HttpLimits within_process_limits(HttpLimits limits) {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
    const auto half = static_cast<std::size_t>(descriptors.rlim_cur / 2);
    limits.connections_max = std::max<std::size_t>(std::min(limits.connections_max, half), 1);
  }
  return limits;
}

Response failure_response(int status, const std::string& message) {
  Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = message + "\n";
  return response;
}

Response internal_failure(const Request& request, const char* what) {
  // The path without its query, which may hold a signature. The text is for whoever runs the server, not for
  // a client.
  spdlog::error("{} {}: {}", loggable(request.method), loggable(request.path), loggable(what));
  return failure_response(500, "Internal server error.");
}

}  // namespace

class Server::Implementation final : public httplib::Server {
 public:
  Implementation(const HttpLimits& limits, http::Handler handler, std::shared_ptr<const Tls> tls);
  ~Implementation() override;

  int bind(const std::string& host, int port);
  void serve();
  void request_stop();

 private:
  enum class Next { request, linger, close };

  bool process_and_close_socket(socket_t descriptor) override;
  void accept_until_stopped();
  void poll_until_stopped();
  void finish_requests();
  void close_listener();
  void dispatch(const ConnectionPointer& connection);
  void serve_connection(const ConnectionPointer& connection);
  Next serve_request(Connection& connection);
  Next open_tunnel(Connection& connection, const HeaderBlock& header);
  Response call_handler(Request& request);
  Next answer(Connection& connection, const Request& request, Response& response, const ResponseForm& form);

  const HttpLimits limits_;
  const http::Handler handler_;
  const std::shared_ptr<const Tls> tls_;
  std::string host_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<socket_t> shut_listener_{INVALID_SOCKET};
  sigset_t worker_signals_{};  // the mask of the thread that called serve()
  Front front_;
  WorkerPool workers_;
  std::mutex serving_mutex_;
  std::condition_variable serving_ended_;
  bool serving_ = false;
};

Server::Implementation::Implementation(const HttpLimits& limits, http::Handler handler,
                                       std::shared_ptr<const Tls> tls)
    : limits_(within_process_limits(limits)),
      handler_(std::move(handler)),
      tls_(std::move(tls)),
      front_(limits_, tls_.get(), [this](const ConnectionPointer& connection) { dispatch(connection); }),
      // Programs that handlers start inherit the mask: it must not be the one of the poller, which starts the
      // threads.
      workers_(limits_.threads, [this] { pthread_sigmask(SIG_SETMASK, &worker_signals_, nullptr); }) {
  sigemptyset(&worker_signals_);
  new_task_queue = [] { return new HandOver; };
  set_socket_options(reuse_address_only);
}

Server::Implementation::~Implementation() {
  request_stop();
  std::unique_lock lock(serving_mutex_);
  serving_ended_.wait(lock, [this] { return !serving_; });
  close_listener();
}

void Server::Implementation::close_listener() {
  if (const socket_t listening = shut_listener_.exchange(INVALID_SOCKET); listening != INVALID_SOCKET) {
    ::close(listening);
  }
}

int Server::Implementation::bind(const std::string& host, int port) {
  errno = 0;
  const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
  if (bound <= 0) {
    const int reason = errno;
    const std::string why = reason == EADDRINUSE ? "another program listens there already"
                            : reason == 0        ? "the address cannot be resolved or used"
                                                 : std::strerror(reason);
    throw std::runtime_error("cannot listen on " + host + ":" + std::to_string(port) + ": " + why);
  }
  ::listen(svr_sock_, kBacklog);
  host_ = host;
  port_ = bound;
  return bound;
}

// ---- the threads

bool Server::Implementation::process_and_close_socket(socket_t descriptor) {
  try {
    front_.add(descriptor);
  } catch (const std::bad_alloc&) {
    spdlog::error("a connection is closed: there is no memory");
  }
  return true;
}

void Server::Implementation::accept_until_stopped() {
  while (!stopping_) {
    // The loop gives up, and closes the socket, for reasons that pass: no descriptors left in the system, for
    // example.
    listen_after_bind();
    while (!stopping_) {
      spdlog::warn("accepting connections on port {} stopped; beginning again", port_);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (!bind_to_port(host_, port_)) continue;
      ::listen(svr_sock_, kBacklog);
      if (stopping_) request_stop();  // it may have looked for the socket before there was one
      break;
    }
  }
}

void Server::Implementation::poll_until_stopped() {
  try {
    front_.run();
  } catch (const std::exception& error) {
    spdlog::critical("the server stops: {}", error.what());
    request_stop();
  }
}

void Server::Implementation::serve() {
  {
    const std::lock_guard lock(serving_mutex_);
    if (serving_) throw std::logic_error("the server is serving already");
    serving_ = true;
  }
  std::thread accepting;
  std::thread polling;
  {
    const SignalsBlocked blocked;
    worker_signals_ = blocked.before();
    accepting = std::thread([this] { accept_until_stopped(); });
    polling = std::thread([this] { poll_until_stopped(); });
  }
  accepting.join();
  close_listener();
  polling.join();
  finish_requests();
  const std::lock_guard lock(serving_mutex_);
  serving_ = false;
  serving_ended_.notify_all();
}

// Async-signal-safe: an atomic flag, shutdown(2) and a write(2).
void Server::Implementation::request_stop() {
  stopping_ = true;
  // Wakes accept(2), which then fails; the loop sees that the socket is gone and ends.
  if (const socket_t listening = svr_sock_.exchange(INVALID_SOCKET); listening != INVALID_SOCKET) {
    ::shutdown(listening, SHUT_RDWR);
    shut_listener_ = listening;  // closed when the loop has ended: the number must not be given away before
  }
  front_.stop();
}

void Server::Implementation::finish_requests() {
  const auto deadline = std::chrono::steady_clock::now() + kStopGrace;
  while (front_.close_waiting() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  front_.abort_busy();
  workers_.shutdown();
  front_.close_waiting();
}

// ---- one connection

void Server::Implementation::dispatch(const ConnectionPointer& connection) {
  try {
    workers_.enqueue([this, connection] { serve_connection(connection); });
  } catch (const std::system_error&) {
    spdlog::error("no thread can be started; a request is refused");
    connection->try_send(plain_response(503, "The server is out of threads."));
    front_.linger(connection);
  }
}

void Server::Implementation::serve_connection(const ConnectionPointer& connection) {
  try {
    for (int served = 0; served < kRequestsInARow; ++served) {
      const Next next = serve_request(*connection);
      if (next == Next::linger) return front_.linger(connection);
      if (next == Next::close) return front_.drop(connection);
      if (connection->pending() && connection->receive_header() == Connection::Received::end)
        return front_.drop(connection);
      if (connection->header_complete()) continue;
      if (stopping_ || connection->begun() || !workers_.may_linger() ||
          !connection->wait_readable(kNextRequest))
        return front_.park(connection);
      if (connection->receive_header() == Connection::Received::end) return front_.drop(connection);
      if (!connection->header_complete()) return front_.park(connection);
    }
    return dispatch(connection);
  } catch (const TlsError& error) {
    front_.tls_failed(connection, error);
  } catch (const HeaderError& error) {
    connection->try_send(plain_response(error.status(), error.what()));
    front_.linger(connection);
  } catch (const std::exception& error) {
    spdlog::error("a connection is closed: {}", loggable(error.what()));
    front_.drop(connection);
  }
}

Server::Implementation::Next Server::Implementation::serve_request(Connection& connection) {
  HeaderBlock header = parse_header_block(connection.take_header());
  if (header.method == "CONNECT") return open_tunnel(connection, header);
  ConnectionBody body(connection, header, limits_);
  Request request;
  request.method = std::move(header.method);
  request.target = std::move(header.target);
  const std::size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  request.headers = std::move(header.headers);
  request.remote_address = connection.remote_address();
  request.encrypted = connection.encrypted();
  request.body = &body;

  Response response = call_handler(request);
  const bool next_request_follows = body.discard_rest();
  ResponseForm form;
  form.head = request.method == "HEAD";
  form.http_1_0 = header.http_1_0;
  form.keep_alive = header.keep_alive && next_request_follows && !stopping_;
  return answer(connection, request, response, form);
}

// A client with a proxy in its settings asks for a way to a host. For AWS's hosts that way ends here: the
// client begins TLS with a certificate for the name that it asked for, and its requests are served like all
// others. Nothing is ever sent anywhere else.
Server::Implementation::Next Server::Implementation::open_tunnel(Connection& connection,
                                                                 const HeaderBlock& header) {
  const TunnelAnswer answer = answer_tunnel(header, tls_.get(), connection.encrypted());
  spdlog::debug("{} CONNECT {} -> {}", connection.remote_address(), loggable(header.target), answer.status);
  connection.begin_response();
  if (answer.status != 200) {
    const std::string refusal = plain_response(answer.status, answer.message, answer.reason);
    return connection.send({refusal}) && connection.end_stream() ? Next::linger : Next::close;
  }
  if (!connection.send({"HTTP/1.1 200 Connection established\r\n\r\n"})) return Next::close;
  connection.begin_tunnel(answer.host);
  return Next::request;
}

Response Server::Implementation::call_handler(Request& request) {
  try {
    return handler_(request);
  } catch (const BodyError& error) {
    return failure_response(error.status(), error.what());
  } catch (const std::exception& error) {
    return internal_failure(request, error.what());
  } catch (...) {
    return internal_failure(request, "an exception of unknown type");
  }
}

Server::Implementation::Next Server::Implementation::answer(Connection& connection, const Request& request,
                                                            Response& response, const ResponseForm& form) {
  Sent sent = Sent::broken;
  std::string failure;
  try {
    if (response.status < 200 || response.status > 599)
      throw std::logic_error("the response has no valid status");
    sent = send_response(connection, response, form, failure);
  } catch (const std::exception& error) {  // nothing was sent so far
    Response instead = internal_failure(request, error.what());
    sent = send_response(connection, instead, form, failure);
  }
  if (!failure.empty()) {
    spdlog::error("{} {}: cut off in its response: {}", loggable(request.method), loggable(request.path),
                  loggable(failure));
  }
  switch (sent) {
    case Sent::complete:
      return Next::request;
    case Sent::last:
      return connection.end_stream() ? Next::linger : Next::close;
    case Sent::broken:
      break;
  }
  return Next::close;
}

// ---- the public face

Server::Server(const HttpLimits& limits, http::Handler handler, std::shared_ptr<const Tls> tls)
    : implementation_(std::make_unique<Implementation>(limits, std::move(handler), std::move(tls))) {}
Server::~Server() = default;
int Server::bind(const std::string& host, int port) { return implementation_->bind(host, port); }
void Server::serve() { implementation_->serve(); }
void Server::stop() { implementation_->request_stop(); }

}  // namespace sagemaker::local::http
