// See http_client.hpp.
#include "emulator/runner/http_client.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "emulator/waiting.hpp"

namespace sagemaker::local::runner {
namespace {

using Deadline = std::chrono::steady_clock::time_point;
using Kind = HttpAnswer::Kind;

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t idle_max = 64;

// Waits for one of `events` and says what is there; 0 at the deadline.
short wait(int fd, short events, Deadline deadline) {
  const Waiting waiting;  // a container that hangs keeps no thread from those who want something else
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return 0;
    pollfd watched{fd, events, 0};
    const int result = ::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (result > 0) return watched.revents;
    if (result < 0 && errno != EINTR) return events;  // the next call on the socket tells what is wrong
  }
}

struct Failure {
  Kind kind;
};

UniqueFd connect_to(UniqueFd fd, const std::string& address, int port, Deadline deadline) {
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(static_cast<std::uint16_t>(port));
  if (!fd || ::inet_pton(AF_INET, address.c_str(), &target.sin_addr) != 1) throw Failure{Kind::refused};
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0) return fd;
  if (errno != EINPROGRESS) throw Failure{Kind::refused};
  if (!wait(fd.get(), POLLOUT, deadline)) throw Failure{Kind::timed_out};
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    throw Failure{Kind::refused};
  return fd;
}

// A value with a line break would be another header: nothing that reached us over HTTP can hold one.
bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string head_of(const HttpRequest& request, const std::string& address, int port) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + address + ":" +
                     std::to_string(port) + "\r\n";
  for (const auto& [name, value] : request.headers) {
    if (is_clean(name) && is_clean(value)) head += name + ": " + value + "\r\n";
  }
  if (request.pull) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (!request.body.empty() || request.method != "GET") {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return head + "\r\n";
}

// A request whose body is pulled while it is sent: its bytes as they go over the connection.
class Upload {
 public:
  Upload(std::string_view head, const HttpRequest& request) : pull_(&request.pull), bytes_(head) {
    unsent_ = bytes_;
  }

  bool ended() const { return last_ && unsent_.empty(); }
  // What is to be sent next: not empty before the end.
  std::string_view next() {
    if (unsent_.empty() && !last_) pull_chunk();
    return unsent_;
  }
  void sent(std::size_t count) { unsent_.remove_prefix(count); }

 private:
  static constexpr std::size_t chunk_bytes = 64 * 1024;
  static constexpr std::size_t header_bytes = 10;  // at least those of the size in hexadecimal and a line end

  void pull_chunk() {
    bytes_.resize(header_bytes + chunk_bytes);
    const std::size_t size = std::min((*pull_)(bytes_.data() + header_bytes, chunk_bytes), chunk_bytes);
    last_ = size == 0;
    std::array<char, header_bytes> digits;
    char* end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    const std::string header = std::string(digits.data(), end) + "\r\n";
    const std::size_t begin = header_bytes - header.size();
    bytes_.replace(begin, header.size(), header);
    bytes_.resize(header_bytes + size);
    bytes_ += "\r\n";
    unsent_ = std::string_view(bytes_).substr(begin);
  }

  const std::function<std::size_t(char*, std::size_t)>* pull_;
  std::string bytes_;
  std::string_view unsent_;  // of bytes_
  bool last_ = false;
};

// One request and its answer on one connection.
class Exchange {
 public:
  Exchange(int fd, Deadline deadline, std::uint64_t body_bytes_max, const HttpStream* stream)
      : fd_(fd), deadline_(deadline), body_bytes_max_(body_bytes_max), stream_(stream) {}

  // Sends what is uploaded while the answer is waited for and received: who reads and writes by turns, as a
  // model that answers line by line, is not stopped by an answer that nobody takes.
  void send_meanwhile(Upload& upload) { upload_ = &upload; }

  // False where the other side closed before all was sent: it may have answered nevertheless.
  bool send(std::string_view head, std::string_view body) {
    while (!head.empty() || !body.empty()) {
      std::array<iovec, 2> parts{
          {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}}};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
          refused_ = true;
          return false;
        }
        if (!wait(fd_, POLLOUT, deadline_)) throw Failure{Kind::timed_out};
        continue;
      }
      const std::size_t of_head = std::min(head.size(), static_cast<std::size_t>(sent));
      head.remove_prefix(of_head);
      body.remove_prefix(static_cast<std::size_t>(sent) - of_head);
    }
    return true;
  }

  void receive(HttpAnswer& answer) {
    do {
      read_head(answer);
    } while (answer.status >= 100 && answer.status < 200);
    if (answer.status >= 300) end_upload();
    if (stream_ && answer.status < 300) {
      deadline_ = stream_->deadline;
      body_bytes_max_ = std::numeric_limits<std::uint64_t>::max();
      if (stream_->on_head) stream_->on_head(answer.status, answer.headers);
    } else {
      stream_ = nullptr;
    }
    read_body(answer);
    end_upload();
    answer.kind = Kind::answered;
  }

  bool received_any() const { return received_any_; }
  // The other side had closed before it read the request, as a server does with a connection that was idle
  // for too long for it. One that ends while it works on a request has read it: its system says goodbye with
  // a FIN, and with a reset (RST) only to what nobody reads any more.
  bool untaken() const { return refused_ && !received_any_; }
  bool reusable() const { return reusable_ && !cut_off_ && rest_.empty(); }

 private:
  // A server that sends head and body in two pieces waits with the second until the first is acknowledged
  // (Nagle's algorithm; Python's http.server does so), and Linux acknowledges after 40 ms unless told
  // otherwise, which it forgets again and again.
  void acknowledge_at_once() {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }

  bool uploads() const { return upload_ && !upload_->ended(); }

  // The rest is not wanted.
  void end_upload() {
    cut_off_ = cut_off_ || uploads();
    upload_ = nullptr;
  }

  // Sends what the connection takes at once of one piece.
  void send_piece() {
    const std::string_view piece = upload_->next();
    const ssize_t count = ::send(fd_, piece.data(), piece.size(), MSG_NOSIGNAL);
    if (count >= 0) return upload_->sent(static_cast<std::size_t>(count));
    if (errno == EAGAIN || errno == EINTR) return;
    refused_ = true;
    end_upload();  // an answer may have come before
  }

  // Waits until there is something to receive, or the end.
  void wait_for_input() {
    for (;;) {
      const short wanted = uploads() ? POLLIN | POLLOUT : POLLIN;
      const short ready = wait(fd_, wanted, deadline_);
      if (ready == 0) throw Failure{Kind::timed_out};
      if ((ready & ~POLLOUT) != 0) return;
      send_piece();
    }
  }

  int pending_error() const {
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
  }

  // Takes in what arrives, where everything before was used; false at the end of the stream.
  bool fill() {
    // The beginning of an answer is waited for, its continuation is there most of the time.
    bool waits = !received_any_ || uploads();
    for (;; waits = true) {
      if (waits) {
        if (received_any_) acknowledge_at_once();
        wait_for_input();
      } else if (std::chrono::steady_clock::now() >= deadline_) {
        throw Failure{Kind::timed_out};  // of who always has more to say nothing is ever waited for
      }
      const ssize_t length = ::recv(fd_, chunk_.data(), chunk_.size(), 0);
      if (length > 0) {
        received_any_ = true;
        rest_ = {chunk_.data(), static_cast<std::size_t>(length)};
        return true;
      }
      if (length == 0) {
        refused_ = refused_ || pending_error() != 0;
        return false;
      }
      if (errno != EAGAIN && errno != EINTR) {
        refused_ = true;
        throw Failure{Kind::broken};
      }
    }
  }

  void must_fill() {
    if (!fill()) throw Failure{Kind::broken};
  }

  // The next line without its end; for heads and chunk sizes, so it is short.
  std::string line() {
    std::string text;
    for (;;) {
      if (rest_.empty()) must_fill();
      const std::size_t end = rest_.find('\n');
      text.append(rest_.substr(0, end));
      if (head_bytes_ + text.size() > head_bytes_max) throw Failure{Kind::broken};
      rest_.remove_prefix(std::min(rest_.size(), end == std::string_view::npos ? end : end + 1));
      if (end == std::string_view::npos) continue;
      head_bytes_ += text.size() + 1;
      if (text.ends_with('\r')) text.pop_back();
      return text;
    }
  }

  void read_head(HttpAnswer& answer) {
    answer.headers = {};
    answer.status = 0;
    head_bytes_ = 0;
    const std::string status = line();
    if (!status.starts_with("HTTP/1.") || status.size() < 12) throw Failure{Kind::broken};
    const auto [end, error] = std::from_chars(status.data() + 9, status.data() + 12, answer.status);
    if (error != std::errc() || end != status.data() + 12 || answer.status < 100) throw Failure{Kind::broken};
    reusable_ = status[7] == '1';
    for (std::string field = line(); !field.empty(); field = line()) {
      const std::size_t colon = field.find(':');
      if (colon == std::string::npos || colon == 0) throw Failure{Kind::broken};
      const std::size_t begin = std::min(field.find_first_not_of(" \t", colon + 1), field.size());
      const std::size_t last = field.find_last_not_of(" \t");
      answer.headers.add(field.substr(0, colon), begin > last ? "" : field.substr(begin, last + 1 - begin));
    }
    const std::string connection = aws::to_lower(std::string_view(answer.headers.get("Connection")));
    if (connection.find("close") != std::string::npos) reusable_ = false;
    if (connection.find("keep-alive") != std::string::npos) reusable_ = true;
  }

  void read_body(HttpAnswer& answer) {
    if (answer.status == 204 || answer.status == 304) return;
    const std::string coding = aws::to_lower(std::string_view(answer.headers.get("Transfer-Encoding")));
    if (coding.find("chunked") != std::string::npos) return read_chunks(answer.body);
    if (const std::string* length = answer.headers.find("Content-Length")) {
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), size);
      if (error != std::errc() || end != length->data() + length->size()) throw Failure{Kind::broken};
      read_bytes(answer.body, size);
      return;
    }
    reusable_ = false;  // until the connection closes
    do {
      check_size(answer.body.size() + rest_.size());
      if (!take(answer.body, rest_.size())) return;
    } while (fill());
  }

  // The next `size` bytes of what came, for whom they are meant; false where nobody wants more.
  bool take(std::string& body, std::size_t size) {
    const std::string_view piece = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!stream_) {
      body.append(piece);
    } else if (!piece.empty() && !stream_->on_piece(piece)) {
      reusable_ = false;
      return false;
    }
    return true;
  }

  void check_size(std::uint64_t size) {
    if (size > body_bytes_max_) throw Failure{Kind::too_large};
  }

  bool read_bytes(std::string& body, std::uint64_t size) {
    check_size(size);
    check_size(body.size() + size);
    if (!stream_) body.reserve(body.size() + static_cast<std::size_t>(size));
    while (size > 0) {
      if (rest_.empty()) must_fill();
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, rest_.size()));
      if (!take(body, piece)) return false;
      size -= piece;
    }
    return true;
  }

  void read_chunks(std::string& body) {
    for (;;) {
      head_bytes_ = 0;
      const std::string header = line();
      std::uint64_t size = 0;
      const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), size, 16);
      if (error != std::errc() || end == header.data()) throw Failure{Kind::broken};
      if (size == 0) break;
      if (!read_bytes(body, size)) return;
      if (!line().empty()) throw Failure{Kind::broken};
    }
    while (!line().empty()) continue;  // trailers
  }

  int fd_;
  Deadline deadline_;
  std::uint64_t body_bytes_max_;
  const HttpStream* stream_;
  std::string_view rest_;  // of chunk_: came and is not used yet
  std::size_t head_bytes_ = 0;
  bool received_any_ = false;
  bool refused_ = false;  // a reset came
  Upload* upload_ = nullptr;
  bool cut_off_ = false;  // the request was not sent to its end
  bool reusable_ = false;
  std::array<char, 64 * 1024> chunk_;
};

}  // namespace

HttpAnswer HttpClient::send(const HttpRequest& request, Deadline deadline, std::uint64_t body_bytes_max,
                            const HttpStream* stream) {
  const std::string head = head_of(request, address_, port_);
  // Whether an idle connection is still good is known only after sending, when a pulled body is used up.
  UniqueFd connection = request.pull ? UniqueFd() : take_idle();
  for (bool kept_alive = static_cast<bool>(connection);; kept_alive = false) {
    HttpAnswer answer;
    bool untaken = false;
    try {
      if (!connection) connection = connect(deadline);
      Exchange exchange(connection.get(), deadline, body_bytes_max, stream);
      try {
        std::optional<Upload> upload;
        if (request.pull) {
          exchange.send_meanwhile(upload.emplace(head, request));
        } else {
          exchange.send(head, request.body);
        }
        exchange.receive(answer);
        answer.began = true;
        if (exchange.reusable()) give_back(std::move(connection));
        return answer;
      } catch (const Failure&) {
        answer.began = exchange.received_any();
        untaken = exchange.untaken();
        throw;
      }
    } catch (const Failure& failure) {
      connection.reset();
      if (kept_alive && failure.kind == Kind::broken && untaken) continue;
      answer.kind = failure.kind;
      answer.body.clear();
      return answer;
    }
  }
}

UniqueFd HttpClient::connect(Deadline deadline) const {
  UniqueFd socket =
      sockets_ ? sockets_() : UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return connect_to(std::move(socket), address_, port_, deadline);
}

void HttpClient::clear() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

UniqueFd HttpClient::take_idle() {
  for (;;) {
    UniqueFd connection;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) return {};
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
    pollfd watched{connection.get(), POLLIN, 0};
    if (::poll(&watched, 1, 0) == 0) return connection;  // neither closed nor out of step
  }
}

void HttpClient::give_back(UniqueFd connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_max) idle_.push_back(std::move(connection));
}

}  // namespace sagemaker::local::runner
