// Which codec a request and its answer use, and CSV.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/plain_data.hpp>

namespace sagemaker::container::detail {

inline constexpr std::string_view json_type = "application/json";
inline constexpr std::string_view csv_type = "text/csv";
inline constexpr std::string_view npy_type = "application/x-npy";

// "Text/CSV; label_size=0" is text/csv.
SAGEMAKER_CONTAINER_FUNCTION std::string media_type(std::string_view header) {
  header = header.substr(0, header.find(';'));
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!header.empty() && blank(static_cast<unsigned char>(header.front()))) header.remove_prefix(1);
  while (!header.empty() && blank(static_cast<unsigned char>(header.back()))) header.remove_suffix(1);
  std::string type(header);
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
  return type;
}

// The supported type that a media range stands for; empty where there is none.
SAGEMAKER_CONTAINER_FUNCTION std::string_view supported_type(const std::string& type) {
  if (type == json_type || type == "application/*") return json_type;
  if (type == csv_type || type == "text/*") return csv_type;
  if (type == npy_type) return npy_type;
  return {};
}

SAGEMAKER_CONTAINER_FUNCTION std::string_view negotiate(std::string_view accept,
                                                        const std::string& default_accept) {
  std::string_view rest = media_type(accept).empty() ? std::string_view("*/*") : accept;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string type = media_type(rest.substr(0, comma));
    if (type == "*/*" || type == "*") type = media_type(default_accept);
    if (const auto supported = supported_type(type); !supported.empty()) return supported;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  throw RequestError(406, "Accept '" + std::string(accept) +
                              "' is not supported; use application/json, text/csv or application/x-npy");
}

SAGEMAKER_CONTAINER_FUNCTION float read_csv_field(std::string_view field, std::size_t line,
                                                  std::size_t column) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '"'; };
  while (!field.empty() && blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && blank(field.back())) field.remove_suffix(1);
  if (field.empty()) return std::numeric_limits<float>::quiet_NaN();
  const std::string_view digits = field.front() == '+' ? field.substr(1) : field;
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) number = std::strtod(std::string(digits).c_str(), nullptr);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    throw RequestError(400, "invalid CSV input: '" + std::string(field.substr(0, 40)) + "' in line " +
                                std::to_string(line) + ", column " + std::to_string(column) +
                                " is not a number");
  }
  return static_cast<float>(number);
}

// NumPy's words for what has no digits.
template <class Number>
void append_csv_number(std::string& out, Number number) {
  if constexpr (std::is_same_v<Number, bool>) {
    out += number ? "True" : "False";
  } else {
    if constexpr (std::is_floating_point_v<Number>) {
      if (!std::isfinite(number)) {
        out += std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
        return;
      }
    }
    append_number(out, number);
  }
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode(std::string_view body, std::string_view content_type) {
  const std::string type = detail::media_type(content_type);
  if (type.empty() || type == detail::json_type) return decode_json(body);
  if (type == detail::csv_type) return decode_csv(body);
  if (type == detail::npy_type) return decode_npy(body);
  throw RequestError(415, "Content type '" + type +
                              "' is not supported; use application/json, text/csv or application/x-npy");
}

SAGEMAKER_CONTAINER_FUNCTION Output encode(const torch::Tensor& prediction, std::string_view accept,
                                           const std::string& default_accept) {
  const std::string_view type = detail::negotiate(accept, default_accept);
  if (type == detail::csv_type) return {encode_csv(prediction), std::string(type)};
  if (type == detail::npy_type) return {encode_npy(prediction), std::string(type)};
  return {encode_json(prediction), std::string(type)};
}

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_csv(std::string_view body) {
  std::vector<float> values;
  values.reserve(body.size() / 6);
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::size_t line = 0;
  while (!body.empty()) {
    const auto end = body.find('\n');
    std::string_view text = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    ++line;
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.find_first_not_of(" \t") == std::string_view::npos) continue;
    std::int64_t count = 0;
    for (bool more = true; more; ++count) {
      const auto comma = text.find(',');
      values.push_back(
          detail::read_csv_field(text.substr(0, comma), line, static_cast<std::size_t>(count) + 1));
      more = comma != std::string_view::npos;
      if (more) text.remove_prefix(comma + 1);
    }
    if (rows++ == 0) columns = count;
    if (count != columns) {
      throw RequestError(400, "invalid CSV input: line " + std::to_string(line) + " has " +
                                  std::to_string(count) + " columns, the lines before it " +
                                  std::to_string(columns));
    }
  }
  if (rows == 0) throw RequestError(400, "invalid CSV input: the body is empty");
  torch::Tensor tensor = torch::empty({rows, columns}, torch::kFloat32);
  std::memcpy(tensor.data_ptr<float>(), values.data(), values.size() * sizeof(float));
  return tensor;
}

// One line a row, one number a line for a vector: what numpy.savetxt(fmt="%s", delimiter=",") writes.
SAGEMAKER_CONTAINER_FUNCTION std::string encode_csv(const torch::Tensor& tensor) {
  if (tensor.dim() > 2) {
    throw RequestError(
        406, "the prediction has " + std::to_string(tensor.dim()) +
                 " dimensions; text/csv holds one or two, use application/json or application/x-npy");
  }
  std::string out;
  detail::with_plain_data(tensor, [&](const auto* data, c10::IntArrayRef shape) {
    const std::int64_t rows = shape.empty() ? 1 : shape[0];
    const std::int64_t columns = shape.size() < 2 ? 1 : shape[1];
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        if (column > 0) out += ',';
        detail::append_csv_number(out, *data++);
      }
      out += '\n';
    }
  });
  return out;
}

}  // namespace sagemaker::container
