// What the toolkit takes of RecordIO-protobuf: tensors of records, as float32. The format itself is in
// formats/record_io.hpp, whose errors go through here as they are. Without libtorch.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/formats/record_io.hpp>

namespace sagemaker::container::detail {

[[noreturn]] inline void bad_recordio(const std::string& what) { throw formats::FormatError(what); }

// A Float32Tensor, Float64Tensor or Int32Tensor. With keys it is sparse: value i stands at key i.
struct RecordTensor {
  std::vector<float> values;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint64_t> shape;
};

// `type`: the tensor's field number in Value.
inline RecordTensor read_record_tensor(std::string_view message, std::uint64_t type) {
  RecordTensor tensor;
  const auto keep = [&](auto number) { tensor.values.push_back(static_cast<float>(number)); };
  formats::ProtobufReader reader(message);
  while (reader.next()) {
    // Once: where numbers are not packed, room for exactly one more would be made again and again.
    if (reader.field == formats::tensor_values && reader.wire_type == 2 && tensor.values.empty())
      tensor.values.reserve(reader.bytes.size() / (type == formats::value_float64 ? 8 : 4));
    if (reader.field == formats::tensor_values && type == formats::value_float32) {
      formats::each_float<float>(reader, keep);
    } else if (reader.field == formats::tensor_values && type == formats::value_float64) {
      formats::each_float<double>(reader, keep);
    } else if (reader.field == formats::tensor_values) {
      formats::each_varint(reader, [&](std::uint64_t number) { keep(static_cast<std::int32_t>(number)); });
    } else if (reader.field == formats::tensor_keys) {
      formats::each_varint(reader, [&](std::uint64_t key) { tensor.keys.push_back(key); });
    } else if (reader.field == formats::tensor_shape) {
      formats::each_varint(reader, [&](std::uint64_t size) { tensor.shape.push_back(size); });
    }
  }
  return tensor;
}

inline RecordTensor read_record_value(std::string_view message) {
  formats::ProtobufReader reader(message);
  RecordTensor tensor;
  bool found = false;
  while (reader.next()) {
    if (reader.field == formats::value_bytes) bad_recordio("a feature of bytes cannot be part of a tensor");
    if (reader.field != formats::value_float32 && reader.field != formats::value_float64 &&
        reader.field != formats::value_int32)
      continue;
    tensor = read_record_tensor(reader.message(), reader.field);
    found = true;
  }
  if (!found) bad_recordio("a feature has no tensor");
  return tensor;
}

// The feature "values" of a Record, else its only one; labels and the rest are passed over.
inline RecordTensor read_record(std::string_view message) {
  formats::ProtobufReader reader(message);
  std::string_view chosen, other;
  int others = 0;
  bool found = false;
  while (reader.next()) {
    if (reader.field != formats::record_features) continue;
    formats::ProtobufReader entry(reader.message());
    std::string_view name, value;
    while (entry.next()) {
      if (entry.field == formats::map_key) name = entry.message();
      if (entry.field == formats::map_value) value = entry.message();
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
  using namespace formats;
  std::string packed;
  packed.reserve(count * 4);
  for (std::size_t i = 0; i < count; ++i) append_little_endian(packed, values[i]);
  std::string tensor;
  append_message(tensor, tensor_values, packed);
  if (shape.size() > 1) {
    packed.clear();
    for (const std::int64_t size : shape) append_varint(packed, static_cast<std::uint64_t>(size));
    append_message(tensor, tensor_shape, packed);
  }
  std::string value, entry, record;
  append_message(value, value_float32, tensor);
  append_message(entry, map_key, name);
  append_message(entry, map_value, value);
  append_message(record, record_label, entry);
  return record;
}

}  // namespace sagemaker::container::detail
