// See json_path.hpp.
#include "emulator/services/sagemaker/transform/json_path.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "emulator/services/sagemaker/transform/json_text.hpp"
#include "emulator/services/sagemaker/transform/record_error.hpp"

namespace sagemaker::local::services::transform {
namespace {

using Range = JsonPath::Range;
using Step = JsonPath::Step;

constexpr std::size_t path_bytes_max = 63;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::vector<Step> steps() {
    if (!take('$')) refuse("a path begins with '$'");
    std::vector<Step> steps;
    while (!rest_.empty()) {
      const bool dot = take('.');
      if (take('[')) {
        steps.push_back(in_brackets());
      } else if (dot) {
        steps.push_back(behind_dot());
      } else {
        refuse("'.' or '[' is expected at '" + std::string(rest_) + "'");
      }
    }
    return steps;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) continue;
  }

  Step behind_dot() {
    if (rest_.starts_with('.')) refuse("the operator '..' (deep scan) is not supported");
    if (take('*')) return {.kind = Step::Kind::all};
    const std::string_view name = rest_.substr(0, rest_.find_first_of(".[]()*,:?@'\" "));
    if (name.empty()) refuse("a name is expected behind '.'");
    rest_.remove_prefix(name.size());
    if (rest_.starts_with('(')) refuse("functions such as '" + std::string(name) + "()' are not supported");
    return {.kind = Step::Kind::names, .names = {std::string(name)}};
  }

  Step in_brackets() {
    skip_spaces();
    Step step;
    if (take('*')) {
      skip_spaces();
    } else if (rest_.starts_with('?') || rest_.starts_with('(')) {
      refuse("filter expressions are not supported");
    } else if (rest_.starts_with('\'') || rest_.starts_with('"')) {
      step.kind = Step::Kind::names;
      list([&] { step.names.push_back(quoted()); });
    } else {
      step.kind = Step::Kind::elements;
      list([&] { step.ranges.push_back(range()); });
    }
    if (!take(']')) refuse("']' is expected at '" + std::string(rest_) + "'");
    return step;
  }

  template <typename Item>
  void list(const Item& item) {
    do {
      skip_spaces();
      item();
      skip_spaces();
    } while (take(','));
  }

  std::string quoted() {
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') refuse("a name in quotes is expected");
    rest_.remove_prefix(1);
    std::string name;
    while (!take(quote)) {
      take('\\');
      if (rest_.empty()) refuse("a name's quote does not end");
      name += rest_.front();
      rest_.remove_prefix(1);
    }
    return name;
  }

  std::optional<std::int64_t> number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error == std::errc::result_out_of_range) refuse("an index is out of range");
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  Range range() {
    Range range{.first = number()};
    if (!take(':')) {
      if (!range.first) refuse("an index, a slice, a name in quotes or '*' is expected between '[' and ']'");
      return {range.first, range.first, true};
    }
    range.last = number();
    if (rest_.starts_with(':')) refuse("slices with a step are not supported");
    const bool same_side = range.first && range.last && (*range.first < 0) == (*range.last < 0);
    if (same_side && *range.first > *range.last) refuse("a slice ends before it begins");
    return range;
  }

  std::string_view rest_;
};

std::string quote(const std::string& text) { return "'" + text + "'"; }

// Where the next value goes: behind the bracket or the value before.
std::string& next_in(std::string& found) {
  if (!found.empty() && found != "[") found += ',';
  return found;
}

}  // namespace

JsonPath::JsonPath(std::string_view text) {
  if (text.empty()) return;
  if (text.size() > path_bytes_max) refuse("a path has at most 63 characters");
  steps_ = Parser(text).steps();
  text_ = text;
}

bool JsonPath::selects_of_row() const {
  return steps_.empty() || (steps_.size() == 1 && steps_[0].kind != Step::Kind::names);
}

bool JsonPath::is_definite() const {
  for (const Step& step : steps_) {
    const bool one =
        (step.kind == Step::Kind::names && (step.names.size() == 1 || &step == &steps_.back())) ||
        (step.kind == Step::Kind::elements && step.ranges.size() == 1 && step.ranges[0].is_single);
    if (!one) return false;
  }
  return true;
}

std::pair<std::size_t, std::size_t> JsonPath::within(const Range& range, std::size_t size) const {
  const auto position = [&](std::int64_t index) {
    const std::int64_t place = index < 0 ? index + static_cast<std::int64_t>(size) : index;
    if (place >= 0 && place < static_cast<std::int64_t>(size)) return static_cast<std::size_t>(place);
    throw RecordError("The index " + std::to_string(index) + " of the JSONPath " + quote(text_) +
                      " is not within the dimension size " + std::to_string(size));
  };
  const std::size_t first = range.first ? position(*range.first) : 0;
  const std::size_t end = range.last ? position(*range.last) + 1 : size;
  if (first > end) {
    throw RecordError("A slice of the JSONPath " + quote(text_) + " ends before it begins in an array of " +
                      std::to_string(size) + " elements");
  }
  return {first, end};
}

std::string JsonPath::select(std::string_view document) const {
  // Written behind each other as they are found: of many small values a list would be many times their size.
  std::string found = is_definite() ? "" : "[";
  collect(document, 0, found);
  if (!is_definite()) found += ']';
  return found;
}

void JsonPath::collect(std::string_view value, std::size_t step, std::string& found) const {
  if (step == steps_.size()) {
    return append_compact(next_in(found), value);
  }
  switch (steps_[step].kind) {
    case Step::Kind::names:
      return collect_names(value, step, found);
    case Step::Kind::elements:
      return collect_elements(value, step, found);
    case Step::Kind::all:
      if (!is_object(value) && !is_array(value)) {
        throw RecordError("The '*' of the JSONPath " + quote(text_) +
                          " meets neither an object nor an array");
      }
      for (const std::string_view element : elements_of(value)) collect(element, step + 1, found);
  }
}

void JsonPath::collect_names(std::string_view value, std::size_t step, std::string& found) const {
  const std::vector<std::string>& names = steps_[step].names;
  if (!is_object(value)) {
    throw RecordError("The name " + quote(names.front()) + " of the JSONPath " + quote(text_) +
                      " meets what is not an object");
  }
  const auto members = members_of(value);
  const bool makes_object = names.size() > 1 && step + 1 == steps_.size();
  if (makes_object) next_in(found) += '{';
  bool first = true;
  for (const std::string& name : names) {
    // Of members with the same name the last one holds, as for other readers of JSON.
    const auto member = std::find_if(members.rbegin(), members.rend(),
                                     [&](const auto& each) { return name_of(each.first) == name; });
    if (member == members.rend()) {
      throw RecordError("The record has no member " + quote(name) + ", which the JSONPath " + quote(text_) +
                        " names");
    }
    if (!makes_object) {
      collect(member->second, step + 1, found);
      continue;
    }
    found.append(std::exchange(first, false) ? "" : ",").append(member->first).append(":");
    append_compact(found, member->second);
  }
  if (makes_object) found += '}';
}

void JsonPath::collect_elements(std::string_view value, std::size_t step, std::string& found) const {
  if (!is_array(value)) {
    throw RecordError("An index of the JSONPath " + quote(text_) + " meets what is not an array");
  }
  const auto elements = elements_of(value);
  for (const Range& range : steps_[step].ranges) {
    const auto [first, end] = within(range, elements.size());
    for (std::size_t i = first; i < end; ++i) collect(elements[i], step + 1, found);
  }
}

}  // namespace sagemaker::local::services::transform
