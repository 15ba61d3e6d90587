// AWS's framing of event streams (application/vnd.amazon.eventstream), both ways: messages with typed headers
// and a payload, each under two CRC-32 checks. A message is
//   length of all (4 bytes), length of the headers (4), check of these eight bytes (4),
//   headers, payload, check of all before it (4)
// and a header is the length of its name (1), the name, its type (1) and its value; numbers are big-endian.
// Source: "Event stream encoding" in the developer guides of Amazon Transcribe and S3, and
// botocore.eventstream.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <sagemaker/aws/crc.hpp>
#include <sagemaker/aws/errors.hpp>

namespace sagemaker::aws::event_stream {

inline constexpr std::string_view media_type = "application/vnd.amazon.eventstream";
inline constexpr std::size_t headers_bytes_max = 128 * 1024;
inline constexpr std::size_t payload_bytes_max = 24u << 20;  // what botocore accepts

// Bytes that are no message, or a message that cannot be put into bytes.
class FormatError : public Error {
 public:
  using Error::Error;
};

struct Bytes {
  std::string value;
  bool operator==(const Bytes&) const = default;
};
struct Timestamp {
  std::int64_t milliseconds = 0;  // since 1970
  bool operator==(const Timestamp&) const = default;
};
struct Uuid {
  std::array<unsigned char, 16> bytes{};
  bool operator==(const Uuid&) const = default;
};

// In the order of the types on the wire, where true and false are types of their own (0 and 1).
using HeaderValue = std::variant<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, Bytes,
                                 std::string, Timestamp, Uuid>;

struct Header {
  std::string name;  // 1 to 255 bytes
  HeaderValue value;
  bool operator==(const Header&) const = default;
};

struct Message {
  std::vector<Header> headers = {};
  std::string payload = {};

  // The value of a header, nullptr where it is absent.
  const HeaderValue* find(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [name](const Header& header) { return header.name == name; });
    return found == headers.end() ? nullptr : &found->value;
  }
  // The text of a header; "" where it is absent or no text.
  std::string text(std::string_view name) const {
    const HeaderValue* value = find(name);
    const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
    return text != nullptr ? *text : std::string();
  }
  bool operator==(const Message&) const = default;
};

// What services send: an event of the stream, and an error that ends it. `type` is the member's name in the
// service's model: "PayloadPart", "ModelStreamError".
struct TypedPayload {
  std::string type;
  std::string payload;
  std::string content_type = "application/octet-stream";
};
inline Message event(TypedPayload event) {
  return {{{":message-type", std::string("event")},
           {":event-type", std::move(event.type)},
           {":content-type", std::move(event.content_type)}},
          std::move(event.payload)};
}
inline Message exception(TypedPayload error) {
  return {{{":message-type", std::string("exception")},
           {":exception-type", std::move(error.type)},
           {":content-type", std::move(error.content_type)}},
          std::move(error.payload)};
}

namespace detail {

constexpr std::size_t prelude_bytes = 12;  // two lengths and their check
constexpr std::size_t frame_bytes = 16;    // of a message without headers and payload

// `size` bytes of a number, the highest first.
inline void put(std::string& to, std::uint64_t number, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) to += static_cast<char>(number >> shift & 0xff);
}

inline std::uint64_t number_at(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

inline void put_sized(std::string& to, const std::string& bytes) {
  if (bytes.size() > std::numeric_limits<std::uint16_t>::max())
    throw FormatError("The value of an event stream's header is longer than 65535 bytes");
  put(to, bytes.size(), 2);
  to += bytes;
}

inline void put_value(std::string& to, const HeaderValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return put(to, *truth ? 0 : 1, 1);
  put(to, value.index() + 1, 1);
  std::visit(
      [&to](const auto& content) {
        using Content = std::decay_t<decltype(content)>;
        if constexpr (std::is_integral_v<Content>) {
          put(to, static_cast<std::uint64_t>(content), sizeof content);
        } else if constexpr (std::is_same_v<Content, Timestamp>) {
          put(to, static_cast<std::uint64_t>(content.milliseconds), 8);
        } else if constexpr (std::is_same_v<Content, Uuid>) {
          to.append(content.bytes.begin(), content.bytes.end());
        } else if constexpr (std::is_same_v<Content, Bytes>) {
          put_sized(to, content.value);
        } else {
          put_sized(to, content);
        }
      },
      value);
}

// The headers of one message, read once from front to back.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }
  Header next() {
    Header header;
    header.name = take(static_cast<std::size_t>(number<std::uint8_t>()));
    if (header.name.empty()) throw FormatError("A header of an event stream has no name");
    header.value = value(number<std::uint8_t>());
    return header;
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) throw FormatError("The headers of an event stream's message are cut off");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <typename Number>
  Number number() {
    return static_cast<Number>(number_at(take(sizeof(Number))));
  }
  std::string sized() { return std::string(take(number<std::uint16_t>())); }

  HeaderValue value(unsigned type) {
    switch (type) {
      case 0:
      case 1:
        return type == 0;
      case 2:
        return number<std::int8_t>();
      case 3:
        return number<std::int16_t>();
      case 4:
        return number<std::int32_t>();
      case 5:
        return number<std::int64_t>();
      case 6:
        return Bytes{sized()};
      case 7:
        return sized();
      case 8:
        return Timestamp{number<std::int64_t>()};
      case 9: {
        Uuid uuid;
        const std::string_view bytes = take(uuid.bytes.size());
        std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
        return uuid;
      }
      default:
        throw FormatError("A header of an event stream has the unknown type " + std::to_string(type));
    }
  }

  std::string_view bytes_;
};

}  // namespace detail

// The bytes of one message. Throws FormatError where a name, a value or the whole is too long.
inline std::string encode(const Message& message) {
  std::string headers;
  for (const Header& header : message.headers) {
    if (header.name.empty() || header.name.size() > 255)
      throw FormatError("The name of an event stream's header must have 1 to 255 bytes");
    detail::put(headers, header.name.size(), 1);
    headers += header.name;
    detail::put_value(headers, header.value);
  }
  if (headers.size() > headers_bytes_max || message.payload.size() > payload_bytes_max)
    throw FormatError("A message of an event stream holds at most 128 KiB of headers and 24 MiB of payload");
  std::string bytes;
  bytes.reserve(detail::frame_bytes + headers.size() + message.payload.size());
  detail::put(bytes, detail::frame_bytes + headers.size() + message.payload.size(), 4);
  detail::put(bytes, headers.size(), 4);
  detail::put(bytes, crc32(bytes), 4);
  bytes += headers;
  bytes += message.payload;
  detail::put(bytes, crc32(bytes), 4);
  return bytes;
}

// Takes a stream in pieces of any size and gives its messages. Memory is bounded by one message and one
// piece. A stream that was found broken stays so: the place of the next message is not known.
class Decoder {
 public:
  void feed(std::string_view piece) {
    buffer_.erase(0, std::exchange(start_, 0));
    buffer_ += piece;
  }

  // The next message; nothing where it is not complete yet. Throws FormatError for what is no message: a
  // wrong check, lengths beyond the limits, headers that are cut off, unknown or twice there.
  std::optional<Message> next() {
    const std::string_view bytes = std::string_view(buffer_).substr(start_);
    if (bytes.size() < detail::prelude_bytes) return std::nullopt;
    const std::uint64_t size = detail::number_at(bytes.substr(0, 4));
    const std::uint64_t header_size = detail::number_at(bytes.substr(4, 4));
    if (detail::number_at(bytes.substr(8, 4)) != crc32(bytes.substr(0, 8)))
      throw FormatError("The lengths of an event stream's message do not match their checksum");
    if (header_size > headers_bytes_max || size < detail::frame_bytes + header_size ||
        size - detail::frame_bytes - header_size > payload_bytes_max)
      throw FormatError("The lengths of an event stream's message are beyond its limits");
    if (bytes.size() < size) return std::nullopt;
    const std::string_view checked = bytes.substr(0, size - 4);
    if (detail::number_at(bytes.substr(size - 4, 4)) != crc32(checked))
      throw FormatError("A message of an event stream does not match its checksum");
    Message message;
    detail::HeaderReader reader(checked.substr(detail::prelude_bytes, header_size));
    while (!reader.at_end()) {
      Header header = reader.next();
      if (message.find(header.name) != nullptr)
        throw FormatError("A message of an event stream has the header \"" + header.name + "\" twice");
      message.headers.push_back(std::move(header));
    }
    message.payload = checked.substr(detail::prelude_bytes + header_size);
    start_ += size;
    return message;
  }

  // Whether no part of a message is left: a stream may end here.
  bool empty() const { return start_ == buffer_.size(); }

 private:
  std::string buffer_;
  std::size_t start_ = 0;  // bytes of it that were given out
};

}  // namespace sagemaker::aws::event_stream
