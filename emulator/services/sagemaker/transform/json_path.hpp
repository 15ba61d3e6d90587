// The JSONPath expressions that select a part of a record: `$`, `.name`, `['a','b']`, `[1,-1]`, `[2:5]`, `*`,
// one behind the other. Spaces may stand beside a comma. The end of a slice is selected too, as the
// developer guide has it: `$[1:4]` are the second to the fifth element.
// https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagemaker::local::services::transform {

class JsonPath {
 public:
  // Elements from `first` to `last`, both included. Negative numbers count from the end, -1 is the last.
  struct Range {
    std::optional<std::int64_t> first, last;  // unset: the first, the last element
    bool is_single = false;                   // an index: `first` and `last` are equal
  };
  struct Step {
    enum class Kind { names, elements, all } kind = Kind::all;
    std::vector<std::string> names = {};
    std::vector<Range> ranges = {};
  };

  JsonPath() = default;  // "$"
  // Empty text is "$". Throws std::invalid_argument that says what is wrong, for text that is no path or uses
  // an operator that SageMaker does not support.
  explicit JsonPath(std::string_view text);

  const std::string& text() const { return text_; }
  bool is_root() const { return steps_.empty(); }
  const std::vector<Step>& steps() const { return steps_; }
  // Whether it can be applied to a row: an array whose elements are no arrays or objects.
  bool selects_of_row() const;

  // What it selects of a JSON text that is known to be valid, without white space. Values keep their text.
  // One value where the path can mean only one, otherwise an array of those it means. Several names at the
  // end make one object. Throws RecordError where there is no such member or element.
  std::string select(std::string_view document) const;

  // The elements of an array of `size` that a range means: the first and the one behind the last. Throws
  // RecordError where they are not within it.
  std::pair<std::size_t, std::size_t> within(const Range& range, std::size_t size) const;

 private:
  bool is_definite() const;
  void collect(std::string_view value, std::size_t step, std::string& found) const;
  void collect_names(std::string_view value, std::size_t step, std::string& found) const;
  void collect_elements(std::string_view value, std::size_t step, std::string& found) const;

  std::string text_ = "$";
  std::vector<Step> steps_;
};

}  // namespace sagemaker::local::services::transform
