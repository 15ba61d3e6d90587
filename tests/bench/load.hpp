// Closed-loop HTTP load on one server from one thread: each of n kept-alive connections sends its request
// again as soon as the answer is complete. Written against epoll and prepared bytes, so that the figures are
// the server's.
#pragma once

#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.hpp"

namespace sagemaker::bench {

struct LoadResult {
  double per_second = 0, p50_ms = 0, p99_ms = 0;
};

class LoadGenerator {
 public:
  // `request` is sent as it is: head and body.
  LoadGenerator(int port, int connections, std::string request)
      : request_(std::move(request)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    clients_.resize(static_cast<std::size_t>(connections));
    for (Client& client : clients_) connect(client, port);
  }
  ~LoadGenerator() {
    for (const Client& client : clients_) ::close(client.socket);
    ::close(epoll_);
  }
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Warms up for a part of the time, then measures. Throws where an answer is not 200.
  LoadResult run(double seconds) {
    for (Client& client : clients_) send(client);
    drive(seconds / 4);
    samples_.clear();
    const auto start = Steady::now();
    drive(seconds);
    const double took_ms = ms_since(start);
    if (samples_.empty()) throw std::runtime_error("no answer came");
    const double per_second = static_cast<double>(samples_.size()) / took_ms * 1000;
    return {per_second, percentile(samples_, 0.5), percentile(samples_, 0.99)};
  }

 private:
  struct Client {
    int socket = -1;
    std::string answer;
    std::size_t expected = 0;  // bytes of the whole answer, once its head is there
    Steady::time_point sent;
  };

  void connect(Client& client, int port) {
    client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
    const int yes = 1;
    ::setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &client;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
  }
  void send(Client& client) {
    client.sent = Steady::now();
    client.answer.clear();
    client.expected = 0;
    for (std::size_t sent = 0; sent < request_.size();) {
      const ssize_t count =
          ::send(client.socket, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error("a request was not taken");
      sent += static_cast<std::size_t>(count);
    }
  }
  void drive(double seconds) {
    const auto end = Steady::now() + std::chrono::duration<double>(seconds);
    std::array<epoll_event, 64> events;
    while (Steady::now() < end) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
      for (int i = 0; i < count; ++i)
        receive(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
  }
  void receive(Client& client) {
    const ssize_t count = ::recv(client.socket, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) throw std::runtime_error("the server closed a connection");
    client.answer.append(buffer_.data(), static_cast<std::size_t>(count));
    if (client.expected == 0) client.expected = expected_size(client.answer);
    if (client.expected == 0 || client.answer.size() < client.expected) return;
    samples_.push_back(ms_since(client.sent));
    send(client);
  }
  static std::size_t expected_size(std::string_view answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error(std::string(answer.substr(0, 400)));
    std::string lower(answer.substr(0, end + 2));
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::size_t length = lower.find("\r\ncontent-length: ");
    if (length == std::string::npos) throw std::runtime_error("an answer without a length");
    std::size_t bytes = 0;
    std::from_chars(lower.data() + length + 18, lower.data() + lower.size(), bytes);
    return end + 4 + bytes;
  }

  const std::string request_;
  const int epoll_;
  std::vector<Client> clients_;
  std::vector<double> samples_;
  std::array<char, 65536> buffer_;
};

}  // namespace sagemaker::bench
