// Conditions on events that are JSON objects: { ($.level = "error" || $.code >= 500) && $.user IS NULL }.
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/logs/service.hpp"
#include "emulator/services/pattern/pattern.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr int event_depth_max = 64, pattern_depth_max = 32;

ServiceFault invalid_pattern(const std::string& reason) {
  return invalid_parameter("Invalid filter pattern: " + reason);
}

struct Condition {
  virtual ~Condition() = default;
  virtual bool holds(const json& event) const = 0;
};
using ConditionPointer = std::unique_ptr<const Condition>;

struct AnyOf final : Condition {
  std::vector<ConditionPointer> conditions;
  bool holds(const json& event) const override {
    for (const auto& condition : conditions)
      if (condition->holds(event)) return true;
    return false;
  }
};

struct AllOf final : Condition {
  std::vector<ConditionPointer> conditions;
  bool holds(const json& event) const override {
    for (const auto& condition : conditions)
      if (!condition->holds(event)) return false;
    return true;
  }
};

// $.name, [3], [*]: names and positions from the outside in.
struct Selector {
  struct Step {
    std::string name;                  // of a member; empty: an element
    std::optional<std::size_t> index;  // nullopt with an empty name: any element
  };
  std::vector<Step> steps;

  // Hands every value that the selector names to `visit` until one call says true.
  template <typename Visit>
  bool any(const json& value, Visit&& visit, std::size_t depth = 0) const {
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

struct TypeCondition final : Condition {
  enum class Test { is_true, is_false, is_null, exists, not_exists };
  Selector selector;
  Test test = Test::exists;

  bool holds(const json& event) const override {
    const bool found = selector.any(event, [&](const json& value) {
      switch (test) {
        case Test::is_true:
          return value == true;
        case Test::is_false:
          return value == false;
        case Test::is_null:
          return value.is_null();
        default:
          return true;
      }
    });
    return test == Test::not_exists ? !found : found;
  }
};

// "*" stands for any text.
bool wildcard_match(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (;;) {
    const std::size_t next = pattern.find('*');
    const std::string_view piece = pattern.substr(0, next);
    if (next == std::string_view::npos) return text.ends_with(piece);
    const std::size_t at = text.find(piece);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.size());
    pattern.remove_prefix(next + 1);
  }
}

struct Comparison final : Condition {
  enum class Operator { equal, not_equal, less, less_equal, greater, greater_equal };
  Selector selector;
  Operator op = Operator::equal;
  std::string text;
  std::optional<double> number;       // where the text is one and stands without quotes
  std::optional<Pattern> expression;  // %...%

  bool holds(const json& event) const override {
    return selector.any(event, [&](const json& value) { return holds_for(value); });
  }

  bool holds_for(const json& value) const {
    if (value.is_structured()) return false;
    if (op == Operator::equal) return equals(value);
    if (op == Operator::not_equal) return !equals(value);
    if (!value.is_number() || !number) return false;
    const double given = value.get<double>();
    switch (op) {
      case Operator::less:
        return given < *number;
      case Operator::less_equal:
        return given <= *number;
      case Operator::greater:
        return given > *number;
      default:
        return given >= *number;
    }
  }

  bool equals(const json& value) const {
    const std::string shown = value.is_string() ? value.get<std::string>() : aws::dump_json(value);
    if (expression) return expression->search(shown).has_value();
    if (value.is_number() && number) return value.get<double>() == *number;
    return wildcard_match(text, shown);
  }
};

class JsonPatternParser {
 public:
  explicit JsonPatternParser(std::string_view text) : rest_(text) {}

  ConditionPointer parse() {
    expect("{");
    ConditionPointer condition = any_of(0);
    expect("}");
    skip_spaces();
    if (!rest_.empty()) throw invalid_pattern("text behind '}'");
    return condition;
  }

 private:
  void skip_spaces() {
    const std::size_t first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
  }
  bool accept(std::string_view token) {
    skip_spaces();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token))
      throw invalid_pattern("'" + std::string(token) + "' expected before '" + std::string(rest_) + "'");
  }
  // A word of letters, in any case.
  bool accept_word(std::string_view word) {
    skip_spaces();
    if (rest_.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (std::toupper(static_cast<unsigned char>(rest_[i])) != word[i]) return false;
    }
    if (rest_.size() > word.size() && std::isalnum(static_cast<unsigned char>(rest_[word.size()])))
      return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  ConditionPointer any_of(int depth) {
    auto list = std::make_unique<AnyOf>();
    do {
      list->conditions.push_back(all_of(depth));
    } while (accept("||"));
    return list;
  }

  ConditionPointer all_of(int depth) {
    auto list = std::make_unique<AllOf>();
    do {
      list->conditions.push_back(single(depth));
    } while (accept("&&"));
    return list;
  }

  ConditionPointer single(int depth) {
    if (accept("(")) {
      if (depth == pattern_depth_max) throw invalid_pattern("too many parentheses");
      ConditionPointer condition = any_of(depth + 1);
      expect(")");
      return condition;
    }
    Selector selected = selector();
    if (auto test = type_test()) {
      auto condition = std::make_unique<TypeCondition>();
      condition->selector = std::move(selected);
      condition->test = *test;
      return condition;
    }
    return comparison(std::move(selected));
  }

  std::optional<TypeCondition::Test> type_test() {
    using Test = TypeCondition::Test;
    if (accept_word("IS")) {
      if (accept_word("TRUE")) return Test::is_true;
      if (accept_word("FALSE")) return Test::is_false;
      if (accept_word("NULL")) return Test::is_null;
      throw invalid_pattern("IS is followed by TRUE, FALSE or NULL");
    }
    if (accept_word("NOT")) {
      if (!accept_word("EXISTS")) throw invalid_pattern("NOT is followed by EXISTS");
      return Test::not_exists;
    }
    if (accept_word("EXISTS")) return Test::exists;
    return std::nullopt;
  }

  Selector selector() {
    expect("$");
    Selector selected;
    for (;;) {
      if (rest_.starts_with(".")) {
        rest_.remove_prefix(1);
        selected.steps.push_back({member_name(), std::nullopt});
      } else if (rest_.starts_with("[")) {
        rest_.remove_prefix(1);
        selected.steps.push_back(element());
      } else if (selected.steps.empty()) {
        throw invalid_pattern("a selector is $.name or $[0]");
      } else {
        return selected;
      }
    }
  }

  std::string member_name() {
    std::size_t length = 0;
    while (length < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[length])) ||
                                     rest_[length] == '_' || rest_[length] == '-')) {
      ++length;
    }
    if (length == 0)
      throw invalid_parameter("Invalid character(s) in term '" + std::string(rest_.substr(0, 1)) + "'");
    std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return name;
  }

  Selector::Step element() {
    Selector::Step step;
    if (accept("*")) {
      expect("]");
      return step;
    }
    skip_spaces();
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), index);
    if (error != std::errc()) throw invalid_pattern("an index is a number or *");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    step.index = index;
    expect("]");
    return step;
  }

  ConditionPointer comparison(Selector selected) {
    using Operator = Comparison::Operator;
    constexpr std::pair<std::string_view, Operator> operators[] = {
        {"!=", Operator::not_equal}, {"<=", Operator::less_equal}, {">=", Operator::greater_equal},
        {"=", Operator::equal},      {"<", Operator::less},        {">", Operator::greater}};
    for (const auto& [token, op] : operators) {
      if (!accept(token)) continue;
      auto condition = std::make_unique<Comparison>();
      condition->selector = std::move(selected);
      condition->op = op;
      read_operand(*condition);
      return condition;
    }
    throw invalid_pattern("a comparison expected before '" + std::string(rest_) + "'");
  }

  void read_operand(Comparison& comparison) {
    skip_spaces();
    if (accept("\"")) {
      comparison.text = quoted();
    } else if (accept("%")) {
      const std::size_t end = rest_.find('%');
      if (end == std::string_view::npos) throw invalid_pattern("'%' is not closed");
      try {
        comparison.expression.emplace(rest_.substr(0, end));
      } catch (const PatternError& error) {
        throw invalid_pattern(error.what());
      }
      rest_.remove_prefix(end + 1);
    } else {
      const std::size_t end = rest_.find_first_of(" \t\r\n&|(){}\"");
      comparison.text = rest_.substr(0, end);
      if (comparison.text.empty()) throw invalid_pattern("a value is missing");
      rest_.remove_prefix(comparison.text.size());
      double number = 0;
      const char* last = comparison.text.data() + comparison.text.size();
      const auto [parsed, error] = std::from_chars(comparison.text.data(), last, number);
      if (error == std::errc() && parsed == last) comparison.number = number;
    }
  }

  std::string quoted() {
    std::string text;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return text;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      text += rest_[i];
    }
    throw invalid_pattern("a quotation mark is not closed");
  }

  std::string_view rest_;
};

class JsonFilter final : public EventFilter {
 public:
  explicit JsonFilter(ConditionPointer condition) : condition_(std::move(condition)) {}

  bool matches(std::string_view message) const override {
    const std::size_t first = message.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || (message[first] != '{' && message[first] != '[')) return false;
    try {
      return condition_->holds(aws::parse_json(message, event_depth_max));
    } catch (const aws::JsonError&) {
      return false;  // a line that only looks like JSON
    }
  }

 private:
  ConditionPointer condition_;
};

}  // namespace

std::unique_ptr<const EventFilter> parse_json_filter(std::string_view pattern) {
  return std::make_unique<JsonFilter>(JsonPatternParser(pattern).parse());
}

}  // namespace sagemaker::local::services::cloudwatch_logs
