// How data becomes the body of a request to an endpoint, and how the answer becomes data again. Names and
// content types are the SageMaker Python SDK's. Data is a json value: rows are arrays, raw bytes are a json
// string or binary value. Arrays of numbers that should travel without any conversion are an NpyArray
// (npy.hpp), which Predictor takes directly. Further formats: record_io.hpp and sparse_matrix.hpp.
#pragma once

#include <charconv>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/npy.hpp>

namespace sagemaker {

// The data does not fit the format, or the answer is not in the format asked for.
class SerializationError : public Error {
 public:
  using Error::Error;
};

// Turns data into a request body. The classes below are ready-made values of this type; your own needs only
// the two members.
struct Serializer {
  std::string content_type;
  std::function<std::string(const json& data)> serialize;
};

// What a deserializer does: a function of the body alone, or of the body and its content type ("" where that
// is not known).
class DeserializeFunction {
 public:
  DeserializeFunction() = default;
  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, DeserializeFunction> &&
           (std::is_invocable_r_v<json, Function&, std::string_view, std::string_view> ||
            std::is_invocable_r_v<json, Function&, std::string_view>))
      DeserializeFunction(Function function) {  // NOLINT(google-explicit-constructor): any callable is one
    if constexpr (std::is_invocable_r_v<json, Function&, std::string_view, std::string_view>) {
      function_ = std::move(function);
    } else {
      function_ = [function = std::move(function)](std::string_view body, std::string_view) mutable -> json {
        return function(body);
      };
    }
  }

  json operator()(std::string_view body, std::string_view content_type = {}) const {
    return function_(body, content_type);
  }
  explicit operator bool() const { return static_cast<bool>(function_); }

 private:
  std::function<json(std::string_view body, std::string_view content_type)> function_;
};

// Turns a response body into data. `accept` is what the request asks for.
struct Deserializer {
  std::string accept;
  DeserializeFunction deserialize;
};

namespace detail {

inline std::string csv_field(const json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) {
    if (value.is_structured())
      throw SerializationError("CSV: a field cannot be " + std::string(value.type_name()));
    return aws::dump_json(value);
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

inline std::string csv_row(const json& row) {
  if (!row.is_array()) return csv_field(row);
  std::string line;
  for (std::size_t index = 0; index < row.size(); ++index)
    line += (index > 0 ? "," : "") + csv_field(row[index]);
  return line;
}

// A text is sent as it is; an array of arrays is one row each; any other array is one row, also one of texts
// (of which the SDK makes a row each).
inline std::string to_csv(const json& data) {
  if (data.is_string()) return data.get<std::string>();
  if (data.is_object()) throw SerializationError("CSV: the data must be an array, not an object");
  if (!data.is_array() || data.empty()) return csv_row(data);
  if (!data.front().is_array()) return csv_row(data);
  std::string text;
  for (std::size_t index = 0; index < data.size(); ++index)
    text += (index > 0 ? "\n" : "") + csv_row(data[index]);
  return text;
}

// RFC 4180: every field is a text; an empty last line is none.
inline json from_csv(std::string_view text) {
  json rows = json::array();
  json row = json::array();
  std::string field;
  bool quoted = false;
  bool row_started = false;
  for (std::size_t index = 0; index < text.size(); ++index) {
    const char c = text[index];
    row_started = true;
    if (quoted) {
      if (c != '"')
        field += c;
      else if (index + 1 < text.size() && text[index + 1] == '"')
        field += text[++index];
      else
        quoted = false;
    } else if (c == '"' && field.empty()) {
      quoted = true;
    } else if (c == ',') {
      row.push_back(std::exchange(field, {}));
    } else if (c == '\n' || (c == '\r' && index + 1 < text.size() && text[index + 1] == '\n')) {
      if (c == '\r') ++index;
      row.push_back(std::exchange(field, {}));
      rows.push_back(std::exchange(row, json::array()));
      row_started = false;
    } else {
      field += c;
    }
  }
  if (quoted) throw SerializationError("CSV: a quoted field is not closed");
  if (row_started) {
    row.push_back(std::move(field));
    rows.push_back(std::move(row));
  }
  return rows;
}

inline std::string to_bytes(const json& data) {
  if (data.is_string()) return data.get<std::string>();
  if (data.is_binary()) return std::string(data.get_binary().begin(), data.get_binary().end());
  throw SerializationError("raw data must be a text or binary value, not " + std::string(data.type_name()));
}

// The numbers of nested arrays of equal lengths, and those lengths.
template <class T>
void flatten(const json& data, std::size_t axis, std::vector<std::size_t>& shape, std::vector<T>& values) {
  if (!data.is_array()) {
    if (!data.is_number() && !data.is_boolean()) {
      throw SerializationError("NPY: the data must be nested arrays of numbers; found " +
                               std::string(data.type_name()));
    }
    if (axis != shape.size()) throw SerializationError("NPY: the nested arrays are not equally deep");
    values.push_back(data.is_boolean() ? static_cast<T>(data.get<bool>()) : data.get<T>());
    return;
  }
  if (axis == shape.size() && values.empty()) shape.push_back(data.size());
  if (axis >= shape.size() || shape[axis] != data.size()) {
    throw SerializationError("NPY: the nested arrays do not have equal lengths");
  }
  for (const json& element : data) flatten(element, axis + 1, shape, values);
}

inline bool all_integers(const json& data) {
  if (data.is_number_unsigned()) return data.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
  if (!data.is_array()) return data.is_number_integer() || data.is_boolean();
  for (const json& element : data) {
    if (!all_integers(element)) return false;
  }
  return true;
}

inline std::string to_npy(const json& data) {
  std::vector<std::size_t> shape;
  if (all_integers(data)) {
    std::vector<std::int64_t> values;
    flatten(data, 0, shape, values);
    return NpyArray(values, shape).encode();
  }
  std::vector<double> values;
  flatten(data, 0, shape, values);
  return NpyArray(values, shape).encode();
}

template <class T>
json nest(const std::vector<T>& values, const std::vector<std::size_t>& shape, std::size_t axis,
          std::size_t& next) {
  if (axis == shape.size()) return values[next++];
  json level = json::array();
  for (std::size_t index = 0; index < shape[axis]; ++index)
    level.push_back(nest(values, shape, axis + 1, next));
  return level;
}

inline json from_npy(std::string_view body) {
  const NpyArray array = NpyArray::decode(body);
  // Without numbers a shape of a few bytes may still stand for any number of empty arrays.
  constexpr std::size_t arrays_max = 1'000'000;
  std::size_t arrays = 1;
  for (const std::size_t extent : array.shape()) {
    if (extent == 0) break;
    if (array.size() == 0 && extent > arrays_max / arrays)
      throw SerializationError("NPY: the shape has no numbers, and too many empty arrays");
    if (array.size() == 0) arrays *= extent;
  }
  std::size_t next = 0;
  switch (array.dtype()[1]) {
    case 'f':
      return nest(array.values<double>(), array.shape(), 0, next);
    case 'u':
      return nest(array.values<std::uint64_t>(), array.shape(), 0, next);
    default:
      return nest(array.values<std::int64_t>(), array.shape(), 0, next);
  }
}

// "text/csv; charset=utf-8" -> "text/csv"
inline std::string_view media_type_of(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type.substr(0, type.find_last_not_of(' ') + 1);
}

// A field that is a number, written out, becomes one; others stay texts.
inline json number_or_text(const std::string& field) {
  double number = 0;
  const char* const end = field.data() + field.size();
  const auto parsed = std::from_chars(field.data(), end, number);
  return !field.empty() && parsed.ptr == end && parsed.ec == std::errc() ? json(number) : json(field);
}

// Rows of numbers: what NumPy's genfromtxt makes of CSV. One row alone is no row of rows.
inline json numbers_from_csv(std::string_view body) {
  json rows = from_csv(body);
  for (json& row : rows) {
    for (json& field : row) field = number_or_text(field.get<std::string>());
    if (row.size() == 1) row = json(row.front());
  }
  return rows.size() == 1 ? json(rows.front()) : rows;
}

// The first line names the columns; each further one is an object.
inline json table_from_csv(std::string_view body) {
  const json rows = from_csv(body);
  json table = json::array();
  for (std::size_t index = 1; index < rows.size(); ++index) {
    if (rows[index].size() != rows[0].size())
      throw SerializationError("CSV: line " + std::to_string(index + 1) + " has " +
                               std::to_string(rows[index].size()) + " fields, the first line has " +
                               std::to_string(rows[0].size()));
    json record = json::object();
    for (std::size_t column = 0; column < rows[0].size(); ++column)
      record[rows[0][column].get<std::string>()] = number_or_text(rows[index][column].get<std::string>());
    table.push_back(std::move(record));
  }
  return table;
}

// A text is the path of a file, whose bytes are sent; binary values are sent as they are.
inline std::string file_or_bytes(const json& data) {
  if (data.is_object() && data.contains("data")) return file_or_bytes(data["data"]);
  if (!data.is_string()) return to_bytes(data);
  std::ifstream file(data.get<std::string>(), std::ios::binary);
  if (!file) throw SerializationError("Could not open/read file: " + data.get<std::string>());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::string to_json_lines(const json& data) {
  if (data.is_string()) return data.get<std::string>();
  if (!data.is_array()) return aws::dump_json(data);
  std::string text;
  for (std::size_t index = 0; index < data.size(); ++index) {
    text += (index > 0 ? "\n" : "") + aws::dump_json(data[index]);
  }
  return text;
}

inline json parse_answer(std::string_view body, std::string_view format) {
  try {
    return aws::parse_json(body);
  } catch (const aws::JsonError& error) {
    throw SerializationError("the endpoint's answer is not " + std::string(format) + ": " + error.what());
  }
}

inline json from_json_lines(std::string_view body) {
  json values = json::array();
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const std::string_view line = body.substr(0, end);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      values.push_back(parse_answer(line, "JSON Lines"));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
  }
  return values;
}

}  // namespace detail

struct JSONSerializer : Serializer {
  JSONSerializer() : Serializer{"application/json", [](const json& data) { return aws::dump_json(data); }} {}
};
struct JSONDeserializer : Deserializer {
  JSONDeserializer()
      : Deserializer{"application/json",
                     [](std::string_view body) { return detail::parse_answer(body, "JSON"); }} {}
};

// One array is one row; an array of arrays is a row each; a text is sent as it is.
struct CSVSerializer : Serializer {
  CSVSerializer() : Serializer{"text/csv", detail::to_csv} {}
};
// An array of rows; a row is an array of texts.
struct CSVDeserializer : Deserializer {
  CSVDeserializer() : Deserializer{"text/csv", detail::from_csv} {}
};

// Nested arrays of numbers: int64 where all are integers, else float64.
struct NumpySerializer : Serializer {
  NumpySerializer() : Serializer{"application/x-npy", detail::to_npy} {}
};
// Also reads answers in CSV and JSON, by their content type.
struct NumpyDeserializer : Deserializer {
  NumpyDeserializer() : Deserializer{"application/x-npy", decode} {}

 private:
  static json decode(std::string_view body, std::string_view content_type) {
    const std::string_view type = detail::media_type_of(content_type);
    if (type == "application/json") return detail::parse_answer(body, "JSON");
    if (type == "text/csv") return detail::numbers_from_csv(body);
    return detail::from_npy(body);
  }
};

// Tensors as the SDK sends them: the bytes are NumPy's format under a content type of their own.
struct TorchTensorSerializer : Serializer {
  TorchTensorSerializer() : Serializer{"tensor/pt", detail::to_npy} {}
};
struct TorchTensorDeserializer : Deserializer {
  TorchTensorDeserializer() : Deserializer{"tensor/pt", detail::from_npy} {}
};

// A text in LibSVM's format ("1 3:0.5 7:1"), as it is.
struct LibSVMSerializer : Serializer {
  LibSVMSerializer() : Serializer{"text/libsvm", detail::to_bytes} {}
};

// A text names a local file, whose bytes are sent; a binary value is sent as it is.
struct DataSerializer : Serializer {
  explicit DataSerializer(std::string type = "file-path/raw-bytes")
      : Serializer{std::move(type), detail::file_or_bytes} {}
};

// A table: CSV whose first line names the columns becomes an array of objects; JSON is what it is.
struct PandasDeserializer : Deserializer {
  PandasDeserializer() : Deserializer{"text/csv, application/json", decode} {}

 private:
  static json decode(std::string_view body, std::string_view content_type) {
    const std::string_view type = detail::media_type_of(content_type);
    if (type == "application/json") return detail::parse_answer(body, "JSON");
    if (type == "text/csv" || type.empty()) return detail::table_from_csv(body);
    throw SerializationError("PandasDeserializer cannot read content type " + std::string(type) + ".");
  }
};

// One value a line. An array is a line for each element; a text is sent as it is.
struct JSONLinesSerializer : Serializer {
  JSONLinesSerializer() : Serializer{"application/jsonlines", detail::to_json_lines} {}
};
struct JSONLinesDeserializer : Deserializer {
  JSONLinesDeserializer() : Deserializer{"application/jsonlines", detail::from_json_lines} {}
};

// The bytes of a json string or binary value, as they are.
struct IdentitySerializer : Serializer {
  explicit IdentitySerializer(std::string type = "application/octet-stream")
      : Serializer{std::move(type), detail::to_bytes} {}
};
// The answer's bytes as a json binary value.
struct BytesDeserializer : Deserializer {
  BytesDeserializer()
      : Deserializer{"*/*", [](std::string_view body) {
                       return json::binary(std::vector<std::uint8_t>(body.begin(), body.end()));
                     }} {}
};

struct StringSerializer : Serializer {
  explicit StringSerializer(std::string type = "text/plain")
      : Serializer{std::move(type), detail::to_bytes} {}
};
// The answer as one json string, whatever it holds.
struct StringDeserializer : Deserializer {
  explicit StringDeserializer(std::string accept_type = "application/json")
      : Deserializer{std::move(accept_type), [](std::string_view body) { return json(std::string(body)); }} {}
};

}  // namespace sagemaker
