// See channel.hpp.
#include "emulator/images/sagemaker_python/serving/channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sagemaker::local::images {
namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::uint64_t head_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 30;  // the worker refuses more in words
constexpr std::size_t small_body_bytes = 64 * 1024;               // is sent together with its head

template <class Number>
void put(std::string& bytes, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

template <class Number>
Number get(const char* bytes) {
  Number value = 0;
  for (std::size_t i = sizeof value; i-- > 0;) {
    value = static_cast<Number>(value << 8 | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

}  // namespace

Channel::Channel(int descriptor) : descriptor_(descriptor) {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

void Channel::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

bool Channel::at_end() const {
  char byte = 0;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

Channel::Result Channel::send(const json& head, const std::vector<std::string_view>& parts,
                              Clock::time_point deadline) {
  const std::string text = aws::dump_json(head);
  std::uint64_t body_bytes = 0;
  for (const std::string_view part : parts) body_bytes += part.size();
  std::string first;
  put(first, static_cast<std::uint32_t>(text.size()));
  put(first, body_bytes);
  first += text;
  const bool small = body_bytes <= small_body_bytes;
  if (small) {
    for (const std::string_view part : parts) first += part;
  }
  Result result = send_bytes(first, deadline);
  for (std::size_t i = 0; !small && i < parts.size() && result == Result::done; ++i) {
    result = send_bytes(parts[i], deadline);
  }
  return result;
}

Channel::Result Channel::receive(Frame& frame, Clock::time_point deadline) {
  std::array<char, header_bytes> header{};
  Result result = receive_bytes(header.data(), header.size(), deadline);
  if (result != Result::done) return result;
  const auto head_bytes = get<std::uint32_t>(header.data());
  const auto body_bytes = get<std::uint64_t>(header.data() + 4);
  if (head_bytes > head_bytes_max || body_bytes > body_bytes_max) return Result::ended;
  std::string text(head_bytes, '\0');
  result = receive_bytes(text.data(), text.size(), deadline);
  if (result != Result::done) return result;
  frame.body.resize(body_bytes);
  result = receive_bytes(frame.body.data(), frame.body.size(), deadline);
  if (result != Result::done) return result;
  try {
    frame.head = aws::parse_json(text);
  } catch (const aws::JsonError&) {
    return Result::ended;
  }
  return frame.head.is_object() ? Result::done : Result::ended;
}

Channel::Result Channel::send_bytes(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const Result waited = wait(POLLOUT, deadline); waited != Result::done) return waited;
    } else if (errno != EINTR) {
      return Result::ended;
    }
  }
  return Result::done;
}

Channel::Result Channel::receive_bytes(char* memory, std::size_t size, Clock::time_point deadline) {
  while (size > 0) {
    const ssize_t got = ::recv(descriptor_, memory, size, 0);
    if (got > 0) {
      memory += got;
      size -= static_cast<std::size_t>(got);
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (const Result waited = wait(POLLIN, deadline); waited != Result::done) return waited;
    } else if (got == 0 || errno != EINTR) {
      return Result::ended;
    }
  }
  return Result::done;
}

Channel::Result Channel::wait(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return Result::timed_out;
    pollfd watched{descriptor_, events, 0};
    if (::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30))) > 0)
      return Result::done;
  }
}

}  // namespace sagemaker::local::images
