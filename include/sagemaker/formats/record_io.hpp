// application/x-recordio-protobuf: RecordIO frames around protobuf messages aialgs.data.Record, read and
// written without a protobuf library. The client and the container toolkit share this; each makes an error of
// its own out of FormatError. https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html and
// https://protobuf.dev/programming-guides/encoding/.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace sagemaker::formats {

// What the bytes have wrong, without naming the format.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A little-endian number of `Number`'s size at `at`; the caller has looked where the text ends.
template <class Number>
Number little_endian(const char* at) {
  static_assert(sizeof(Number) == 4 || sizeof(Number) == 8);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bits |= std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
  if constexpr (sizeof(Number) == 4) return std::bit_cast<Number>(static_cast<std::uint32_t>(bits));
  if constexpr (sizeof(Number) == 8) return std::bit_cast<Number>(bits);
}

template <class Number>
void append_little_endian(std::string& out, Number number) {
  using Bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
  const auto bits = std::bit_cast<Bits>(number);
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(bits >> 8 * i & 0xFF);
}

// ---- frames: magic, length, content, and zeros up to a multiple of four -------------------------

class RecordIoReader {
 public:
  // `records_before`: how many were read before these bytes, for the numbers in messages.
  explicit RecordIoReader(std::string_view body, std::size_t records_before = 0)
      : rest_(body), count_(records_before) {}

  // False at the end. A record that was stored in several parts, because it holds the magic number itself, is
  // put together in `buffer`. Throws FormatError naming the record by its number, from 1.
  bool next(std::string_view& record, std::string& buffer) {
    if (rest_.empty()) return false;
    ++count_;
    std::uint32_t part = take_part(record);
    if (part == whole) return true;
    if (part != first) fail("begins in its middle");
    buffer.assign(record);
    while (part != last) {
      part = take_part(record);
      if (part != middle && part != last) fail("has no end");
      append_little_endian(buffer, magic);
      buffer.append(record);
    }
    record = buffer;
    return true;
  }

  static constexpr std::uint32_t magic = 0xCED7230A;
  static constexpr std::size_t record_bytes_max = 0x1FFFFFFF;

 private:
  static constexpr std::uint32_t whole = 0, first = 1, middle = 2, last = 3;

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError("record " + std::to_string(count_) + " " + what);
  }

  std::uint32_t take_part(std::string_view& part) {
    if (rest_.size() < 8) fail("is truncated");
    if (little_endian<std::uint32_t>(rest_.data()) != magic)
      fail("does not begin with RecordIO's magic number");
    const auto header = little_endian<std::uint32_t>(rest_.data() + 4);
    const std::size_t length = header & record_bytes_max;
    rest_.remove_prefix(8);
    if (rest_.size() < length) fail("is truncated");
    part = rest_.substr(0, length);
    rest_.remove_prefix(std::min(rest_.size(), (length + 3) / 4 * 4));
    return header >> 29;
  }

  std::string_view rest_;
  std::size_t count_;
};

// Throws FormatError for a record whose length does not fit into its frame.
inline void append_recordio(std::string& out, std::string_view record) {
  if (record.size() > RecordIoReader::record_bytes_max)
    throw FormatError("a record is larger than 536870911 bytes");
  append_little_endian(out, RecordIoReader::magic);
  append_little_endian(out, static_cast<std::uint32_t>(record.size()));
  out.append(record).append((4 - record.size() % 4) % 4, '\0');
}

// ---- protobuf --------------------------------------------------------------------------------------

// Reads the fields of one message. All of it throws FormatError.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // False at the end. Of the next field its number, and, by its wire type, its bytes or its value.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field = key >> 3;
    wire_type = static_cast<int>(key & 7);
    if (wire_type == 0) {
      value = varint();
    } else if (wire_type == 1 || wire_type == 5) {
      bytes = take(wire_type == 1 ? 8 : 4);
    } else if (wire_type == 2) {
      bytes = take(varint());
    } else {
      throw FormatError("a protobuf field cannot be read");
    }
    return true;
  }

  std::uint64_t varint() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      number |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return number;
    }
    throw FormatError("a protobuf number does not end");
  }
  bool empty() const { return rest_.empty(); }

  // The field that next() found is a message or a text.
  std::string_view message() const {
    if (wire_type != 2) throw FormatError("a protobuf field has the wrong type");
    return bytes;
  }

  std::uint64_t field = 0;
  int wire_type = 0;
  std::string_view bytes;
  std::uint64_t value = 0;

 private:
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) throw FormatError("a protobuf field is truncated");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

// The numbers of a repeated field, packed or one by one, as a protobuf reader must take both.
template <class Take>
void each_varint(const ProtobufReader& field, Take&& take) {
  if (field.wire_type == 0) {
    take(field.value);
    return;
  }
  ProtobufReader packed(field.message());
  while (!packed.empty()) take(packed.varint());
}
// Of float or double.
template <class Number, class Take>
void each_float(const ProtobufReader& field, Take&& take) {
  constexpr int one = sizeof(Number) == 4 ? 5 : 1;
  const std::string_view bytes = field.wire_type == one ? field.bytes : field.message();
  if (bytes.size() % sizeof(Number) != 0) throw FormatError("the values of a tensor are truncated");
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Number))
    take(little_endian<Number>(bytes.data() + at));
}

inline void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

// A field that is a message, a text, bytes or packed numbers.
inline void append_message(std::string& out, unsigned field, std::string_view message) {
  append_varint(out, std::uint64_t{field} << 3 | 2);
  append_varint(out, message.size());
  out.append(message);
}

// ---- aialgs.data ---------------------------------------------------------------------------------------

// Numbers of the fields in Record, Value and the three tensors, which have the same.
enum RecordField : unsigned {
  record_features = 1,
  record_label = 2,
  record_uid = 3,
  record_metadata = 4,
  record_configuration = 5,
  map_key = 1,
  map_value = 2,
  value_float32 = 2,
  value_float64 = 3,
  value_int32 = 7,
  value_bytes = 9,
  tensor_values = 1,
  tensor_keys = 2,
  tensor_shape = 3,
};

}  // namespace sagemaker::formats
