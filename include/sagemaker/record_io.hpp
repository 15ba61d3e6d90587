// The format of SageMaker's built-in algorithms (content type application/x-recordio-protobuf): records of
// named tensors, as the SageMaker Python SDK's RecordSerializer and RecordDeserializer write and read them.
// Each record is a protobuf message aialgs.data.Record behind a magic number and its length, padded to four
// bytes. Source: the developer guide, "Common data formats for training", and sagemaker/amazon/record.proto
// in the SDK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/formats/record_io.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/serializers.hpp>

namespace sagemaker {

namespace detail {

// One row as the tensor of one type: float32 stays, integers become int32, other numbers float64.
inline std::string record_of_row(const NpyArray& rows, std::size_t first, std::size_t count) {
  const std::string& type = rows.dtype();
  std::string values;
  const auto each = [&](auto&& put) {
    const std::size_t width = npy_item_size(type);
    for (std::size_t index = first; index < first + count; ++index)
      npy_visit(type, rows.bytes().data() + index * width, put);
  };
  unsigned kind = formats::value_float64;
  if (type[1] == 'f' && type[2] == '4') {
    kind = formats::value_float32;
    each([&](auto value) { formats::append_little_endian(values, static_cast<float>(value)); });
  } else if (type[1] == 'f') {
    each([&](auto value) { formats::append_little_endian(values, static_cast<double>(value)); });
  } else {
    kind = formats::value_int32;  // negative ones take ten bytes, as protobuf wants it
    each([&](auto value) {
      if constexpr (std::is_integral_v<decltype(value)>) {
        if (!std::in_range<std::int32_t>(value))
          throw formats::FormatError("an integer has more than 32 bits");
        formats::append_varint(values, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
      }
    });
  }
  std::string tensor, value, entry, record;
  formats::append_message(tensor, formats::tensor_values, values);
  formats::append_message(value, kind, tensor);
  formats::append_message(entry, formats::map_key, "values");
  formats::append_message(entry, formats::map_value, value);
  formats::append_message(record, formats::record_features, entry);
  return record;
}

template <class Number>
json read_tensor(std::string_view bytes) {
  json tensor = json::object();
  formats::ProtobufReader reader(bytes);
  while (reader.next()) {
    const char* const name = reader.field == formats::tensor_values  ? "values"
                             : reader.field == formats::tensor_keys  ? "keys"
                             : reader.field == formats::tensor_shape ? "shape"
                                                                     : nullptr;
    if (name == nullptr) continue;
    json& numbers = tensor[name];
    if (numbers.is_null()) numbers = json::array();
    if (reader.field != formats::tensor_values) {
      formats::each_varint(reader, [&](std::uint64_t number) { numbers.push_back(number); });
    } else if constexpr (std::is_floating_point_v<Number>) {
      formats::each_float<Number>(reader, [&](Number number) { numbers.push_back(number); });
    } else {
      formats::each_varint(reader,
                           [&](std::uint64_t number) { numbers.push_back(static_cast<Number>(number)); });
    }
  }
  return tensor;
}

// {"value": [binary, ...], "content_type": "image/png"}
inline json read_bytes(std::string_view bytes) {
  json value = object({{"value", json::array()}});
  formats::ProtobufReader reader(bytes);
  while (reader.next()) {
    if (reader.field == 1) {
      const std::string_view content = reader.message();
      value["value"].push_back(json::binary(std::vector<std::uint8_t>(content.begin(), content.end())));
    }
    if (reader.field == 2) value["content_type"] = std::string(reader.message());
  }
  return value;
}

inline json read_value(std::string_view bytes) {
  json value = json::object();
  formats::ProtobufReader reader(bytes);
  while (reader.next()) {
    if (reader.field == formats::value_float32)
      value["float32_tensor"] = read_tensor<float>(reader.message());
    if (reader.field == formats::value_float64)
      value["float64_tensor"] = read_tensor<double>(reader.message());
    if (reader.field == formats::value_int32)
      value["int32_tensor"] = read_tensor<std::int32_t>(reader.message());
    if (reader.field == formats::value_bytes) value["bytes"] = read_bytes(reader.message());
  }
  return value;
}

inline json read_record(std::string_view bytes) {
  json record = object({{"features", json::object()}, {"label", json::object()}});
  formats::ProtobufReader reader(bytes);
  while (reader.next()) {
    const auto text = [&](const char* name) { record[name] = std::string(reader.message()); };
    if (reader.field == formats::record_uid) text("uid");
    if (reader.field == formats::record_metadata) text("metadata");
    if (reader.field == formats::record_configuration) text("configuration");
    if (reader.field != formats::record_features && reader.field != formats::record_label) continue;
    std::string key;
    json value = json::object();
    formats::ProtobufReader entry(reader.message());
    while (entry.next()) {
      if (entry.field == formats::map_key) key = std::string(entry.message());
      if (entry.field == formats::map_value) value = read_value(entry.message());
    }
    record[reader.field == formats::record_features ? "features" : "label"][key] = std::move(value);
  }
  return record;
}

[[noreturn]] inline void throw_record(const formats::FormatError& error) {
  throw SerializationError(std::string("recordio-protobuf: ") + error.what());
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
  try {
    for (std::size_t row = 0; row < count; ++row)
      formats::append_recordio(bytes, detail::record_of_row(rows, row * columns, columns));
  } catch (const formats::FormatError& error) {
    detail::throw_record(error);
  }
  return bytes;
}

// An array of records: {"features": {"values": {"float32_tensor": {"values": [...]}}}, "label": {...}}, with
// the names of the protobuf. Throws SerializationError for what are no records.
inline json decode_records(std::string_view bytes) {
  json records = json::array();
  try {
    formats::RecordIoReader reader(bytes);
    std::string_view record;
    for (std::string buffer; reader.next(record, buffer);) records.push_back(detail::read_record(record));
  } catch (const formats::FormatError& error) {
    detail::throw_record(error);
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
