// Who is still there, asked when a collective has failed: gloo's errors name an address at best, and not
// always that of the host that has gone. Each host has a socket that listens and never accepts; the kernel
// answers for a process that lives, and refuses for one that has ended. No byte is sent.
#pragma once

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container::distributed::detail {

class OwnedSocket {
 public:
  OwnedSocket() = default;
  explicit OwnedSocket(int fd) : fd_(fd) {}
  ~OwnedSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedSocket(OwnedSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

// Of an address in numbers; null where it is none.
SAGEMAKER_CONTAINER_FUNCTION AddressList numeric_address(const std::string& address,
                                                         const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const bool known = ::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) == 0;
  return {known ? found : nullptr, &::freeaddrinfo};
}

// Listens on a free port of this address. Without a socket where the address is not one of this machine.
struct Beacon {
  OwnedSocket socket;
  int port = 0;
};
SAGEMAKER_CONTAINER_FUNCTION Beacon light_beacon(const std::string& address) {
  const AddressList list = numeric_address(address, "0");
  if (!list) return {};
  Beacon beacon;
  beacon.socket = OwnedSocket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (!beacon.socket || ::bind(beacon.socket.get(), list->ai_addr, list->ai_addrlen) != 0 ||
      ::listen(beacon.socket.get(), SOMAXCONN) != 0 ||
      ::getsockname(beacon.socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return {};
  beacon.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                  : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return beacon;
}

// Whether nothing answers there any more. True also for a machine that cannot be reached within `patience`.
SAGEMAKER_CONTAINER_FUNCTION bool has_gone(const std::string& address, const std::string& port,
                                           std::chrono::milliseconds patience) {
  const AddressList list = numeric_address(address, port);
  if (!list) return false;
  const OwnedSocket socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return false;
  if (::connect(socket.get(), list->ai_addr, list->ai_addrlen) == 0) return false;
  pollfd waiting{socket.get(), POLLOUT, 0};
  int error = errno;
  socklen_t size = sizeof error;
  if (error == EINPROGRESS) {
    int ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
    while (ready < 0 && errno == EINTR) ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
    if (ready <= 0) return true;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  return error != 0;
}

}  // namespace sagemaker::container::distributed::detail
