// An http::Server on a free port with a thread of its own, for tests that talk to it. With SAGEMAKER_TEST_TLS
// set it speaks TLS too, and the RawSockets of the program speak nothing else: the same promises, the other
// way.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "emulator/http/server.hpp"
#include "emulator/http/tls.hpp"
#include "tests/support/raw_socket.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

inline bool tests_speak_tls() { return std::getenv("SAGEMAKER_TEST_TLS") != nullptr; }

// Of the whole program; null where the tests speak plain HTTP.
inline std::shared_ptr<const local::http::Tls> usual_tls() {
  if (!tests_speak_tls()) return nullptr;
  static const TemporaryDirectory directory;
  static const auto tls = [] {
    auto authority = std::make_unique<local::http::CertificateAuthority>(
        local::http::CertificateAuthority::Options{.directory = directory / "tls", .hosts = {}});
    RawSocket::usual_trust().ca_file = authority->ca_file().string();
    return std::make_shared<const local::http::Tls>(std::move(authority));
  }();
  return tls;
}

class RunningServer {
 public:
  RunningServer(const local::HttpLimits& limits, local::http::Handler handler)
      : RunningServer(limits, std::move(handler), usual_tls()) {}
  RunningServer(const local::HttpLimits& limits, local::http::Handler handler,
                std::shared_ptr<const local::http::Tls> tls)
      : server_(limits, std::move(handler), std::move(tls)),
        port_(server_.bind("127.0.0.1", 0)),
        thread_([this] { server_.serve(); }) {}
  ~RunningServer() { stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  int port() const { return port_; }
  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  local::http::Server& server() { return server_; }

 private:
  local::http::Server server_;
  int port_;
  std::thread thread_;
};

inline local::http::Response text_response(std::string text, int status = 200) {
  local::http::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = std::move(text);
  return response;
}

}  // namespace sagemaker::tests
