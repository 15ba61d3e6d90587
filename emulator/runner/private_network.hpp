// The network of one container that has one of its own: a loopback interface, and nothing else. The emulator
// gets sockets that were made inside and uses them from outside: to talk to the container without any hop
// between, and to be reached by it where it is to be.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

class PrivateNetwork {
 public:
  // `control` is one end of the connection whose other end sagemaker-local-network has.
  explicit PrivateNetwork(UniqueFd control);

  // A new TCP socket of the network, not connected and non-blocking; empty where the container is gone.
  // Thread-safe.
  UniqueFd socket(bool ipv6 = false);

  // The container's program may start. Called by the container once its network is as it shall be.
  void open();

 private:
  UniqueFd control_;
  std::mutex mutex_;
};

// Makes a server of this machine reachable inside a private network: listens there and carries the bytes of
// each connection to and fro.
class NetworkRelay {
 public:
  // Listens inside where `url` points to (http://127.0.0.1:8580), and connects to the same outside.
  // A host that is no loopback address is reached as 127.0.0.1 inside. Throws std::exception saying what
  // cannot be.
  NetworkRelay(PrivateNetwork& network, const std::string& url);
  ~NetworkRelay();
  NetworkRelay(const NetworkRelay&) = delete;
  NetworkRelay& operator=(const NetworkRelay&) = delete;

  // The URL by which the container reaches it.
  static std::string inside(const std::string& url);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::runner
