// LibSVM's text format as SageMaker uses it: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html.
// Without libtorch.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <sagemaker/container/detail/number_text.hpp>
#include <sagemaker/container/detail/sparse_rows.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

class LibSvmReader {
 public:
  explicit LibSvmReader(std::string_view text) : rest_(text) {}

  SparseRows read() {
    SparseRows rows;
    for (line_ = 1; !rest_.empty(); ++line_) {
      const auto end = rest_.find('\n');
      std::string_view line = rest_.substr(0, end);
      rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
      line = line.substr(0, line.find('#'));
      bool first = true;
      for (std::string_view field = take_field(line); !field.empty(); field = take_field(line)) {
        read_field(field, first, rows);
        first = false;
      }
      if (!first) rows.end_row();
    }
    if (rows.rows() == 0) throw RequestError(400, "invalid LibSVM input: the body is empty");
    return rows;
  }

 private:
  static std::string_view take_field(std::string_view& line) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    line.remove_prefix(begin);
    const std::string_view field = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(field.size());
    return field;
  }

  [[noreturn]] void fail(std::string_view field, const std::string& what) const {
    throw RequestError(400, "invalid LibSVM input: '" + std::string(field.substr(0, 40)) + "' in line " +
                                std::to_string(line_) + " " + what);
  }

  static bool reads(std::string_view text, float& value) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const char* const end = text.data() + text.size();
    if (read_float_quickly(text.data(), end, value) == end) return true;
    return read_float_surely(text.data(), end, value) == end;
  }

  void read_field(std::string_view field, bool first, SparseRows& rows) const {
    const auto colon = field.find(':');
    float value = 0;
    if (colon == std::string_view::npos) {  // the label
      if (!first) fail(field, "is not index:value");
      if (!reads(field, value)) fail(field, "is neither a label nor index:value");
      return;
    }
    const std::string_view index = field.substr(0, colon);
    if (index == "qid") return;
    std::uint64_t column = 0;
    const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), column);
    if (error != std::errc() || end != index.data() + index.size() || column > UINT32_MAX)
      fail(field, "has no index from 0 to 4294967295");
    if (!reads(field.substr(colon + 1), value)) fail(field, "has no number as its value");
    rows.add(column, value);
  }

  std::string_view rest_;
  std::size_t line_ = 0;
};

}  // namespace sagemaker::container::detail
