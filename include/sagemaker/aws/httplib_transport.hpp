// The transport that programs use: cpp-httplib under a pool of kept connections per origin. This is the only
// header of the clients that uses cpp-httplib. Bodies stream both ways in constant memory; targets go out
// byte for byte. Known limit of cpp-httplib 0.11: it percent-decodes the values of response headers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include <sagemaker/aws/httplib.hpp>
#include <sagemaker/aws/proxy.hpp>
#include <sagemaker/aws/transport.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

struct TransportOptions {
  bool verify_tls = true;
  std::string ca_bundle;  // PEM file; empty: the system's certificates
  ProxySettings proxies;
  std::size_t idle_connections_max = 16;  // kept per origin; as many as needed may be in use at once
  std::size_t idle_total_max = 64;        // over all origins; the oldest goes first
  // Older ones are closed when the transport is used again, those of other origins too: servers give up after
  // about a minute.
  std::chrono::milliseconds idle_time_max{45'000};

  bool operator==(const TransportOptions&) const = default;
};

namespace detail {

// A write to a connection that the peer closed raises SIGPIPE, which would end the program. It is held back
// in this thread while a request runs, and taken off the queue where it was raised meanwhile; the program's
// own handlers stay untouched.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeGuard() {
    if (!was_pending_) {
      const timespec none{0, 0};
      while (::sigtimedwait(&pipe_, nullptr, &none) == -1 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

// One connection to one origin, used by one thread at a time.
struct PooledConnection {
  explicit PooledConnection(const std::string& origin) : client(origin) {}
  httplib::Client client;
  bool connected_now = false;  // the latest request opened a new socket
  std::chrono::steady_clock::time_point idle_since;
};

template <typename Client>
void send_targets_as_given(Client& client) {
  if constexpr (requires { client.set_path_encode(false); }) {
    client.set_path_encode(false);  // the name since cpp-httplib 0.26
  } else {
    client.set_url_encode(false);
  }
}

// What happened during one attempt, filled by the callbacks that httplib calls.
struct Attempt {
  std::chrono::steady_clock::time_point last_progress = std::chrono::steady_clock::now();
  HttpResponse response;
  bool head_seen = false;
  bool body_not_expected = false;
  std::exception_ptr thrown;  // by a source or sink; must not cross httplib's frames

  void progress() { last_progress = std::chrono::steady_clock::now(); }
};

}  // namespace detail

class HttplibTransport final : public Transport {
 public:
  explicit HttplibTransport(TransportOptions options = {}) : options_(std::move(options)) {}

  HttpResponse send(const HttpRequest& request) override {
    for (int round = 0;; ++round) {
      auto connection = round == 0 ? take(pool_of(request)) : nullptr;
      if (!connection) connection = open(request);
      const detail::SigpipeGuard guard;
      detail::Attempt attempt;
      httplib::Error error = httplib::Error::Success;
      const bool complete = exchange_until_stopped(*connection, request, attempt, error);
      if (attempt.thrown) std::rethrow_exception(attempt.thrown);
      if (complete) {
        if (!attempt.body_not_expected) keep(pool_of(request), std::move(connection));
        return std::move(attempt.response);
      }
      // The server closed a kept connection just as it was used again. Nothing of an answer came, so a fresh
      // connection gets the request once more; one that must not run twice is left to the caller.
      const bool stale = round == 0 && !connection->connected_now && !attempt.head_seen &&
                         (error == httplib::Error::Read || error == httplib::Error::Write) &&
                         !timed_out(attempt, request) && !request.stop.stop_requested();
      const bool repeatable = !request.stream || request.stream->can_rewind();
      if (stale && repeatable && request.idempotent) continue;
      throw_error(request, attempt, error);
    }
  }

 private:
  using Connection = std::unique_ptr<detail::PooledConnection>;
  static constexpr std::size_t piece_bytes = 256 * 1024;

  // Connections that go around the proxy are kept apart.
  std::string pool_of(const HttpRequest& request) const {
    return request.direct && !options_.proxies.empty() ? "direct " + request.origin : request.origin;
  }

  Connection open(const HttpRequest& request) const {
    const std::string& origin = request.origin;
    auto connection = std::make_unique<detail::PooledConnection>(origin);
    httplib::Client& client = connection->client;
    if (!client.is_valid()) {
      throw TransportError(TransportError::Kind::connect, "Could not connect to the endpoint URL: \"" +
                                                              origin + "\" (it cannot be used as an origin)");
    }
    client.set_keep_alive(true);
    client.set_follow_location(false);
    client.set_decompress(false);
    client.set_tcp_nodelay(true);
    detail::send_targets_as_given(client);
    const auto proxy = request.direct ? std::nullopt : proxy_for(options_.proxies, origin);
    if (proxy) client.set_proxy(proxy->host, proxy->port);
    client.set_socket_options([to = connection.get(), proxy](auto) {
      to->connected_now = true;
      if (proxy) to->client.set_proxy_basic_auth(proxy->user, proxy->password);
    });
    // httplib would send the proxy's password to the service too, through the tunnel. The tunnel is there
    // when this is called, and the next socket gets the password again.
    client.set_logger([to = connection.get()](const httplib::Request& sent, const auto&) {
      if (sent.method == "CONNECT") to->client.set_proxy_basic_auth("", "");
    });
    client.enable_server_certificate_verification(options_.verify_tls);
    if (!options_.ca_bundle.empty()) client.set_ca_cert_path(options_.ca_bundle);
    return connection;
  }

  Connection take(const std::string& pool) {
    std::vector<Connection> closing;  // outside the lock: closing may take its time
    const std::lock_guard<std::mutex> lock(mutex_);
    remove_old(closing);
    const auto found = idle_.find(pool);
    if (found == idle_.end()) return nullptr;
    Connection newest = std::move(found->second.back());
    found->second.pop_back();
    if (found->second.empty()) idle_.erase(found);
    return newest;
  }

  void keep(const std::string& pool, Connection connection) {
    if (!connection->client.is_socket_open()) return;
    connection->idle_since = std::chrono::steady_clock::now();
    std::vector<Connection> closing;
    const std::lock_guard<std::mutex> lock(mutex_);
    remove_old(closing);
    auto& idle = idle_[pool];
    idle.push_back(std::move(connection));
    if (idle.size() > options_.idle_connections_max) {
      closing.push_back(std::move(idle.front()));
      idle.erase(idle.begin());
    }
    std::size_t total = 0;
    for (const auto& [name, connections] : idle_) total += connections.size();
    if (total > options_.idle_total_max) remove_oldest(closing);
  }

  // Connections of every origin; the oldest of each stands first.
  void remove_old(std::vector<Connection>& closing) {
    const auto oldest = std::chrono::steady_clock::now() - options_.idle_time_max;
    for (auto pool = idle_.begin(); pool != idle_.end();) {
      auto& connections = pool->second;
      std::size_t old = 0;
      while (old < connections.size() && connections[old]->idle_since < oldest) {
        closing.push_back(std::move(connections[old++]));
      }
      connections.erase(connections.begin(), connections.begin() + static_cast<std::ptrdiff_t>(old));
      pool = connections.empty() ? idle_.erase(pool) : std::next(pool);
    }
  }

  void remove_oldest(std::vector<Connection>& closing) {
    auto oldest = idle_.begin();
    for (auto pool = idle_.begin(); pool != idle_.end(); ++pool) {
      if (pool->second.front()->idle_since < oldest->second.front()->idle_since) oldest = pool;
    }
    closing.push_back(std::move(oldest->second.front()));
    oldest->second.erase(oldest->second.begin());
    if (oldest->second.empty()) idle_.erase(oldest);
  }

  static httplib::Request prepare(const HttpRequest& request, detail::Attempt& attempt) {
    httplib::Request raw;
    raw.method = request.method;
    raw.path = request.target;
    for (const Header& field : request.headers) {
      if (!iequals(field.name, "Content-Length")) raw.headers.emplace(field.name, field.value);
    }
    for (const auto& [name, value] : {std::pair{"Accept-Encoding", "identity"}, std::pair{"Accept", "*/*"}}) {
      if (!raw.has_header(name)) raw.headers.emplace(name, value);
    }
    prepare_body(request, raw, attempt);
    raw.response_handler = [&request, &attempt](const httplib::Response& head) {
      read_head(head, attempt);
      attempt.body_not_expected = head.status == 304;  // has no body, but 0.11 would wait for one
      if (attempt.body_not_expected) return false;
      if (!to_sink(request, head.status)) return true;
      return guarded(attempt, [&] { request.sink->start(attempt.response); });
    };
    raw.content_receiver = [&request, &attempt](const char* data, size_t size, uint64_t, uint64_t) {
      attempt.progress();
      const std::string_view piece(data, size);
      if (to_sink(request, attempt.response.status))
        return guarded(attempt, [&] { request.sink->write(piece); });
      attempt.response.body.append(piece);
      return true;
    };
    return raw;
  }

  static void prepare_body(const HttpRequest& request, httplib::Request& raw, detail::Attempt& attempt) {
    const std::uint64_t length = request.stream ? request.stream->size() : request.body.size();
    if (length == 0) return;  // httplib announces an empty body itself, where one is due
    raw.headers.emplace("Content-Length", std::to_string(length));
    raw.content_length_ = length;
    if (request.stream) {
      const std::shared_ptr<BodySource> stream = request.stream;
      // On the heap: threads of a caller may have small stacks. Large pieces keep the system calls down.
      const auto buffer = std::make_shared<std::vector<char>>(std::min<std::uint64_t>(length, piece_bytes));
      raw.content_provider_ = [stream, buffer, &attempt](size_t, size_t left, httplib::DataSink& sink) {
        return guarded(attempt, [&] {
          const std::size_t count = stream->read(buffer->data(), std::min(left, buffer->size()));
          if (count == 0) throw Error("A request body ended before its announced length");
          sink.write(buffer->data(), count);
          attempt.progress();
        });
      };
    } else {
      raw.content_provider_ = [&request, &attempt](size_t offset, size_t left, httplib::DataSink& sink) {
        if (request.stop.stop_requested()) return false;
        sink.write(request.body.data() + offset, std::min(left, piece_bytes));
        attempt.progress();
        return true;
      };
    }
  }

  // Whoever stops the request closes the socket, on which this thread may be waiting. A stop that comes
  // before there is a socket is noticed when the body is sent.
  static bool exchange_until_stopped(detail::PooledConnection& connection, const HttpRequest& request,
                                     detail::Attempt& attempt, httplib::Error& error) {
    const std::stop_callback stopping(request.stop, [&connection] { connection.client.stop(); });
    return exchange(connection, request, attempt, error);
  }

  static bool exchange(detail::PooledConnection& connection, const HttpRequest& request,
                       detail::Attempt& attempt, httplib::Error& error) {
    connection.connected_now = false;
    connection.client.set_connection_timeout(request.connect_timeout);
    connection.client.set_read_timeout(request.read_timeout);
    connection.client.set_write_timeout(request.read_timeout);
    if (request.stream && request.stream->can_rewind()) request.stream->rewind();
    httplib::Request raw = prepare(request, attempt);
    httplib::Response head;
    const bool sent = connection.client.send(raw, head, error);
    if (attempt.body_not_expected) return true;
    // httplib asks its handler only where a body may follow: HEAD and 204 end here.
    if (sent && !attempt.head_seen) {
      read_head(head, attempt);
      if (to_sink(request, head.status)) guarded(attempt, [&] { request.sink->start(attempt.response); });
    }
    return sent;
  }

  static void read_head(const httplib::Response& head, detail::Attempt& attempt) {
    attempt.progress();
    attempt.head_seen = true;
    attempt.response = HttpResponse{head.status, head.reason, {}, ""};
    for (const auto& [name, value] : head.headers) attempt.response.headers.add(name, value);
  }

  static bool to_sink(const HttpRequest& request, int status) {
    return request.sink && status >= 200 && status < 300;
  }

  template <typename Action>
  static bool guarded(detail::Attempt& attempt, Action&& action) {
    try {
      action();
      return true;
    } catch (...) {
      attempt.thrown = std::current_exception();
      return false;
    }
  }

  // httplib reports a receive timeout as an ordinary read error.
  static bool timed_out(const detail::Attempt& attempt, const HttpRequest& request) {
    const auto waited = std::chrono::steady_clock::now() - attempt.last_progress;
    return waited >= request.read_timeout - std::chrono::milliseconds(2);
  }

  [[noreturn]] static void throw_error(const HttpRequest& request, const detail::Attempt& attempt,
                                       httplib::Error error) {
    using Kind = TransportError::Kind;
    const std::string url = "\"" + request.origin + request.target.substr(0, request.target.find('?')) + "\"";
    if (request.stop.stop_requested())
      throw TransportError(Kind::reset, "The request to " + url + " was ended by the program");
    switch (error) {
      case httplib::Error::ConnectionTimeout:
        throw TransportError(Kind::connect_timeout, "Connect timeout on endpoint URL: " + url);
      case httplib::Error::Connection:
      case httplib::Error::BindIPAddress:
        throw TransportError(Kind::connect, "Could not connect to the endpoint URL: " + url);
      case httplib::Error::SSLConnection:
      case httplib::Error::SSLLoadingCerts:
      case httplib::Error::SSLServerVerification:
        throw TransportError(Kind::tls, "SSL validation failed for " + url + ": " +
                                            httplib::to_string(error) +
                                            ". A private certificate authority is named by AWS_CA_BUNDLE.");
      default:
        break;
    }
    if (timed_out(attempt, request))
      throw TransportError(Kind::timeout, "Read timeout on endpoint URL: " + url);
    throw TransportError(
        Kind::reset,
        attempt.head_seen
            ? "The connection broke in the middle of the response from " + url
            : "Connection was closed before we received a valid response from endpoint URL: " + url);
  }

  const TransportOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Connection>> idle_;
};

// One pool for all clients with the same options; it lives as long as any of them.
inline std::shared_ptr<Transport> default_transport(const TransportOptions& options = {}) {
  struct Shared {
    TransportOptions options;
    std::weak_ptr<Transport> transport;
  };
  static std::mutex mutex;
  static std::vector<Shared> pools;
  const std::lock_guard<std::mutex> lock(mutex);
  std::erase_if(pools, [](const Shared& pool) { return pool.transport.expired(); });
  for (const Shared& pool : pools) {
    if (!(pool.options == options)) continue;
    if (auto transport = pool.transport.lock()) return transport;
  }
  auto transport = std::make_shared<HttplibTransport>(options);
  pools.push_back({options, transport});
  return transport;
}

}  // namespace sagemaker::aws
