// Bytes over a loopback connection with nothing in between: what a download costs at the least, and how fast
// a server is when its client does nothing but take the bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "emulator/runner/unique_fd.hpp"
#include "tests/support/raw_socket.hpp"

namespace sagemaker::bench {

using local::runner::checked;
using local::runner::UniqueFd;

// A connection to 127.0.0.1 whose reader throws the bytes away.
class BareReader {
 public:
  explicit BareReader(int port) : socket_(port), buffer_(256 * 1024) {}

  void send(const std::string& bytes) {
    if (!socket_.send(bytes)) throw std::runtime_error("the request was not taken");
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
    const ssize_t count = ::recv(socket_.descriptor(), buffer_.data(), buffer_.size(), 0);
    if (count <= 0) throw std::runtime_error("the connection ended early");
    return static_cast<std::size_t>(count);
  }

  tests::RawSocket socket_;
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
  const UniqueFd file(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.string()));
  const UniqueFd listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  checked(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), "bind");
  checked(::listen(listener.get(), 1), "listen");
  checked(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  BareReader reader(ntohs(address.sin_port));
  const UniqueFd sender(checked(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  std::thread sending([&] {
    while (::sendfile(sender.get(), file.get(), nullptr, 1 << 20) > 0) {
    }
    ::shutdown(sender.get(), SHUT_WR);
  });
  try {
    reader.take(std::filesystem::file_size(path));
  } catch (...) {
    ::shutdown(sender.get(), SHUT_RDWR);
    sending.join();
    throw;
  }
  sending.join();
}

}  // namespace sagemaker::bench
