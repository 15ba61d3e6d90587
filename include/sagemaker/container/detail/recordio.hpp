// application/x-recordio-protobuf: RecordIO frames around protobuf messages aialgs.data.Record, read and
// written without a protobuf library. https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html and
// https://protobuf.dev/programming-guides/encoding/. Without libtorch.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

[[noreturn]] inline void bad_recordio(const std::string& what) {
  throw RequestError(400, "invalid RecordIO-protobuf input: " + what);
}

// A little-endian number of `Number`'s size at `at`; the caller has looked where the text ends.
template <class Number>
Number little_endian(const char* at) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bits |= std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
  if constexpr (sizeof(Number) == 4) return std::bit_cast<Number>(static_cast<std::uint32_t>(bits));
  if constexpr (sizeof(Number) == 8) return std::bit_cast<Number>(bits);
}

inline void append_little_endian(std::string& out, std::uint32_t bits) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(bits >> 8 * i & 0xFF);
}

// ---- frames: magic, length, content, and zeros up to a multiple of four -------------------------

class RecordIoReader {
 public:
  explicit RecordIoReader(std::string_view body) : rest_(body) {}

  // False at the end. A record that was stored in several parts, because it holds the magic number itself, is
  // put together in `buffer`.
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

 private:
  static constexpr std::uint32_t whole = 0, first = 1, middle = 2, last = 3;

  [[noreturn]] void fail(const std::string& what) const {
    bad_recordio("record " + std::to_string(count_) + " " + what);
  }

  std::uint32_t take_part(std::string_view& part) {
    if (rest_.size() < 8) fail("is truncated");
    if (little_endian<std::uint32_t>(rest_.data()) != magic)
      fail("does not begin with RecordIO's magic number");
    const auto header = little_endian<std::uint32_t>(rest_.data() + 4);
    const std::size_t length = header & 0x1FFFFFFF;
    rest_.remove_prefix(8);
    if (rest_.size() < length) fail("is truncated");
    part = rest_.substr(0, length);
    rest_.remove_prefix(std::min(rest_.size(), (length + 3) / 4 * 4));
    return header >> 29;
  }

  std::string_view rest_;
  std::size_t count_ = 0;
};

inline void append_recordio(std::string& out, std::string_view record) {
  append_little_endian(out, RecordIoReader::magic);
  append_little_endian(out, static_cast<std::uint32_t>(record.size()));
  out.append(record).append((4 - record.size() % 4) % 4, '\0');
}

// ---- protobuf --------------------------------------------------------------------------------------

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
      bad_recordio("a protobuf field cannot be read");
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
    bad_recordio("a protobuf number does not end");
  }
  bool empty() const { return rest_.empty(); }

  // The field that next() found is a message or a text.
  std::string_view message() const {
    if (wire_type != 2) bad_recordio("a protobuf field has the wrong type");
    return bytes;
  }

  std::uint64_t field = 0;
  int wire_type = 0;
  std::string_view bytes;
  std::uint64_t value = 0;

 private:
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) bad_recordio("a protobuf field is truncated");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

inline void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

inline void append_message(std::string& out, int field, std::string_view message) {
  append_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  append_varint(out, message.size());
  out.append(message);
}

// ---- Record ------------------------------------------------------------------------------------------

// A Float32Tensor, Float64Tensor or Int32Tensor. With keys it is sparse: value i stands at key i.
struct RecordTensor {
  std::vector<float> values;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint64_t> shape;
};

inline void read_varints(const ProtobufReader& field, std::vector<std::uint64_t>& out) {
  if (field.wire_type == 0) {
    out.push_back(field.value);
    return;
  }
  ProtobufReader packed(field.message());
  while (!packed.empty()) out.push_back(packed.varint());
}

// Packed or one by one, as a protobuf reader must take both.
template <class Number>
void read_numbers(const ProtobufReader& field, std::vector<float>& out) {
  constexpr int one = sizeof(Number) == 4 ? 5 : 1;
  const std::string_view bytes = field.wire_type == one ? field.bytes : field.message();
  if (bytes.size() % sizeof(Number) != 0) bad_recordio("the values of a tensor are truncated");
  out.reserve(out.size() + bytes.size() / sizeof(Number));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Number))
    out.push_back(static_cast<float>(little_endian<Number>(bytes.data() + at)));
}

// `type`: the tensor's field number in Value.
inline RecordTensor read_record_tensor(std::string_view message, std::uint64_t type) {
  RecordTensor tensor;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field == 1 && type == 2) {
      read_numbers<float>(reader, tensor.values);
    } else if (reader.field == 1 && type == 3) {
      read_numbers<double>(reader, tensor.values);
    } else if (reader.field == 1) {
      std::vector<std::uint64_t> integers;
      read_varints(reader, integers);
      for (const std::uint64_t integer : integers)
        tensor.values.push_back(static_cast<float>(static_cast<std::int32_t>(integer)));
    } else if (reader.field == 2) {
      read_varints(reader, tensor.keys);
    } else if (reader.field == 3) {
      read_varints(reader, tensor.shape);
    }
  }
  return tensor;
}

inline RecordTensor read_record_value(std::string_view message) {
  ProtobufReader reader(message);
  RecordTensor tensor;
  bool found = false;
  while (reader.next()) {
    if (reader.field == 9) bad_recordio("a feature of bytes cannot be part of a tensor");
    if (reader.field != 2 && reader.field != 3 && reader.field != 7) continue;
    tensor = read_record_tensor(reader.message(), reader.field);
    found = true;
  }
  if (!found) bad_recordio("a feature has no tensor");
  return tensor;
}

// The feature "values" of a Record, else its only one; labels and the rest are passed over.
inline RecordTensor read_record(std::string_view message) {
  ProtobufReader reader(message);
  std::string_view chosen, other;
  int others = 0;
  bool found = false;
  while (reader.next()) {
    if (reader.field != 1) continue;
    ProtobufReader entry(reader.message());
    std::string_view name, value;
    while (entry.next()) {
      if (entry.field == 1) name = entry.message();
      if (entry.field == 2) value = entry.message();
    }
    if (name == "values") {
      found = true;
      chosen = value;
    } else {
      ++others;
      other = value;
    }
  }
  if (!found && others != 1)
    bad_recordio("a record needs the feature \"values\"; it has " + std::to_string(others) + " others");
  return read_record_value(found ? chosen : other);
}

// A Record whose map `label` has the dense tensor `name`, as the answers of AWS's built-in algorithms have.
// The shape is written where it has more than one dimension.
inline std::string record_with_label(std::string_view name, const float* values, std::size_t count,
                                     const std::vector<std::int64_t>& shape) {
  std::string packed;
  packed.reserve(count * 4);
  for (std::size_t i = 0; i < count; ++i)
    append_little_endian(packed, std::bit_cast<std::uint32_t>(values[i]));
  std::string tensor;
  append_message(tensor, 1, packed);
  if (shape.size() > 1) {
    packed.clear();
    for (const std::int64_t size : shape) append_varint(packed, static_cast<std::uint64_t>(size));
    append_message(tensor, 3, packed);
  }
  std::string value, entry, record;
  append_message(value, 2, tensor);
  append_message(entry, 1, name);
  append_message(entry, 2, value);
  append_message(record, 2, entry);
  return record;
}

}  // namespace sagemaker::container::detail
