// JSON and JSON Lines to a tensor and back.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/json_reader.hpp>
#include <sagemaker/container/detail/plain_data.hpp>

namespace sagemaker::container::detail {

template <class Number>
const Number* append_array(std::string& out, const Number* data, c10::IntArrayRef shape) {
  if (shape.empty()) {
    append_numbers(out, data, 1, "", json_words);
    return data + 1;
  }
  out += '[';
  const auto size = static_cast<std::size_t>(shape[0]);
  if (shape.size() == 1) {
    append_numbers(out, data, size, ", ", json_words);
    data += size;
  } else {
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0) out += ", ";
      data = append_array(out, data, shape.slice(1));
    }
  }
  out += ']';
  return data;
}

// Two lines of JSON Lines must have the same shape.
SAGEMAKER_CONTAINER_FUNCTION std::string shape_text(c10::IntArrayRef shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text.append(text.size() > 1 ? ", " : "").append(std::to_string(size));
  return text + "]";
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_json(std::string_view body) {
  body = detail::without_byte_order_mark(body);
  detail::JsonReader reader(body);
  torch::Tensor tensor =
      torch::empty({static_cast<std::int64_t>(detail::JsonReader::numbers_max(body))}, torch::kFloat32);
  reader.read(tensor.data_ptr<float>());
  return tensor.resize_(reader.shape());
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_json(const torch::Tensor& tensor) {
  std::string out;
  out.reserve(static_cast<std::size_t>(tensor.numel()) * 12 + 16);
  detail::with_plain_data(
      tensor, [&](const auto* data, c10::IntArrayRef shape) { detail::append_array(out, data, shape); });
  return out;
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_jsonlines(std::string_view body) {
  body = detail::without_byte_order_mark(body);
  const std::size_t numbers_max = detail::count_bytes(body, ',', '\n') + 1;
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(numbers_max)}, torch::kFloat32);
  float* numbers = tensor.data_ptr<float>();
  std::vector<std::int64_t> shape;
  std::int64_t rows = 0;
  for (std::size_t line = 1; !body.empty(); ++line) {
    const auto end = body.find('\n');
    const std::string_view text = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    detail::JsonReader reader(text, "invalid JSON Lines input: line " + std::to_string(line));
    reader.read(numbers);
    numbers = reader.numbers_end();
    if (rows++ == 0) shape = reader.shape();
    if (reader.shape() != shape) {
      throw RequestError(400, "invalid JSON Lines input: line " + std::to_string(line) + " has the shape " +
                                  detail::shape_text(reader.shape()) + ", the lines before it " +
                                  detail::shape_text(shape));
    }
  }
  if (rows == 0) throw RequestError(400, "invalid JSON Lines input: the body is empty");
  shape.insert(shape.begin(), rows);
  return tensor.resize_(shape);
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_jsonlines(const torch::Tensor& tensor) {
  std::string out;
  detail::with_plain_data(tensor, [&](const auto* data, c10::IntArrayRef shape) {
    const std::int64_t rows = shape.empty() ? 1 : shape[0];
    for (std::int64_t row = 0; row < rows; ++row) {
      data = detail::append_array(out, data, shape.empty() ? shape : shape.slice(1));
      out += '\n';
    }
  });
  return out;
}

}  // namespace sagemaker::container
