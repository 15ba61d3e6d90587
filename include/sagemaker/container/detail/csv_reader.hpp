// The numbers of a CSV text, straight into the memory where they are wanted. Without libtorch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <sagemaker/container/detail/number_text.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

// One row a line; blank lines are passed over; an empty field is NaN.
class CsvReader {
 public:
  // The first `label_size` fields of each line are labels, which are passed over.
  explicit CsvReader(std::string_view text, std::int64_t label_size = 0)
      : at_(text.data()), end_(at_ + text.size()), label_size_(label_size) {}

  // At most so many numbers are in the text.
  static std::size_t numbers_max(std::string_view text) { return count_bytes(text, ',', '\n') + 1; }

  // The whole text. `numbers` has room for numbers_max(text). Throws RequestError 400 naming the place.
  void read(float* numbers) {
    out_ = numbers;
    for (line_ = 1; at_ != end_; ++line_) {
      if (skip_blank_line()) continue;
      const std::int64_t count = read_line() - label_size_;
      if (rows_++ == 0) columns_ = count;
      if (count != columns_) {
        fail("line " + std::to_string(line_) + " has " + std::to_string(count + label_size_) +
             " columns, the lines before it " + std::to_string(columns_ + label_size_));
      }
    }
    if (rows_ == 0) fail("the body is empty");
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw RequestError(400, "invalid CSV input: " + what);
  }

  // With its end. False, and nothing is taken, where it has more than blanks.
  bool skip_blank_line() {
    const char* at = at_;
    while (at != end_ && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    if (at != end_ && *at != '\n') return false;
    at_ = at == end_ ? at : at + 1;
    return true;
  }

  // Its number of fields, and the end of the line is taken.
  std::int64_t read_line() {
    for (std::int64_t column = 1;; ++column) {
      while (at_ != end_ && *at_ == ' ') ++at_;
      const char* next = column > label_size_ ? read_float_quickly(at_, end_, *out_) : nullptr;
      if (next != nullptr && end_ - next > 1 && *next == '\r' && next[1] == '\n') ++next;
      if (next == nullptr || (next != end_ && *next != ',' && *next != '\n')) {
        next = std::find_if(at_, end_, [](char c) { return c == ',' || c == '\n'; });
        const std::string_view field(at_, static_cast<std::size_t>(next - at_));
        if (column > label_size_) *out_ = read_field(field, column);
      }
      if (column > label_size_) ++out_;
      at_ = next == end_ ? next : next + 1;
      if (next == end_ || *next == '\n') {
        if (column <= label_size_) {
          fail("line " + std::to_string(line_) + " has " + std::to_string(column) +
               " columns and label_size is " + std::to_string(label_size_));
        }
        return column;
      }
    }
  }

  float read_field(std::string_view field, std::int64_t column) const {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '"' || c == '\r'; };
    while (!field.empty() && blank(field.front())) field.remove_prefix(1);
    while (!field.empty() && blank(field.back())) field.remove_suffix(1);
    if (field.empty()) return std::numeric_limits<float>::quiet_NaN();
    const std::string_view digits = field.front() == '+' ? field.substr(1) : field;
    float number = 0;
    if (read_float_surely(digits.data(), digits.data() + digits.size(), number) !=
        digits.data() + digits.size()) {
      fail("'" + std::string(field.substr(0, 40)) + "' in line " + std::to_string(line_) + ", column " +
           std::to_string(column) + " is not a number");
    }
    return number;
  }

  const char* at_;
  const char* end_;
  const std::int64_t label_size_;
  float* out_ = nullptr;
  std::size_t line_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
};

}  // namespace sagemaker::container::detail
