// A TCP client that sends exactly the bytes that a test wants to send, and reads HTTP/1.1 responses without
// any library in between. Every wait ends after a few seconds, so that a server which hangs fails a test
// instead of stopping it. The bytes go through TLS where a test, or a whole run of tests, says so.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/aws/headers.hpp>

#include "tests/support/raw_tls.hpp"

namespace sagemaker::tests {

struct RawResponse {
  int status = 0;
  std::string reason;
  aws::Headers headers;
  std::string body;       // chunked coding removed
  bool complete = false;  // the body ended as its framing announced
  bool closes() const { return aws::iequals(headers.get("Connection"), "close"); }
};

class RawSocket {
 public:
  static constexpr std::chrono::milliseconds kPatience{10'000};

  // `receive_buffer`: bytes that the kernel takes in before the test reads; 0 leaves the default.
  explicit RawSocket(int port, int receive_buffer = 0) : RawSocket(port, receive_buffer, usual_trust()) {}
  RawSocket(int port, const TlsTrust& trust) : RawSocket(port, 0, trust) {}
  // What the sockets of this run of tests speak where nothing else is said.
  static TlsTrust& usual_trust() {
    static TlsTrust trust;
    return trust;
  }
  // The socket becomes the inside of a tunnel, say.
  bool begin_tls(const TlsTrust& trust) {
    tls_ = std::make_unique<RawTls>(descriptor_, trust);
    return tls_->handshake(kPatience);
  }
  RawTls* tls() { return tls_.get(); }
  int descriptor() const { return descriptor_; }

 private:
  RawSocket(int port, int receive_buffer, const TlsTrust& trust) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) throw std::runtime_error("socket: " + std::string(std::strerror(errno)));
    if (receive_buffer > 0)
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      const int reason = errno;
      close();
      throw std::runtime_error("connect: " + std::string(std::strerror(reason)));
    }
    if (!trust.ca_file.empty()) tls_ = std::make_unique<RawTls>(descriptor_, trust);
  }

 public:
  ~RawSocket() { close(); }
  RawSocket(RawSocket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        tls_(std::move(other.tls_)),
        received_(std::move(other.received_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  // False when the server does not take the bytes any more.
  bool send(std::string_view bytes) {
    if (tls_) return tls_->send(bytes, kPatience);
    while (!bytes.empty()) {
      if (!wait(POLLOUT, kPatience)) return false;
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void finish_sending() {
    if (tls_) tls_->finish_sending();
    ::shutdown(descriptor_, SHUT_WR);
  }

  // Vanishes without a word: the server sees a reset.
  void reset() {
    const linger no_linger{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &no_linger, sizeof no_linger);
    close();
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  // Reads one response; `head`: it answers a HEAD request. Status 0 where none came.
  RawResponse receive(bool head = false) {
    RawResponse response;
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!receive_more()) return response;
    }
    parse_head(response);
    if (response.status == 100) {
      response.complete = true;
    } else {
      receive_body(response, head);
    }
    return response;
  }

  RawResponse exchange(std::string_view request) {
    send(request);
    return receive(request.substr(0, 5) == "HEAD ");
  }

  // Everything up to the end of the connection or of the time. `ended` tells which.
  std::string receive_all(bool* ended = nullptr, std::chrono::milliseconds patience = kPatience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    bool more = true;
    while (more && std::chrono::steady_clock::now() < deadline) {
      more = receive_more(
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
    }
    if (ended) *ended = ended_;
    return std::exchange(received_, std::string());
  }

  // Whether the server closes the connection within `patience`; what it still sends is dropped.
  bool closed_within(std::chrono::milliseconds patience) {
    bool ended = false;
    receive_all(&ended, patience);
    return ended;
  }

  bool readable_within(std::chrono::milliseconds patience) {
    if (!received_.empty()) return true;
    return tls_ ? tls_->readable_within(patience) : wait(POLLIN, patience);
  }

 private:
  bool wait(short events, std::chrono::milliseconds patience) {
    pollfd descriptors{descriptor_, events, 0};
    int ready = 0;
    do {
      ready = ::poll(&descriptors, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
  }

  bool receive_more(std::chrono::milliseconds patience = kPatience) {
    char piece[65536];
    if (tls_) {
      const int got = tls_->receive(piece, sizeof piece, patience);
      ended_ = ended_ || got == 0;
      if (got > 0) received_.append(piece, static_cast<std::size_t>(got));
      return got > 0;
    }
    if (!wait(POLLIN, patience)) return false;
    const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    received_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  void parse_head(RawResponse& response) {
    const std::size_t end = received_.find("\r\n\r\n");
    std::string head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    bool first = true;
    for (std::size_t at = 0; at < head.size();) {
      const std::size_t line_end = head.find("\r\n", at);
      const std::string line = head.substr(at, line_end - at);
      at = line_end + 2;
      if (std::exchange(first, false)) {
        if (line.size() >= 13 && line.starts_with("HTTP/1.1 ")) {
          response.status = std::atoi(line.c_str() + 9);
          response.reason = line.substr(13);
        }
        continue;
      }
      const std::size_t colon = line.find(": ");
      if (colon != std::string::npos) response.headers.add(line.substr(0, colon), line.substr(colon + 2));
    }
  }

  void receive_body(RawResponse& response, bool head) {
    if (head || response.status == 204 || response.status == 304) {
      response.complete = true;
    } else if (const std::string* length = response.headers.find("Content-Length")) {
      const std::size_t size = std::stoull(*length);
      while (received_.size() < size && receive_more()) {
      }
      response.complete = received_.size() >= size;
      response.body = received_.substr(0, size);
      received_.erase(0, size);
    } else if (response.headers.contains("Transfer-Encoding")) {
      receive_chunks(response);
    } else {
      response.body = receive_all(&response.complete);
    }
  }

  void receive_chunks(RawResponse& response) {
    for (;;) {
      std::size_t line_end = 0;
      while ((line_end = received_.find("\r\n")) == std::string::npos) {
        if (!receive_more()) return;
      }
      const std::size_t size = std::stoull(received_.substr(0, line_end), nullptr, 16);
      const std::size_t whole = line_end + 2 + size + 2;
      while (received_.size() < whole) {
        if (!receive_more()) return;
      }
      response.body += received_.substr(line_end + 2, size);
      received_.erase(0, whole);
      if (size == 0) {
        response.complete = true;
        return;
      }
    }
  }

  int descriptor_ = -1;
  std::unique_ptr<RawTls> tls_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace sagemaker::tests
