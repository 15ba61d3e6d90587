// A server that speaks HTTP and HTTPS, and clients of it that trust its authority.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "emulator/http/tls.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/raw_socket.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

inline const std::string kHello = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

// /count reads the body, /refuse does not, /large and /stream are large; everything else says hello and the
// host.
inline local::http::Response answer_tls_tests(local::http::Request& request) {
  if (request.path == "/refuse") return text_response("no", 403);
  if (request.path == "/large") return text_response(std::string(20'000'000, 'x'));
  if (request.path == "/host") return text_response(request.headers.get("Host"));
  if (request.path == "/stream") {
    local::http::Response response;
    response.body = local::http::StreamBody{[](const std::function<bool(std::string_view)>& write) {
      for (int i = 0; i < 10 && write(std::string(100'000, 'x')); ++i) {
      }
    }};
    return response;
  }
  std::uint64_t size = 0;
  request.body->read([&](std::string_view piece) { size += piece.size(); });
  return text_response((request.path == "/count" ? "" : "hello ") + std::to_string(size));
}

struct TlsServer {
  explicit TlsServer(const local::HttpLimits& limits = {}) : server(limits, answer_tls_tests, make_tls()) {}

  RawSocket connect() { return connect({.ca_file = ca_file}); }
  RawSocket connect(const TlsTrust& trust) { return RawSocket(server.port(), trust); }
  RawSocket connect_plain() { return RawSocket(server.port(), TlsTrust{}); }
  void check_alive() {
    CHECK(connect().exchange(kHello).status == 200);
    CHECK(connect_plain().exchange(kHello).status == 200);
  }

  TemporaryDirectory folder;
  std::string ca_file;
  RunningServer server;

 private:
  std::shared_ptr<const local::http::Tls> make_tls() {
    auto authority = std::make_unique<local::http::CertificateAuthority>(
        local::http::CertificateAuthority::Options{.directory = folder / "tls", .hosts = {}});
    ca_file = authority->ca_file().string();
    return std::make_shared<const local::http::Tls>(std::move(authority));
  }
};

}  // namespace sagemaker::tests
