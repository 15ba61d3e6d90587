// See body.hpp.
#include "emulator/http/body.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

namespace sagemaker::local::http {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
// An unread body of at most this size is read and dropped so that the connection can be kept.
constexpr std::uint64_t kDiscardBytesMax = 64 * 1024;
constexpr std::chrono::milliseconds kDiscardPatience{50};

}  // namespace

std::string read_all(BodyReader& body, std::uint64_t bytes_max) {
  const auto check = [bytes_max](std::uint64_t size) {
    if (size > bytes_max) {
      throw BodyError(413, "The request body is larger than " + std::to_string(bytes_max) + " bytes.");
    }
  };
  std::string result;
  if (const auto length = body.length()) {
    check(*length);
    result.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));  // more when it really comes
  }
  body.read([&](std::string_view piece) {
    check(result.size() + piece.size());
    result.append(piece);
  });
  return result;
}

ConnectionBody::ConnectionBody(Connection& connection, const HeaderBlock& header, const HttpLimits& limits)
    : connection_(connection),
      limits_(limits),
      length_(header.chunked ? std::nullopt : std::optional(header.content_length.value_or(0))),
      chunked_(header.chunked),
      continue_pending_(header.expect_continue) {}

std::optional<std::uint64_t> ConnectionBody::length() const { return length_; }

bool ConnectionBody::complete() const {
  return !broken_ && (chunked_ ? decoder_.done() : received_ == *length_);
}

void ConnectionBody::read(const Sink& sink) {
  read_while([&sink](std::string_view piece) {
    sink(piece);
    return true;
  });
}

void ConnectionBody::read_while(const std::function<bool(std::string_view)>& sink) {
  if (started_ && !paused_) throw std::logic_error("a request body can be read only once");
  started_ = true;
  paused_ = false;
  if (continue_pending_) {
    continue_pending_ = false;
    // A client that did not wait needs no permission (RFC 9110 10.1.1).
    if (connection_.buffered().empty() && !connection_.pending() &&
        !connection_.send({"HTTP/1.1 100 Continue\r\n\r\n"}))
      cut_off();
  }
  bool wanted = true;
  consume([&](std::string_view piece) { wanted = sink(piece) && wanted; }, wanted);
  paused_ = !wanted;
}

void ConnectionBody::consume(const Sink& sink, const bool& wanted) {
  broken_ = true;  // unless the end is reached
  try {
    if (chunked_) {
      consume_chunked(sink, wanted);
    } else {
      consume_sized(sink, wanted);
    }
  } catch (const ChunkError& error) {
    throw BodyError(400, std::string("The chunked request body is malformed: ") + error.what() + ".");
  }
  broken_ = false;
}

void ConnectionBody::consume_sized(const Sink& sink, const bool& wanted) {
  const std::uint64_t length = *length_;
  const auto deliver = [&](std::string_view piece) {
    received_ += piece.size();
    sink(piece);
  };
  if (received_ < length && !connection_.buffered().empty()) {
    const std::string_view piece = connection_.buffered().substr(0, length - received_);
    connection_.consume(piece.size());
    deliver(piece);
  }
  if (received_ == length || !wanted) return;
  const std::size_t memory_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(length - received_, kPieceBytes));
  const std::unique_ptr<char[]> memory(new char[memory_size]);
  while (received_ < length && wanted) {
    const auto got = connection_.receive(
        memory.get(), static_cast<std::size_t>(std::min<std::uint64_t>(length - received_, memory_size)));
    if (got.state == Connection::Received::end) cut_off();
    if (got.state == Connection::Received::nothing_yet) {
      wait_for_bytes();
    } else {
      deliver(std::string_view(memory.get(), got.size));
    }
  }
}

void ConnectionBody::consume_chunked(const Sink& sink, const bool& wanted) {
  for (;;) {
    const std::size_t used = decoder_.feed(connection_.buffered(), sink);
    connection_.consume(used);
    received_ += used;
    if (decoder_.done() || !wanted) return;
    if (patience_ && received_ > kDiscardBytesMax)
      throw BodyError(413, "The rest of the body is too large to skip.");
    const auto got = connection_.receive_buffered(kPieceBytes);
    if (got == Connection::Received::end) cut_off();
    if (got == Connection::Received::nothing_yet) wait_for_bytes();
  }
}

void ConnectionBody::wait_for_bytes() {
  const auto begin = std::chrono::steady_clock::now();
  const auto timeout = patience_ ? *patience_ - std::chrono::duration_cast<std::chrono::milliseconds>(waited_)
                                 : limits_.body_idle_timeout;
  if (!connection_.wait_readable(timeout)) throw BodyError(408, "The request body did not arrive in time.");
  waited_ += std::chrono::steady_clock::now() - begin;
  if (patience_ || waited_ <= limits_.body_idle_timeout) return;
  const double seconds = std::chrono::duration<double>(waited_).count();
  if (static_cast<double>(received_) < seconds * static_cast<double>(limits_.body_rate_min)) {
    throw BodyError(408, "The request body arrives too slowly.");
  }
}

void ConnectionBody::cut_off() const {
  if (!length_) throw BodyError(400, "The request body ended before its last chunk.");
  throw BodyError(400, "The request body ended after " + std::to_string(received_) + " of " +
                           std::to_string(*length_) + " bytes.");
}

bool ConnectionBody::discard_rest() {
  // Without a 100 the client may send the body or not: nobody can tell what comes next. That holds for an
  // empty body too: botocore takes the next answer on such a connection for a part of the refusal.
  if (continue_pending_) return false;
  if (complete()) return true;
  if (broken_ || started_) return false;
  if (length_ && *length_ > kDiscardBytesMax) return false;
  started_ = true;
  patience_ = kDiscardPatience;
  try {
    consume([](std::string_view) {}, true);
  } catch (const BodyError&) {
    return false;
  }
  return complete();
}

}  // namespace sagemaker::local::http
