// Loopback addresses of containers. All of 127.0.0.0/8 is this machine's own without any set-up; a socket
// bound on the first address of a block is the claim on it, and the kernel gives the claim up when the
// emulator ends, however it ends.
#include <bitset>
#include <mutex>
#include <set>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "emulator/runner/address_lease.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {
namespace {

constexpr std::uint16_t claim_port = 45'669;
constexpr int first_block =
    77;  // 127.77.x.0/24, then 127.78.x.0/24: far from the addresses that people use by hand
constexpr int blocks = 4;
constexpr int first_host = 2, last_host = 254;

UniqueFd claim(int a, int b) {
  UniqueFd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(claim_port);
  address.sin_addr.s_addr =
      htonl((127u << 24) | (static_cast<unsigned>(a) << 16) | (static_cast<unsigned>(b) << 8) | 1u);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

// The port that could be bound (`port` 0: any); 0 where it is taken.
int try_port(const in_addr& host, int port, bool past_closing) {
  const UniqueFd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr = host;
  const int on = past_closing ? 1 : 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
  if (::listen(socket.get(), 1) != 0) return 0;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace

int free_port(const std::string& address, int preferred, bool past_closing) {
  in_addr host{};
  if (::inet_pton(AF_INET, address.c_str(), &host) != 1)
    throw std::runtime_error("not an IPv4 address: " + address);
  int port = try_port(host, preferred, past_closing);
  if (port == 0) port = try_port(host, 0, past_closing);
  if (port == 0) throw std::runtime_error("no free TCP port on " + address);
  return port;
}

class AddressPool::Implementation {
 public:
  Implementation() {
    for (int a = first_block; a < first_block + blocks; ++a) {
      for (int b = 0; b < 256; ++b) {
        claim_ = claim(a, b);
        if (!claim_) continue;
        prefix_ = "127." + std::to_string(a) + "." + std::to_string(b) + ".";
        return;
      }
    }
    throw std::runtime_error("no block of loopback addresses is free (TCP port " +
                             std::to_string(claim_port) + " of 127." + std::to_string(first_block) +
                             ".0.1 and up)");
  }

  std::string acquire() {
    const std::lock_guard lock(mutex_);
    for (int host = first_host; host <= last_host; ++host) {
      if (used_[static_cast<std::size_t>(host)]) continue;
      used_.set(static_cast<std::size_t>(host));
      return prefix_ + std::to_string(host);
    }
    throw std::runtime_error("all " + std::to_string(last_host - first_host + 1) +
                             " addresses for containers are in use: too many instances at once");
  }

  void remember_private(const std::string& program) {
    const std::lock_guard lock(mutex_);
    private_.insert(program);
  }
  bool remembers_private(const std::string& program) const {
    const std::lock_guard lock(mutex_);
    return private_.count(program) > 0;
  }

  void release(const std::string& address) {
    if (!address.starts_with(prefix_)) return;
    const int host = std::atoi(address.c_str() + prefix_.size());
    const std::lock_guard lock(mutex_);
    if (host >= first_host && host <= last_host) used_.reset(static_cast<std::size_t>(host));
  }

 private:
  UniqueFd claim_;
  std::string prefix_;
  mutable std::mutex mutex_;
  std::bitset<256> used_;
  std::set<std::string> private_;
};

AddressPool::AddressPool() : implementation_(std::make_unique<Implementation>()) {}
AddressPool::~AddressPool() = default;
std::string AddressPool::acquire() { return implementation_->acquire(); }
void AddressPool::release(const std::string& address) { implementation_->release(address); }
void AddressPool::remember_private(const std::string& program) { implementation_->remember_private(program); }
bool AddressPool::remembers_private(const std::string& program) const {
  return implementation_->remembers_private(program);
}

}  // namespace sagemaker::local::runner
