// Conditions on events that are JSON objects: { ($.level = "error" || $.code >= 500) && $.user IS NULL }.
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/logs/filter_scanner.hpp"
#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr int event_depth_max = 64;

// $.name, .['a name'], [3], [*]: names and positions from the outside in.
struct Selector {
  struct Step {
    std::string name;                  // of a member; empty: an element
    std::optional<std::size_t> index;  // nullopt with an empty name: any element
  };
  std::vector<Step> steps;

  // Hands every value that the selector names to `visit` until one call says true.
  template <typename Visit>
  bool any(const json& value, const Visit& visit, std::size_t depth = 0) const {
    if (depth == steps.size()) return visit(value);
    const Step& step = steps[depth];
    if (!step.name.empty()) {
      const auto found = value.is_object() ? value.find(step.name) : value.end();
      return found != value.end() && any(*found, visit, depth + 1);
    }
    if (!value.is_array()) return false;
    if (step.index) return *step.index < value.size() && any(value[*step.index], visit, depth + 1);
    for (const json& element : value)
      if (any(element, visit, depth + 1)) return true;
    return false;
  }
};

Selector::Step read_element(FilterScanner& scanner) {
  Selector::Step step;
  scanner.skip_spaces();
  if (scanner.rest().starts_with('\'') || scanner.rest().starts_with('"')) {
    const char mark = scanner.rest().front();
    scanner.skip(1);
    step.name = scanner.quoted(mark);
    if (step.name.empty()) throw invalid_pattern("a name is missing");
  } else if (!scanner.accept("*")) {
    std::size_t index = 0;
    const std::string_view text = scanner.rest();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc()) throw invalid_pattern("an index is a number or *");
    scanner.skip(static_cast<std::size_t>(end - text.data()));
    step.index = index;
  }
  scanner.expect("]");
  return step;
}

Selector read_selector(FilterScanner& scanner) {
  scanner.expect("$");
  Selector selector;
  for (;;) {
    if (scanner.rest().starts_with(".[") || scanner.rest().starts_with("[")) {
      scanner.skip(scanner.rest().front() == '.' ? 2 : 1);
      selector.steps.push_back(read_element(scanner));
    } else if (scanner.rest().starts_with(".")) {
      scanner.skip(1);
      selector.steps.push_back({scanner.name(), std::nullopt});
    } else if (selector.steps.empty()) {
      throw invalid_pattern("a selector is $.name or $[0]");
    } else {
      return selector;
    }
  }
}

enum class Kind { is_true, is_false, is_null, exists, not_exists };

std::optional<Kind> read_kind(FilterScanner& scanner) {
  if (scanner.accept_word("IS")) {
    if (scanner.accept_word("TRUE")) return Kind::is_true;
    if (scanner.accept_word("FALSE")) return Kind::is_false;
    if (scanner.accept_word("NULL")) return Kind::is_null;
    throw invalid_pattern("IS is followed by TRUE, FALSE or NULL");
  }
  if (scanner.accept_word("NOT")) {
    if (!scanner.accept_word("EXISTS")) throw invalid_pattern("NOT is followed by EXISTS");
    return Kind::not_exists;
  }
  if (scanner.accept_word("EXISTS")) return Kind::exists;
  return std::nullopt;
}

bool is_of_kind(const json& value, Kind kind) {
  switch (kind) {
    case Kind::is_true:
      return value == true;
    case Kind::is_false:
      return value == false;
    case Kind::is_null:
      return value.is_null();
    default:
      return true;
  }
}

bool holds(const Comparison& comparison, const json& value) {
  if (value.is_structured()) return false;
  const std::string shown = value.is_string() ? value.get<std::string>() : aws::dump_json(value);
  return comparison.holds(shown, value.is_number() ? std::optional(value.get<double>()) : std::nullopt);
}

Condition<json> read_condition(FilterScanner& scanner) {
  Selector selector = read_selector(scanner);
  if (const auto kind = read_kind(scanner)) {
    return [selector = std::move(selector), kind = *kind](const json& event) {
      const bool found = selector.any(event, [&](const json& value) { return is_of_kind(value, kind); });
      return kind == Kind::not_exists ? !found : found;
    };
  }
  const auto comparison = std::make_shared<const Comparison>(scanner.comparison(" \t\r\n&|(){}\""));
  return [selector = std::move(selector), comparison](const json& event) {
    return selector.any(event, [&](const json& value) { return holds(*comparison, value); });
  };
}

class JsonFilter final : public EventFilter {
 public:
  explicit JsonFilter(Condition<json> condition) : condition_(std::move(condition)) {}

  bool matches(std::string_view message) const override {
    const std::size_t first = message.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || (message[first] != '{' && message[first] != '[')) return false;
    try {
      return condition_(aws::parse_json(message, event_depth_max));
    } catch (const aws::JsonError&) {
      return false;  // a line that only looks like JSON
    }
  }

 private:
  Condition<json> condition_;
};

}  // namespace

std::unique_ptr<const EventFilter> parse_json_filter(std::string_view pattern) {
  FilterScanner scanner(pattern);
  scanner.expect("{");
  Condition<json> condition = read_conditions<json>(scanner, read_condition);
  scanner.expect("}");
  scanner.expect_end();
  return std::make_unique<JsonFilter>(std::move(condition));
}

}  // namespace sagemaker::local::services::cloudwatch_logs
