// The HTTP/1.1 server: sockets, framing, limits and deadlines. It hides cpp-httplib, which sees only a framing skeleton
// of each request (fixed target, length or chunked, Expect, Connection) so that none of its rewriting touches raw bytes.
#pragma once

#include <memory>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"

namespace sagemaker::local::http {

class Server {
 public:
  Server(const HttpLimits& limits, Handler handler);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and returns the port (a free one for port 0). Throws std::runtime_error saying why not.
  int bind(const std::string& host, int port);
  // Serves until stop(); call on its own thread or the main one.
  void serve();
  // Lets running requests finish for a moment, closes all connections, makes serve() return. Callable from any thread.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::http
