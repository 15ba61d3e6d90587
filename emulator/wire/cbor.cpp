#include "emulator/wire/cbor.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/utf8.hpp"

namespace sagemaker::local::wire {
namespace {

// The three bits in front of every item.
enum Major : unsigned { positive, negative, bytes_string, text_string, array, map, tag, simple };
constexpr unsigned indefinite = 31, time_tag = 1;
constexpr unsigned char break_byte = 0xff;

double half_to_double(unsigned half) {
  const unsigned exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent != 31) {
    value = std::ldexp(fraction + 1024, static_cast<int>(exponent) - 25);
  } else {
    value =
        fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return half & 0x8000 ? -value : value;
}

class Decoder {
 public:
  Decoder(std::string_view bytes, int depth_max) : bytes_(bytes), depth_left_(depth_max) {}

  json document() {
    json value = item();
    if (at_ != bytes_.size()) fail("more than one data item");
    return value;
  }

 private:
  struct Head {
    unsigned major, info;
    std::uint64_t argument;
  };

  [[noreturn]] void fail(const std::string& reason) const { throw CborError("invalid CBOR: " + reason, at_); }

  unsigned char byte() {
    if (at_ == bytes_.size()) fail("unexpected end");
    return static_cast<unsigned char>(bytes_[at_++]);
  }

  std::uint64_t big_endian(int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | byte();
    return value;
  }

  Head head() {
    const unsigned first = byte();
    Head result{first >> 5u, first & 31u, first & 31u};
    if (result.info >= 24 && result.info <= 27) {
      result.argument = big_endian(1 << (result.info - 24));
    } else if (result.info > 27 && result.info != indefinite) {
      fail("a reserved length");
    }
    return result;
  }

  bool accept_break() {
    if (at_ == bytes_.size() || static_cast<unsigned char>(bytes_[at_]) != break_byte) return false;
    ++at_;
    return true;
  }

  json item() {
    if (depth_left_-- == 0) fail("nested too deeply");
    json value = value_of(head());
    ++depth_left_;
    return value;
  }

  json value_of(const Head& head) {
    switch (head.major) {
      case positive:
        definite(head);
        return head.argument;
      case negative:
        definite(head);
        if (head.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          return -1.0 - static_cast<double>(head.argument);
        return -1 - static_cast<std::int64_t>(head.argument);
      case bytes_string:
        return aws::base64_encode(string(head));
      case text_string:
        return text(head);
      case array:
        return elements(head);
      case map:
        return members(head);
      case tag:
        return tagged(head);
      default:
        return simple_value(head);
    }
  }

  void definite(const Head& head) const {
    if (head.info == indefinite) fail("a number without an end");
  }

  // A length is only believed as far as there are bytes.
  std::string_view take(std::uint64_t length) {
    if (length > bytes_.size() - at_) fail("unexpected end");
    const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(length));
    at_ += taken.size();
    return taken;
  }

  std::string string(const Head& first) {
    if (first.info != indefinite) return std::string(take(first.argument));
    std::string all;
    while (!accept_break()) {
      const Head chunk = head();
      if (chunk.major != first.major || chunk.info == indefinite)
        fail("a string in a string of another kind");
      all += take(chunk.argument);
    }
    return all;
  }

  std::string text(const Head& first) {
    std::string value = string(first);
    if (!is_utf8(value)) fail("text that is no UTF-8");
    return value;
  }

  json elements(const Head& head) {
    json list = json::array();
    if (head.info == indefinite) {
      while (!accept_break()) list.push_back(item());
    } else {
      for (std::uint64_t i = 0; i < head.argument; ++i) list.push_back(item());
    }
    return list;
  }

  json members(const Head& head) {
    json object = json::object();
    const auto member = [&] {
      const Head name = this->head();
      if (name.major != text_string) fail("a map key that is no text");
      std::string key = text(name);
      object[std::move(key)] = item();
    };
    if (head.info == indefinite) {
      while (!accept_break()) member();
    } else {
      for (std::uint64_t i = 0; i < head.argument; ++i) member();
    }
    return object;
  }

  json tagged(const Head& head) {
    definite(head);
    json value = item();
    if (head.argument == time_tag && !value.is_number()) fail("a time that is no number");
    return value;
  }

  json simple_value(const Head& head) {
    switch (head.info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return nullptr;  // null and undefined
      case 25:
        return half_to_double(static_cast<unsigned>(head.argument));
      case 26:
        return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(head.argument)));
      case 27:
        return std::bit_cast<double>(head.argument);
      default:
        fail("a value of an unknown kind");
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int depth_left_;
};

class Encoder {
 public:
  explicit Encoder(const std::function<bool(std::string_view)>& is_time) : is_time_(is_time) {}

  std::string document(const json& value) {
    append(value, false);
    return std::move(bytes_);
  }

 private:
  void append_big_endian(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8)
      bytes_ += static_cast<char>(value >> shift & 0xff);
  }

  void append_head(unsigned major, std::uint64_t argument) {
    const auto first = [&](unsigned info) { bytes_ += static_cast<char>(major << 5 | info); };
    if (argument < 24) return first(static_cast<unsigned>(argument));
    const int power = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : argument <= 0xffffffff ? 2 : 3;
    first(24 + static_cast<unsigned>(power));
    append_big_endian(argument, 1 << power);
  }

  void append_text(std::string_view text) {
    append_head(text_string, text.size());
    bytes_ += text;
  }

  void append_number(const json& value) {
    if (value.is_number_float()) {
      bytes_ += static_cast<char>(simple << 5 | 27);
      append_big_endian(std::bit_cast<std::uint64_t>(value.get<double>()), 8);
    } else if (value.is_number_unsigned() || value.get<std::int64_t>() >= 0) {
      append_head(positive, value.get<std::uint64_t>());
    } else {
      append_head(negative, static_cast<std::uint64_t>(-1 - value.get<std::int64_t>()));
    }
  }

  void append(const json& value, bool is_time) {
    if (value.is_object()) {
      append_head(map, value.size());
      for (const auto& [name, member] : value.items()) {
        append_text(name);
        append(member, is_time_(name));
      }
    } else if (value.is_array()) {
      append_head(array, value.size());
      for (const json& element : value) append(element, is_time);
    } else if (value.is_string()) {
      // Bytes that are no UTF-8 become U+FFFD, as in JSON.
      append_text(json::parse(aws::dump_json(value)).get_ref<const std::string&>());
    } else if (value.is_number()) {
      if (is_time) append_head(tag, time_tag);
      append_number(value);
    } else {
      bytes_ += static_cast<char>(simple << 5 | (value.is_boolean() ? (value.get<bool>() ? 21u : 20u) : 22u));
    }
  }

  const std::function<bool(std::string_view)>& is_time_;
  std::string bytes_;
};

}  // namespace

json decode_cbor(std::string_view bytes, int depth_max) { return Decoder(bytes, depth_max).document(); }

std::string encode_cbor(const json& document, const std::function<bool(std::string_view name)>& is_time) {
  return Encoder(is_time).document(document);
}

}  // namespace sagemaker::local::wire
