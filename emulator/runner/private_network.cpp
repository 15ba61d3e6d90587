// See private_network.hpp.
#include "emulator/runner/private_network.hpp"

#include <algorithm>
#include <cstring>
#include <list>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <sagemaker/aws/uri.hpp>

namespace sagemaker::local::runner {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::size_t connections_max = 256;

// The container's other end might be anything; what is not a TCP socket is not taken.
bool is_tcp_socket(int fd, int family) {
  const auto option = [fd](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_DOMAIN) == family && option(SO_TYPE) == SOCK_STREAM && option(SO_PROTOCOL) == IPPROTO_TCP;
}

}  // namespace

PrivateNetwork::PrivateNetwork(UniqueFd control) : control_(std::move(control)) {
  const timeval patience{5, 0};  // it answers within microseconds, unless the container has stopped it
  ::setsockopt(control_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(control_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

UniqueFd PrivateNetwork::socket(bool ipv6) {
  const std::lock_guard lock(mutex_);
  const char question = ipv6 ? '6' : '4';
  if (!control_ || ::send(control_.get(), &question, 1, MSG_NOSIGNAL) != 1) return {};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char answer = 0;
  iovec text{&answer, 1};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(control_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length != 1) {
    control_.reset();  // an answer that comes later would be taken for that to another question
    return {};
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  UniqueFd socket(fd);
  return is_tcp_socket(fd, ipv6 ? AF_INET6 : AF_INET) ? std::move(socket) : UniqueFd();
}

void PrivateNetwork::open() {
  const std::lock_guard lock(mutex_);
  const char start = 's';
  if (control_) (void)!::send(control_.get(), &start, 1, MSG_NOSIGNAL);
}

namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Of an address in figures, or "localhost"; throws where it is a name.
Address address_of(const std::string& host, int port) {
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  const auto network_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = network_port;
    address.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = network_port;
    address.size = sizeof v6;
  } else {
    throw std::runtime_error(host + " is not an address in figures");
  }
  return address;
}

// The bytes of one direction of a connection, on their way from one socket to the other.
class Flow {
 public:
  // What is to be waited for on the source and on the target.
  short wanted_of_source() const { return !ended_ && size_ < buffer_.size() ? POLLIN : 0; }
  short wanted_of_target() const { return begin_ < size_ ? POLLOUT : 0; }
  bool done() const { return closed_; }

  // Moves what can be moved now; false where the connection is broken.
  bool move(int source, int target) {
    if (!ended_ && size_ < buffer_.size()) {
      const ssize_t length = ::recv(source, buffer_.data() + size_, buffer_.size() - size_, 0);
      if (length > 0) size_ += static_cast<std::size_t>(length);
      if (length == 0) ended_ = true;
      if (length < 0 && errno != EAGAIN && errno != EINTR) return false;
    }
    if (begin_ < size_) {
      const ssize_t length = ::send(target, buffer_.data() + begin_, size_ - begin_, MSG_NOSIGNAL);
      if (length > 0) begin_ += static_cast<std::size_t>(length);
      if (length < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (begin_ == size_) begin_ = size_ = 0;
    }
    if (ended_ && begin_ == size_ && !closed_) {
      ::shutdown(target, SHUT_WR);
      closed_ = true;
    }
    return true;
  }

 private:
  std::vector<char> buffer_ = std::vector<char>(buffer_bytes);
  std::size_t begin_ = 0, size_ = 0;
  bool ended_ = false, closed_ = false;
};

struct RelayedConnection {
  UniqueFd inner, outer;
  bool connected = false;
  Flow to_outer = {}, to_inner = {};
};

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

class NetworkRelay::Implementation {
 public:
  Implementation(UniqueFd listener, const Address& target)
      : listener_(std::move(listener)), target_(target), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    checked(stop_.get(), "eventfd");
    thread_ = std::thread([this] { run(); });
  }
  ~Implementation() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }

 private:
  void run() {
    std::vector<pollfd> watched;
    for (;;) {
      watched.assign({{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
      if (connections_.size() >= connections_max) watched[1].fd = -1;
      for (const RelayedConnection& one : connections_) watch(one, watched);
      if (::poll(watched.data(), watched.size(), -1) < 0) continue;
      if (watched[0].revents) return;
      std::size_t at = 2;
      for (auto one = connections_.begin(); one != connections_.end(); at += 2) {
        const bool ready = watched[at].revents || watched[at + 1].revents;
        one = !ready || serve(*one, watched[at + 1].revents) ? std::next(one) : connections_.erase(one);
      }
      if (watched[1].revents) accept();
    }
  }

  static void watch(const RelayedConnection& one, std::vector<pollfd>& watched) {
    pollfd inner{one.inner.get(), 0, 0}, outer{one.outer.get(), POLLOUT, 0};
    if (one.connected) {
      inner.events = static_cast<short>(one.to_outer.wanted_of_source() | one.to_inner.wanted_of_target());
      outer.events = static_cast<short>(one.to_inner.wanted_of_source() | one.to_outer.wanted_of_target());
    }
    if (inner.events == 0) inner.fd = -1;  // a hang-up alone would wake this thread again and again
    if (outer.events == 0) outer.fd = -1;
    watched.push_back(inner);
    watched.push_back(outer);
  }

  // False where the connection has ended.
  static bool serve(RelayedConnection& one, short outer_events) {
    if (!one.connected) {
      if (!outer_events) return true;
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(one.outer.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
      one.connected = true;
    }
    if (!one.to_outer.move(one.inner.get(), one.outer.get())) return false;
    if (!one.to_inner.move(one.outer.get(), one.inner.get())) return false;
    return !(one.to_outer.done() && one.to_inner.done());
  }

  void accept() {
    UniqueFd inner(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!inner) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        // Out of descriptors, most likely: the next attempt would find it so too.
        pollfd stop{stop_.get(), POLLIN, 0};
        ::poll(&stop, 1, 100);
      }
      return;
    }
    UniqueFd outer(::socket(target_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!outer) return;
    no_delay(inner.get());
    no_delay(outer.get());
    if (::connect(outer.get(), target_.get(), target_.size) != 0 && errno != EINPROGRESS) return;
    connections_.push_back({std::move(inner), std::move(outer)});
  }

  UniqueFd listener_;
  const Address target_;
  UniqueFd stop_;
  std::list<RelayedConnection> connections_;
  std::thread thread_;
};

std::string NetworkRelay::inside(const std::string& url) {
  aws::Uri uri = aws::parse_uri(url);
  if (aws::is_loopback(uri.host)) return url;
  uri.host = "127.0.0.1";
  return uri.origin() + uri.path;
}

NetworkRelay::NetworkRelay(PrivateNetwork& network, const std::string& url) {
  const aws::Uri uri = aws::parse_uri(url);
  const Address outside = address_of(uri.host, uri.port);
  const Address inside = aws::is_loopback(uri.host) ? outside : address_of("127.0.0.1", uri.port);
  UniqueFd listener = network.socket(inside.storage.ss_family == AF_INET6);
  if (!listener) throw std::runtime_error("the container's network gives no socket");
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.get(), inside.get(), inside.size) != 0 || ::listen(listener.get(), 128) != 0)
    throw std::system_error(errno, std::generic_category(), "port " + std::to_string(uri.port));
  implementation_ = std::make_unique<Implementation>(std::move(listener), outside);
}

NetworkRelay::~NetworkRelay() = default;

}  // namespace sagemaker::local::runner
