// The HTTP/1.1 server: sockets, framing, limits and deadlines. It hides cpp-httplib, which binds, listens and
// accepts; what comes over an accepted socket is read, and answered, by the code of this folder, so that raw
// bytes stay raw.
#pragma once

#include <memory>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"

namespace sagemaker::local::http {

class Tls;

class Server {
 public:
  // `tls`: null where only HTTP is spoken. With it the port speaks both, as each client begins, and a client
  // that asks for a tunnel (CONNECT) to a host of AWS finds its end here.
  Server(const HttpLimits& limits, Handler handler, std::shared_ptr<const Tls> tls = nullptr);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and returns the port (a free one for port 0). Throws std::runtime_error saying why not.
  int bind(const std::string& host, int port);
  // Serves until stop(); call on its own thread or the main one.
  void serve();
  // Lets running requests finish for a moment, closes all connections, makes serve() return. Callable from
  // any thread, from a handler and from a signal handler; does not wait. serve() returns when the last
  // handler has, so what handlers wait for (jobs, endpoints) should be told to end as well.
  void stop();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::http
