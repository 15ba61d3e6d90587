// JSON to a tensor in one pass, without a document in between: an image of 784 numbers takes microseconds.
// And back.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/plain_data.hpp>

namespace sagemaker::container::detail {

class JsonTensorReader {
 public:
  explicit JsonTensorReader(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  torch::Tensor read() {
    skip_blanks();
    if (at_ == end_) fail("the body is empty; a JSON array is expected");
    if (*at_ == '{') {
      read_envelope();
    } else {
      read_values();
    }
    skip_blanks();
    if (at_ != end_) fail("there is more after the JSON value");
    std::vector<std::int64_t> shape(shape_.begin(), shape_.begin() + rank_);
    torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
    if (!values_.empty())
      std::memcpy(tensor.data_ptr<float>(), values_.data(), values_.size() * sizeof(float));
    return tensor;
  }

 private:
  static constexpr int depth_max = 64;  // dimensions of a tensor
  static constexpr int envelope_depth_max = 128;

  [[noreturn]] void fail(const std::string& what) const {
    throw RequestError(400, "invalid JSON input: " + what + " (byte " + std::to_string(at_ - begin_) + ")");
  }

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word)
      return false;
    at_ += word.size();
    return true;
  }

  // {"instances": ...} or {"inputs": ...}; other members are passed over.
  void read_envelope() {
    ++at_;
    bool found = false;
    std::string others;
    skip_blanks();
    if (!take("}")) {
      do {
        skip_blanks();
        const std::string_view key = read_string();
        skip_blanks();
        if (!take(":")) fail("':' expected after a member's name");
        skip_blanks();
        if (key == "instances" || key == "inputs") {
          if (found) fail("the object has \"instances\" or \"inputs\" twice");
          found = true;
          read_values();
        } else {
          if (others.size() < 200)
            others.append(others.empty() ? "\"" : ", \"").append(key.substr(0, 60)).append("\"");
          skip_value();
        }
        skip_blanks();
      } while (take(","));
      if (!take("}")) fail("'}' or ',' expected");
    }
    if (!found)
      fail("the object needs \"instances\" or \"inputs\"; it has " +
           (others.empty() ? "no members" : others));
  }

  // The text between the quotes, escapes left as they are.
  std::string_view read_string() {
    if (at_ == end_ || *at_ != '"') fail("'\"' expected");
    const char* const start = ++at_;
    while (at_ != end_ && *at_ != '"') at_ += *at_ == '\\' && at_ + 1 != end_ ? 2 : 1;
    if (at_ == end_) fail("a string does not end");
    return {start, static_cast<std::size_t>(at_++ - start)};
  }

  // Any JSON value, its brackets matched, nothing kept.
  void skip_value() {
    std::string closing;
    do {
      skip_blanks();
      if (at_ == end_) fail("the text ends in the middle of a value");
      const char c = *at_;
      if (c == '"') {
        read_string();
      } else if (c == '[' || c == '{') {
        if (closing.size() == envelope_depth_max) fail("nested too deeply");
        closing.push_back(c == '[' ? ']' : '}');
        ++at_;
      } else if (c == ']' || c == '}') {
        if (closing.empty() || closing.back() != c) fail("brackets do not match");
        closing.pop_back();
        ++at_;
      } else if (c == ',' || c == ':') {
        if (closing.empty()) fail("a value expected");
        ++at_;
      } else {
        constexpr std::string_view ends = ",:[]{}\" \n\r\t";  // not strchr, which finds the byte 0 as well
        while (at_ != end_ && ends.find(*at_) == std::string_view::npos) ++at_;
      }
    } while (!closing.empty());
  }

  void read_values() {
    values_.reserve(static_cast<std::size_t>(end_ - at_) / 8);
    std::int64_t counts[depth_max] = {};
    int depth = 0;
    for (;;) {
      skip_blanks();
      if (at_ == end_) fail("the array does not end");
      if (*at_ == '[') {
        ++at_;
        if (depth == depth_max) fail("a tensor has at most 64 dimensions");
        if (rank_ >= 0 && depth == rank_) ragged("an array where a number is expected");
        counts[depth++] = 0;
        skip_blanks();
        if (at_ == end_ || *at_ != ']') continue;
        if (rank_ < 0) rank_ = depth;
      } else {
        if (rank_ < 0) rank_ = depth;
        if (depth != rank_) ragged("a number where an array is expected");
        values_.push_back(read_number());
        if (depth == 0) return;
        ++counts[depth - 1];
        skip_blanks();
        if (take(",")) continue;
      }
      // Here an array ends, and with it maybe the ones around it.
      for (;;) {
        skip_blanks();
        if (!take("]")) fail(at_ == end_ ? "the array does not end" : "',' or ']' expected");
        --depth;
        close_dimension(depth, counts[depth]);
        if (depth == 0) return;
        ++counts[depth - 1];
        skip_blanks();
        if (take(",")) break;
      }
    }
  }

  void close_dimension(int dimension, std::int64_t count) {
    if (shape_.size() <= static_cast<std::size_t>(dimension))
      shape_.resize(static_cast<std::size_t>(dimension) + 1, -1);
    std::int64_t& size = shape_[static_cast<std::size_t>(dimension)];
    if (size < 0) size = count;
    if (size != count) {
      ragged("arrays of " + std::to_string(size) + " and of " + std::to_string(count) +
             " items at the same level");
    }
  }

  [[noreturn]] void ragged(const std::string& what) const {
    fail("the arrays do not form a tensor: " + what);
  }

  float read_number() {
    switch (*at_) {
      case 't':
        if (take("true")) return 1.0F;
        break;
      case 'f':
        if (take("false")) return 0.0F;
        break;
      case 'n':
        if (take("null")) fail("null cannot be part of a tensor");
        break;
      case 'N':
        if (take("NaN")) return std::numeric_limits<float>::quiet_NaN();
        break;
      case 'I':
        if (take("Infinity")) return std::numeric_limits<float>::infinity();
        break;
      case '"':
        fail("a string cannot be part of a tensor");
      case '{':
        fail("an object cannot be part of a tensor");
      default:
        break;
    }
    if (take("-Infinity")) return -std::numeric_limits<float>::infinity();
    const char* const digits = at_ + (at_ != end_ && *at_ == '-' ? 1 : 0);
    if (digits == end_ || *digits < '0' || *digits > '9') fail("a number or an array expected");
    if (*digits == '0' && digits + 1 != end_ && digits[1] >= '0' && digits[1] <= '9')
      fail("a number begins with 0");
    double number = 0;
    const auto [next, error] = std::from_chars(at_, end_, number);
    if (error == std::errc::result_out_of_range) {
      number = std::strtod(std::string(at_, next).c_str(),
                           nullptr);  // infinity or zero, as Python's json reads it
    }
    if (next[-1] == '.') fail("a digit expected after the decimal point");
    at_ = next;
    return static_cast<float>(number);
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::vector<float> values_;
  std::vector<std::int64_t> shape_;
  int rank_ = -1;
};

template <class Number>
const Number* append_array(std::string& out, const Number* data, c10::IntArrayRef shape) {
  if (shape.empty()) {
    append_number(out, *data);
    return data + 1;
  }
  out += '[';
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    if (i > 0) out += ", ";
    data = append_array(out, data, shape.slice(1));
  }
  out += ']';
  return data;
}

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_json(std::string_view body) {
  return detail::JsonTensorReader(body).read();
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_json(const torch::Tensor& tensor) {
  std::string out;
  out.reserve(static_cast<std::size_t>(tensor.numel()) * 12 + 16);
  detail::with_plain_data(
      tensor, [&](const auto* data, c10::IntArrayRef shape) { detail::append_array(out, data, shape); });
  return out;
}

}  // namespace sagemaker::container
