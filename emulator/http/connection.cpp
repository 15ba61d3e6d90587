// See connection.hpp.
#include "emulator/http/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emulator/http/tls.hpp"
#include "emulator/http/tls_stream.hpp"
#include "emulator/waiting.hpp"

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kPartsMax = 4;
constexpr std::size_t kCopyBytes = 64 * 1024;
// Beyond this an idle connection gives its buffer back: there may be a thousand of them.
constexpr std::size_t kIdleBufferBytes = 4 * 1024;
constexpr std::size_t kReceiveBytes = 16 * 1024;
constexpr char kHandshakeByte = 0x16;            // begins every TLS connection, and no HTTP request
constexpr std::size_t kRecordBytes = 16 * 1024;  // of TLS: short parts of a response travel in one

std::string numeric_address(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* binary = address.ss_family == AF_INET6
                           ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr)
                           : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
  const char* result = ::inet_ntop(address.ss_family, binary, text.data(), text.size());
  return result ? result : "";
}

// Waits for events on one socket; the interruption by a signal does not shorten it. False: time is up.
bool wait_for(int descriptor, short events, std::chrono::milliseconds timeout) {
  const Waiting waiting;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd descriptors{descriptor, events, 0};
    const int ready = ::poll(&descriptors, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;  // errors too: the next call on the socket reports them
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

Connection::Connection(int descriptor, const HttpLimits& limits, const Tls* tls)
    : descriptor_(descriptor),
      limits_(&limits),
      tls_server_(tls),
      mode_(tls ? Mode::open : Mode::decided),
      remote_address_(numeric_address(descriptor)),
      scanner_(limits) {
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);  // child processes must not keep clients waiting
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() {
  // The shutdown reaches the client even where a child process that is about to exec still holds a copy.
  ::shutdown(descriptor_, SHUT_RDWR);
  ::close(descriptor_);
}

void Connection::abort() { ::shutdown(descriptor_, SHUT_RDWR); }

void Connection::finish_sending() {
  if (tls_) tls_->finish_writing();
  ::shutdown(descriptor_, SHUT_WR);
}

bool Connection::end_stream() {
  while (tls_) {
    const auto result = tls_->finish_writing();
    if (result == TlsStream::Result::done) break;
    if (result != TlsStream::Result::wants_write || !wait_writable()) return false;
  }
  return true;
}

// ---- TLS

void Connection::begin_tls(std::string received) {
  tls_ = tls_server_->accept(descriptor_, std::move(tunnel_host_), std::move(received));
  mode_ = Mode::decided;
}

void Connection::begin_tunnel(std::string host) {
  tunnel_host_ = std::move(host);
  mode_ = Mode::tunnel;
}

// bytes: it is decided.
Connection::Received Connection::decide_mode() {
  char first = 0;
  if (!buffered().empty()) {
    first = buffered().front();
  } else {
    ssize_t got = 0;
    do {
      got = ::recv(descriptor_, &first, 1, MSG_PEEK);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::nothing_yet;
    if (got <= 0) return Received::end;
  }
  if (first == kHandshakeByte) {
    std::string received(buffered());
    consume(received.size());
    begin_tls(std::move(received));
  } else if (mode_ == Mode::tunnel) {
    throw HeaderError(400, "Only HTTPS can be spoken in this tunnel.");
  }
  mode_ = Mode::decided;
  return Received::bytes;
}

bool Connection::begun() const { return !buffered().empty() || (tls_ && !tls_->established()); }

bool Connection::pending() const {
  return tls_ ? tls_->pending() : mode_ == Mode::tunnel && !buffered().empty();
}

bool Connection::wants_write() const { return tls_ && tls_->wants_write(); }

// ---- receiving

Connection::Received Connection::receive_header() {
  if (mode_ != Mode::decided) {
    if (const Received first = decide_mode(); first != Received::bytes) return first;
  }
  for (;;) {
    const Received received = receive_buffered(kReceiveBytes);
    if (received != Received::bytes) return received;
    if (header_complete() || !pending()) return received;
  }
}

Connection::Piece Connection::receive(char* memory, std::size_t size) {
  if (!tls_) return receive_raw(memory, size);
  std::size_t got = 0;
  switch (tls_->read(memory, size, got)) {
    case TlsStream::Result::done:
      return {Received::bytes, got};
    case TlsStream::Result::wants_read:
    case TlsStream::Result::wants_write:
      return {Received::nothing_yet};
    case TlsStream::Result::ended:
      break;
    case TlsStream::Result::failed:
      if (!tls_->established()) throw TlsError(tls_->failure(), tls_->distrusted());
      break;
  }
  return {Received::end};
}

Connection::Piece Connection::receive_raw(char* memory, std::size_t size) {
  for (;;) {
    const ssize_t got = ::recv(descriptor_, memory, size, 0);
    if (got > 0) return {Received::bytes, static_cast<std::size_t>(got)};
    if (got == 0) return {Received::end};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Received::nothing_yet};
    if (errno != EINTR) return {Received::end};
  }
}

Connection::Received Connection::receive_buffered(std::size_t bytes_max) {
  if (used_ > 0) {
    input_.erase(0, used_);
    used_ = 0;
  }
  std::array<char, 16 * 1024> piece;
  const Piece got = receive(piece.data(), std::min(bytes_max, piece.size()));
  input_.append(piece.data(), got.size);
  return got.state;
}

bool Connection::wait_readable(std::chrono::milliseconds timeout) {
  if (pending()) return true;
  return wait_for(descriptor_, wants_write() ? POLLOUT : POLLIN, timeout);
}

void Connection::consume(std::size_t bytes) {
  used_ += bytes;
  if (used_ < input_.size()) return;
  // clear() would invalidate views of what was consumed just now, so the bytes stay until the next receive.
  used_ = input_.size();
}

bool Connection::header_complete() {
  if (header_bytes_ > 0) return true;
  if (buffered().empty()) {
    if (input_.capacity() > kIdleBufferBytes) {
      input_ = std::string();
      used_ = 0;
    }
    if (tls_) tls_->release_memory();
    return false;
  }
  const auto found = scanner_.scan(buffered());
  if (found) header_bytes_ = *found;
  return found.has_value();
}

std::string_view Connection::take_header() {
  const std::string_view block = buffered().substr(0, header_bytes_);
  consume(header_bytes_);
  header_bytes_ = 0;
  scanner_.reset();
  return block;
}

// ---- sending

void Connection::begin_response() {
  response_bytes_ = 0;
  response_waited_ = {};
}

// A client may pause for write_timeout at once, and must keep up body_rate_min on average over what it took
// longer.
bool Connection::wait_writable() {
  const auto begin = std::chrono::steady_clock::now();
  if (!wait_for(descriptor_, POLLOUT, limits_->write_timeout)) return false;
  response_waited_ += std::chrono::steady_clock::now() - begin;
  if (response_waited_ <= limits_->write_timeout) return true;
  const double seconds = std::chrono::duration<double>(response_waited_).count();
  return static_cast<double>(response_bytes_) >= seconds * static_cast<double>(limits_->body_rate_min);
}

bool Connection::send(std::initializer_list<std::string_view> parts, bool more_follows) {
  if (!tls_) return send_plain(parts, more_follows);
  std::array<char, kRecordBytes> record;
  std::size_t filled = 0;
  for (std::string_view part : parts) {
    while (!part.empty()) {
      if (filled == 0 && part.size() >= record.size()) {
        const std::string_view whole = part.substr(0, part.size() - part.size() % record.size());
        if (!send_encrypted(whole, false)) return false;
        part.remove_prefix(whole.size());
        continue;
      }
      const std::string_view piece = part.substr(0, record.size() - filled);
      std::memcpy(record.data() + filled, piece.data(), piece.size());
      filled += piece.size();
      part.remove_prefix(piece.size());
      if (filled == record.size() && !send_encrypted({record.data(), std::exchange(filled, 0)}, false))
        return false;
    }
  }
  return send_encrypted({record.data(), filled}, more_follows);
}

bool Connection::send_encrypted(std::string_view bytes, bool more_follows) {
  while (!bytes.empty()) {
    std::size_t put = 0;
    switch (tls_->write(bytes.data(), bytes.size(), put, more_follows)) {
      case TlsStream::Result::done:
        response_bytes_ += put;
        bytes.remove_prefix(put);
        break;
      case TlsStream::Result::wants_write:
        if (!wait_writable()) return false;
        break;
      default:  // also wants_read, which only a new handshake in the middle could cause: there are none
        return false;
    }
  }
  return true;
}

bool Connection::send_plain(std::initializer_list<std::string_view> parts, bool more_follows) {
  std::array<iovec, kPartsMax> vectors;
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (!part.empty() && count < kPartsMax) vectors[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  iovec* next = vectors.data();
  while (count > 0) {
    msghdr message{};
    message.msg_iov = next;
    message.msg_iovlen = count;
    ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (!wait_writable()) return false;
      continue;
    }
    if (sent < 0) return false;
    response_bytes_ += static_cast<std::uint64_t>(sent);
    for (std::size_t left = static_cast<std::size_t>(sent); count > 0 && left >= next->iov_len;
         ++next, --count) {
      left -= next->iov_len;
      sent -= static_cast<ssize_t>(next->iov_len);
    }
    if (count > 0) {
      next->iov_base = static_cast<char*>(next->iov_base) + sent;
      next->iov_len -= static_cast<std::size_t>(sent);
    }
  }
  return true;
}

bool Connection::send_file(int file, std::uint64_t offset, std::uint64_t length) {
  if (tls_) return copy_file(file, offset, length);
  off_t position = static_cast<off_t>(offset);
  while (length > 0) {
    constexpr std::uint64_t at_once = 1 << 20;
    const ssize_t sent =
        ::sendfile(descriptor_, file, &position, static_cast<std::size_t>(std::min(length, at_once)));
    if (sent > 0) {
      length -= static_cast<std::uint64_t>(sent);
      response_bytes_ += static_cast<std::uint64_t>(sent);
    } else if (sent == 0) {
      return false;  // the file ends early
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_writable()) return false;
    } else if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
      return copy_file(file, static_cast<std::uint64_t>(position), length);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// For TLS, and for file systems from which sendfile(2) cannot read.
bool Connection::copy_file(int file, std::uint64_t offset, std::uint64_t length) {
  const auto memory = std::make_unique<char[]>(kCopyBytes);
  while (length > 0) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, kCopyBytes));
    const ssize_t got = ::pread(file, memory.get(), wanted, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    const std::size_t size = static_cast<std::size_t>(got);
    if (!send({std::string_view(memory.get(), size)}, size < length)) return false;
    offset += size;
    length -= size;
  }
  return true;
}

void Connection::try_send(std::string_view bytes) {
  // The result does not matter: who sends this closes the connection next.
  if (tls_) {
    std::size_t ignored = 0;
    if (tls_->established()) tls_->write(bytes.data(), bytes.size(), ignored, false);
    return;
  }
  [[maybe_unused]] const ssize_t sent =
      ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace sagemaker::local::http
