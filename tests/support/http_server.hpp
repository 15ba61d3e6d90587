// An http::Server on a free port with a thread of its own, for tests that talk to it.
#pragma once

#include <string>
#include <thread>
#include <utility>

#include "emulator/http/server.hpp"

namespace sagemaker::tests {

class RunningServer {
 public:
  RunningServer(const local::HttpLimits& limits, local::http::Handler handler)
      : server_(limits, std::move(handler)),
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
