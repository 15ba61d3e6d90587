// Bytes over a loopback connection with nothing in between: what a download costs at the least, and how fast
// a server is when its client does nothing but take the bytes.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sagemaker::bench {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {
    if (value < 0) throw std::system_error(errno, std::generic_category(), "a descriptor");
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

inline void require(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

// A connection to 127.0.0.1 whose reader throws the bytes away.
class BareReader {
 public:
  explicit BareReader(int port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), buffer_(256 * 1024) {
    const sockaddr_in address = loopback(port);
    require(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
            "connect");
  }

  void send(const std::string& bytes) {
    require(
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()),
        "send");
  }
  void take(std::uint64_t bytes) {
    while (bytes > 0) bytes -= std::min<std::uint64_t>(bytes, some());
  }
  // Takes the header of an answer, which has to be 200, and its body, which has to be so long.
  void take_answer(std::uint64_t body_bytes) {
    std::string begun;
    std::size_t end = std::string::npos;
    while ((end = begun.find("\r\n\r\n")) == std::string::npos) {
      const std::size_t count = some();
      begun.append(buffer_.data(), count);
    }
    if (begun.find(" 200 ") > begun.find('\n')) throw std::runtime_error(begun.substr(0, begun.find('\r')));
    take(body_bytes - (begun.size() - end - 4));
  }

 private:
  std::size_t some() {
    const ssize_t count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    require(count > 0, "recv");
    return static_cast<std::size_t>(count);
  }

  Descriptor socket_;
  std::vector<char> buffer_;
};

// Fetches "http://127.0.0.1:PORT/path?query".
inline void bare_get(const std::string& url, std::uint64_t bytes) {
  const std::size_t colon = url.find(':', url.find("//"));
  const std::size_t path = url.find('/', colon);
  BareReader reader(std::atoi(url.c_str() + colon + 1));
  reader.send("GET " + url.substr(path) + " HTTP/1.1\r\nHost: " +
              url.substr(url.find("//") + 2, path - url.find("//") - 2) + "\r\nConnection: close\r\n\r\n");
  reader.take_answer(bytes);
}

// Sends a file to a reader of this process by sendfile(2).
inline void bare_transfer(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  require(::fstat(file.get(), &status) == 0, "fstat");
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  require(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(::listen(listener.get(), 1) == 0, "listen");
  require(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  BareReader reader(ntohs(address.sin_port));
  const Descriptor sender(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::thread sending([&] {
    while (::sendfile(sender.get(), file.get(), nullptr, 1 << 20) > 0) {
    }
    ::shutdown(sender.get(), SHUT_WR);
  });
  try {
    reader.take(static_cast<std::uint64_t>(status.st_size));
  } catch (...) {
    ::shutdown(sender.get(), SHUT_RDWR);
    sending.join();
    throw;
  }
  sending.join();
}

}  // namespace sagemaker::bench
