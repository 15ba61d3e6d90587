// The format of SageMaker's built-in algorithms (content type application/x-recordio-protobuf): records of
// named tensors, as the SageMaker Python SDK's RecordSerializer and RecordDeserializer write and read them.
// Each record is a protobuf message aialgs.data.Record behind a magic number and its length, padded to four
// bytes. Source: the developer guide, "Common data formats for training", and sagemaker/amazon/record.proto
// in the SDK.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/serializers.hpp>

namespace sagemaker {

namespace detail {

// Numbers of the fields in aialgs.data: Record, Value and the three tensors, which have the same.
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
constexpr std::uint32_t record_magic = 0xced7230a;

[[noreturn]] inline void throw_record(const char* what) {
  throw SerializationError(std::string("recordio-protobuf: ") + what);
}

inline void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
  to += static_cast<char>(value);
}
// A field that is bytes, a text, a message or packed numbers.
inline void put_field(std::string& to, unsigned number, std::string_view content) {
  put_varint(to, number << 3 | 2);
  put_varint(to, content.size());
  to += content;
}
template <class Number>
void put_little_endian(std::string& to, Number value) {
  for (std::size_t byte = 0; byte < sizeof value; ++byte)
    to += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * byte) & 0xff);
}

// One row as the tensor of one type: float32 stays, integers become int32, other numbers float64.
inline std::string record_of_row(const NpyArray& rows, std::size_t first, std::size_t count) {
  const std::string& type = rows.dtype();
  std::string values;
  const auto each = [&](auto&& put) {
    const std::size_t width = npy_item_size(type);
    for (std::size_t index = first; index < first + count; ++index)
      npy_visit(type, rows.bytes().data() + index * width, put);
  };
  unsigned kind = value_float64;
  if (type[1] == 'f' && type[2] == '4') {
    kind = value_float32;
    each([&](auto value) {
      put_little_endian(values, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    });
  } else if (type[1] == 'f') {
    each([&](auto value) {
      put_little_endian(values, std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    });
  } else {
    kind = value_int32;  // negative ones take ten bytes, as protobuf wants it
    each([&](auto value) {
      const auto whole = static_cast<std::int64_t>(value);
      if (!std::in_range<std::int32_t>(whole)) throw_record("an integer has more than 32 bits");
      put_varint(values, static_cast<std::uint64_t>(whole));
    });
  }
  std::string tensor, value, entry, record;
  put_field(tensor, tensor_values, values);
  put_field(value, kind, tensor);
  put_field(entry, map_key, "values");
  put_field(entry, map_value, value);
  put_field(record, record_features, entry);
  return record;
}

// Reads the fields of one message.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }
  // The number of the next field; its content is then in one of the two below.
  unsigned next() {
    const std::uint64_t key = varint();
    wire_type_ = key & 7;
    switch (wire_type_) {
      case 0:
        number_ = varint();
        break;
      case 1:
      case 5:
        content_ = take(wire_type_ == 1 ? 8 : 4);
        break;
      case 2:
        content_ = take(varint());
        break;
      default:
        throw_record("a field has an unknown wire type");
    }
    return static_cast<unsigned>(key >> 3);
  }
  std::string_view content() const { return content_; }
  // The numbers of a repeated field: packed together, or one for each field.
  template <class Number>
  void append_numbers(json& to) const {
    if (wire_type_ == 0) return to.push_back(static_cast<Number>(number_));
    if constexpr (std::is_floating_point_v<Number>) {
      if (content_.size() % sizeof(Number) != 0) throw_record("packed numbers are cut off");
      for (std::size_t at = 0; at < content_.size(); at += sizeof(Number)) {
        Number value;  // protobuf is little-endian, as are all machines that this library runs on
        std::memcpy(&value, content_.data() + at, sizeof value);
        to.push_back(value);
      }
    } else {
      ProtobufReader packed(content_);
      while (!packed.at_end()) to.push_back(static_cast<Number>(packed.varint()));
    }
  }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) throw_record("a record is cut off");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw_record("a number is too long");
  }

  std::string_view bytes_;
  unsigned wire_type_ = 0;
  std::uint64_t number_ = 0;
  std::string_view content_;
};

template <class Number>
json read_tensor(std::string_view bytes) {
  json tensor = json::object();
  ProtobufReader reader(bytes);
  while (!reader.at_end()) {
    const unsigned field = reader.next();
    const char* const name = field == tensor_values  ? "values"
                             : field == tensor_keys  ? "keys"
                             : field == tensor_shape ? "shape"
                                                     : nullptr;
    if (name == nullptr) continue;
    json& numbers = tensor[name];
    if (numbers.is_null()) numbers = json::array();
    if (field == tensor_values)
      reader.append_numbers<Number>(numbers);
    else
      reader.append_numbers<std::uint64_t>(numbers);
  }
  return tensor;
}

// {"value": [binary, ...], "content_type": "image/png"}
inline json read_bytes(std::string_view bytes) {
  json value = object({{"value", json::array()}});
  ProtobufReader reader(bytes);
  while (!reader.at_end()) {
    const unsigned field = reader.next();
    const std::string_view content = reader.content();
    if (field == 1)
      value["value"].push_back(json::binary(std::vector<std::uint8_t>(content.begin(), content.end())));
    if (field == 2) value["content_type"] = std::string(content);
  }
  return value;
}

inline json read_value(std::string_view bytes) {
  json value = json::object();
  ProtobufReader reader(bytes);
  while (!reader.at_end()) {
    const unsigned field = reader.next();
    if (field == value_float32) value["float32_tensor"] = read_tensor<float>(reader.content());
    if (field == value_float64) value["float64_tensor"] = read_tensor<double>(reader.content());
    if (field == value_int32) value["int32_tensor"] = read_tensor<std::int32_t>(reader.content());
    if (field == value_bytes) value["bytes"] = read_bytes(reader.content());
  }
  return value;
}

inline json read_record(std::string_view bytes) {
  json record = object({{"features", json::object()}, {"label", json::object()}});
  ProtobufReader reader(bytes);
  while (!reader.at_end()) {
    const unsigned field = reader.next();
    const auto text = [&](const char* name) { record[name] = std::string(reader.content()); };
    if (field == record_uid) text("uid");
    if (field == record_metadata) text("metadata");
    if (field == record_configuration) text("configuration");
    if (field != record_features && field != record_label) continue;
    std::string key;
    json value = json::object();
    ProtobufReader entry(reader.content());
    while (!entry.at_end()) {
      const unsigned part = entry.next();
      if (part == map_key) key = std::string(entry.content());
      if (part == map_value) value = read_value(entry.content());
    }
    record[field == record_features ? "features" : "label"][key] = std::move(value);
  }
  return record;
}

}  // namespace detail

// Rows of numbers, one record each, as the feature "values". One dimension is one row. Throws
// SerializationError for arrays of more than two dimensions and integers of more than 32 bits.
inline std::string encode_records(const NpyArray& rows) {
  const auto& shape = rows.shape();
  if (shape.empty() || shape.size() > 2) {
    throw SerializationError("Expected a 1D or 2D array, but got a " + std::to_string(shape.size()) +
                             "D array instead.");
  }
  const std::size_t columns = shape.back();
  const std::size_t count = shape.size() == 1 ? 1 : shape.front();
  std::string bytes;
  for (std::size_t row = 0; row < count; ++row) {
    const std::string record = detail::record_of_row(rows, row * columns, columns);
    detail::put_little_endian(bytes, detail::record_magic);
    detail::put_little_endian(bytes, static_cast<std::uint32_t>(record.size()));
    bytes += record;
    bytes.append((4 - record.size() % 4) % 4, '\0');
  }
  return bytes;
}

// An array of records: {"features": {"values": {"float32_tensor": {"values": [...]}}}, "label": {...}}, with
// the names of the protobuf. Throws SerializationError for what are no records.
inline json decode_records(std::string_view bytes) {
  json records = json::array();
  while (!bytes.empty()) {
    const auto number_at = [&](std::size_t at) {
      std::uint32_t number = 0;
      for (std::size_t byte = 4; byte-- > 0;)
        number = number << 8 | static_cast<unsigned char>(bytes[at + byte]);
      return number;
    };
    if (bytes.size() < 8 || number_at(0) != detail::record_magic)
      detail::throw_record("a record does not begin with its magic number");
    const std::uint64_t size = number_at(4);
    if (size > bytes.size() - 8) detail::throw_record("a record is cut off");
    records.push_back(detail::read_record(bytes.substr(8, size)));
    bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 8 + (size + 3) / 4 * 4));
  }
  return records;
}

// Nested arrays of numbers: int32 where all are integers, else float64. Use encode_records() for float32.
struct RecordSerializer : Serializer {
  RecordSerializer()
      : Serializer{"application/x-recordio-protobuf",
                   [](const json& data) { return encode_records(NpyArray::decode(detail::to_npy(data))); }} {}
};
struct RecordDeserializer : Deserializer {
  RecordDeserializer() : Deserializer{"application/x-recordio-protobuf", decode_records} {}
};

}  // namespace sagemaker
