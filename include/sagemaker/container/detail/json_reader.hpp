// The numbers of a JSON text and their shape, in one pass and straight into the memory where they are wanted:
// an image of 784 numbers takes microseconds. Without libtorch.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/container/detail/number_text.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

inline std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

// A bare array, nested to any depth, or a single number. An object stands for the value of its member
// "instances", "inputs", "data", "features" or "values", wherever it is: {"instances": [{"features": [1,
// 2]}]}.
class JsonReader {
 public:
  // `what` begins the messages of errors: "invalid JSON input".
  explicit JsonReader(std::string_view text, std::string what = "invalid JSON input")
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), what_(std::move(what)) {}

  // At most so many numbers are in the text: one more than it has commas.
  static std::size_t numbers_max(std::string_view text) { return count_bytes(text, ',', ',') + 1; }

  // The whole text. `numbers` has room for numbers_max(text). Throws RequestError 400 naming the place.
  void read(float* numbers) {
    begin(numbers);
    skip_blanks();
    if (at_ == end_) fail("the body is empty; a JSON array is expected");
    read_value(0);
    skip_blanks();
    if (at_ != end_) fail("there is more after the JSON value");
  }

  // What read() found: the shape, and behind the last number.
  const std::vector<std::int64_t>& shape() const { return shape_; }
  float* numbers_end() const { return out_; }

 private:
  static constexpr int depth_max = 64;    // dimensions of a tensor
  static constexpr int objects_max = 64;  // inside each other
  static constexpr std::size_t skipped_depth_max = 128;

  void begin(float* numbers) {
    out_ = numbers;
    shape_.clear();
    rank_ = -1;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw RequestError(400, what_ + ": " + what + " (byte " + std::to_string(at_ - begin_) + ")");
  }
  [[noreturn]] void ragged(const std::string& what) const {
    fail("the arrays do not form a tensor: " + what);
  }

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool next_is(char c) const { return at_ != end_ && *at_ == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void read_value(int depth) {
    if (next_is('[')) {
      read_array(depth);
    } else if (next_is('{')) {
      read_object(depth);
    } else {
      if (rank_ < 0) rank_ = depth;
      if (depth != rank_) ragged("a number where an array is expected");
      *out_++ = read_number();
    }
  }

  void read_array(int depth) {
    ++at_;
    if (depth == depth_max) fail("a tensor has at most 64 dimensions");
    if (rank_ >= 0 && depth == rank_) ragged("an array where a number is expected");
    std::int64_t count = 0;
    skip_blanks();
    if (next_is(']')) {
      if (rank_ < 0) rank_ = depth + 1;
    } else {
      do {
        skip_blanks();
        if (at_ == end_) fail("the array does not end");
        if (rank_ == depth + 1 && (is_digit(*at_) || *at_ == '-')) {
          *out_++ = read_number();
        } else {
          read_value(depth + 1);
        }
        ++count;
        skip_blanks();
      } while (take(','));
    }
    if (!take(']')) fail(at_ == end_ ? "the array does not end" : "',' or ']' expected");
    close_dimension(static_cast<std::size_t>(depth), count);
  }

  void close_dimension(std::size_t dimension, std::int64_t count) {
    if (shape_.size() <= dimension) shape_.resize(dimension + 1, -1);
    std::int64_t& size = shape_[dimension];
    if (size < 0) size = count;
    if (size != count) {
      ragged("arrays of " + std::to_string(size) + " and of " + std::to_string(count) +
             " items at the same level");
    }
  }

  static bool is_wrapper(std::string_view key) {
    return key == "instances" || key == "inputs" || key == "data" || key == "features" || key == "values";
  }

  void read_object(int depth) {
    if (++objects_ > objects_max) fail("nested too deeply");
    ++at_;
    std::string found, others;
    skip_blanks();
    if (!take('}')) {
      do {
        skip_blanks();
        const std::string_view key = read_string();
        skip_blanks();
        if (!take(':')) fail("':' expected after a member's name");
        skip_blanks();
        if (is_wrapper(key)) {
          if (!found.empty()) fail("the object has \"" + found + "\" and \"" + std::string(key) + "\"");
          found = key;
          if (at_ == end_) fail("the text ends in the middle of a value");
          read_value(depth);
        } else {
          if (key == "keys")
            fail("sparse features (\"keys\") are read from recordio-protobuf, not from JSON");
          if (others.size() < 200)
            others.append(others.empty() ? "\"" : ", \"").append(key.substr(0, 60)).append("\"");
          skip_value();
        }
        skip_blanks();
      } while (take(','));
      if (!take('}')) fail("'}' or ',' expected");
    }
    if (found.empty()) {
      fail("an object needs \"instances\", \"inputs\", \"data\", \"features\" or \"values\"; this one has " +
           (others.empty() ? "no members" : others));
    }
    --objects_;
  }

  // The text between the quotes, escapes left as they are.
  std::string_view read_string() {
    if (!next_is('"')) fail("'\"' expected");
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
        if (closing.size() == skipped_depth_max) fail("nested too deeply");
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

  float read_number() {
    const char* const digits = at_ + (next_is('-') ? 1 : 0);
    if (digits == end_ || !is_digit(*digits)) return read_word();
    if (*digits == '0' && digits + 1 != end_ && is_digit(digits[1])) fail("a number begins with 0");
    float number = 0;
    const char* next = read_float_quickly(at_, end_, number);
    if (next == nullptr) next = read_float_surely(at_, end_, number);  // it begins with a digit
    if (next[-1] == '.') fail("a digit expected after the decimal point");
    at_ = next;
    return number;
  }

  float read_word() {
    if (take("true")) return 1.0F;
    if (take("false")) return 0.0F;
    if (take("NaN")) return std::numeric_limits<float>::quiet_NaN();
    if (take("Infinity")) return std::numeric_limits<float>::infinity();
    if (take("-Infinity")) return -std::numeric_limits<float>::infinity();
    if (take("null")) fail("null cannot be part of a tensor");
    if (next_is('"')) fail("a string cannot be part of a tensor");
    fail("a number or an array expected");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string what_;
  float* out_ = nullptr;
  std::vector<std::int64_t> shape_;
  int rank_ = -1;
  int objects_ = 0;
};

}  // namespace sagemaker::container::detail
