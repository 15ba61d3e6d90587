#include "emulator/services/metrics/expression.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace sagemaker::local::services::cloudwatch_metrics {

// One operator, function, number or reference; its operands are evaluated first.
struct Expression::Node {
  using Apply = std::function<MathValue(const MathScope& scope, std::vector<MathValue>& operands)>;
  Apply apply;
  std::vector<std::unique_ptr<const Node>> operands;

  MathValue evaluate(const MathScope& scope) const {
    constexpr int depth_max = 1'000;
    if (scope.depth >= depth_max) throw validation_error("Error in expression: it is nested too deeply");
    ++scope.depth;
    std::vector<MathValue> values;
    values.reserve(operands.size());
    for (const auto& operand : operands) values.push_back(operand->evaluate(scope));
    MathValue result = apply(scope, values);
    for (const Series& series : result.series) scope.charge(series.size());
    --scope.depth;
    return result;
  }
};

namespace {

using NodePointer = std::unique_ptr<const Expression::Node>;
using BinaryOperation = double (*)(double, double);

struct Operator {
  std::string_view token;
  BinaryOperation operation;
};

// From the loosest to the tightest; within a level the longer token first.
const std::vector<std::vector<Operator>>& levels() {
  static const std::vector<std::vector<Operator>> all{
      {{"||", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
       {"OR", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }}},
      {{"&&", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
       {"AND", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }}},
      {{"==", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
       {"!=", [](double a, double b) { return a != b ? 1.0 : 0.0; }},
       {"<=", [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
       {">=", [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
       {"<", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
       {">", [](double a, double b) { return a > b ? 1.0 : 0.0; }}},
      {{"+", [](double a, double b) { return a + b; }}, {"-", [](double a, double b) { return a - b; }}},
      {{"*", [](double a, double b) { return a * b; }}, {"/", [](double a, double b) { return a / b; }}}};
  return all;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

ServiceFault syntax_error(const std::string& reason) {
  return validation_error("Error in expression: " + reason);
}

class MathParser {
 public:
  explicit MathParser(std::string_view text) : rest_(text) {}

  NodePointer parse() {
    NodePointer root = binary(0);
    skip_spaces();
    if (!rest_.empty()) throw syntax_error("unexpected '" + std::string(rest_) + "'");
    return root;
  }

 private:
  // Parentheses, calls and signs inside each other: what reads and evaluates them is recursive.
  struct Depth {
    explicit Depth(int& depth) : depth_(depth) {
      constexpr int depth_max = 64;
      if (++depth_ > depth_max) throw syntax_error("it is nested too deeply");
    }
    ~Depth() { --depth_; }
    int& depth_;
  };

  void skip_spaces() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front()))) rest_.remove_prefix(1);
  }
  bool accept(std::string_view token) {
    skip_spaces();
    if (!rest_.starts_with(token)) return false;
    if (is_word(token.back()) && rest_.size() > token.size() && is_word(rest_[token.size()])) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token))
      throw syntax_error("'" + std::string(token) + "' expected before '" + std::string(rest_) + "'");
  }

  static NodePointer node(Expression::Node::Apply apply, std::vector<NodePointer> operands) {
    auto made = std::make_unique<Expression::Node>();
    made->apply = std::move(apply);
    made->operands = std::move(operands);
    return made;
  }

  static NodePointer binary_node(BinaryOperation operation, NodePointer left, NodePointer right) {
    std::vector<NodePointer> operands;
    operands.push_back(std::move(left));
    operands.push_back(std::move(right));
    return node(
        [operation](const MathScope&, std::vector<MathValue>& values) {
          return combine(values[0], values[1], operation);
        },
        std::move(operands));
  }

  NodePointer binary(std::size_t level) {
    if (level == levels().size()) return sign();
    NodePointer left = binary(level + 1);
    for (;;) {
      const auto& operators = levels()[level];
      const auto found = std::find_if(operators.begin(), operators.end(),
                                      [&](const Operator& candidate) { return accept(candidate.token); });
      if (found == operators.end()) return left;
      // A long row of operators on one level is a deep tree as well.
      if (++operators_ > operators_max)
        throw syntax_error("it has more than " + std::to_string(operators_max) + " operators");
      left = binary_node(found->operation, std::move(left), binary(level + 1));
    }
  }

  NodePointer sign() {
    const Depth depth(depth_);
    if (accept("-")) {
      std::vector<NodePointer> operands;
      operands.push_back(sign());
      return node(
          [](const MathScope&, std::vector<MathValue>& values) {
            return transform(std::move(values[0]), [](double x) { return -x; });
          },
          std::move(operands));
    }
    NodePointer base = primary();
    if (!accept("^")) return base;
    return binary_node([](double a, double b) { return std::pow(a, b); }, std::move(base), sign());
  }

  NodePointer primary() {
    const Depth depth(depth_);
    skip_spaces();
    if (accept("(")) {
      NodePointer inner = binary(0);
      expect(")");
      return inner;
    }
    if (accept("["))
      return list("]", [](const MathScope&, std::vector<MathValue>& values) {
        MathValue all{MathValue::Kind::list, 0, {}, values.empty() ? 60 : values[0].period_s};
        for (MathValue& value : values) {
          if (value.kind == MathValue::Kind::number)
            throw validation_error("Error in expression: a list holds time series, not numbers");
          std::move(value.series.begin(), value.series.end(), std::back_inserter(all.series));
        }
        return all;
      });
    if (rest_.empty()) throw syntax_error("it ends where a value is expected");
    if (std::isdigit(static_cast<unsigned char>(rest_.front())) || rest_.front() == '.') return number();
    if (std::isalpha(static_cast<unsigned char>(rest_.front()))) return name();
    throw syntax_error("unexpected '" + std::string(rest_) + "'");
  }

  NodePointer number() {
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) throw syntax_error("'" + std::string(rest_) + "' is no number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return node([value](const MathScope&, std::vector<MathValue>&) { return MathValue::of(value); }, {});
  }

  NodePointer name() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_word);
    const std::string word(rest_.begin(), end);
    rest_.remove_prefix(word.size());
    if (word == "METRICS") return metrics();
    if (accept("(")) return call(word);
    if (word == "LINEAR" || word == "REPEAT")  // how FILL fills; NaN and infinity are no values of metrics
      return node(
          [linear = word == "LINEAR"](const MathScope&, std::vector<MathValue>&) {
            return MathValue::of(linear ? std::nan("") : HUGE_VAL);
          },
          {});
    return node([word](const MathScope& scope, std::vector<MathValue>&) { return scope.find(word); }, {});
  }

  NodePointer metrics() {
    std::string part;
    expect("(");
    if (!accept(")")) {
      skip_spaces();
      const char mark = rest_.empty() ? ' ' : rest_.front();
      const std::size_t end = mark == '"' || mark == '\'' ? rest_.find(mark, 1) : std::string_view::npos;
      if (end == std::string_view::npos) throw syntax_error("METRICS takes a text in quotation marks");
      part = rest_.substr(1, end - 1);
      rest_.remove_prefix(end + 1);
      expect(")");
    }
    return node([part](const MathScope& scope, std::vector<MathValue>&) { return scope.metrics(part); }, {});
  }

  NodePointer call(const std::string& word) {
    const MathFunction* function = find_math_function(word);
    if (!function)
      throw validation_error("Error in expression: the function " + word +
                             " is not implemented by sagemaker-local.");
    auto made = list(")", function->apply);
    if (made->operands.size() < function->arguments_min || made->operands.size() > function->arguments_max)
      throw syntax_error("the function " + word + " was given " + std::to_string(made->operands.size()) +
                         " arguments");
    return made;
  }

  NodePointer list(std::string_view end, Expression::Node::Apply apply) {
    std::vector<NodePointer> operands;
    if (!accept(end)) {
      do {
        operands.push_back(binary(0));
      } while (accept(","));
      expect(end);
    }
    return node(std::move(apply), std::move(operands));
  }

  static constexpr int operators_max = 500;
  std::string_view rest_;
  int depth_ = 0, operators_ = 0;
};

}  // namespace

void MathScope::charge(std::size_t points) const {
  if (points > points_left)
    throw validation_error("Error in expression: it covers more datapoints than one request may");
  points_left -= points;
}

Expression::Expression(std::string_view text) : root_(MathParser(text).parse()) {}
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;

MathValue Expression::evaluate(const MathScope& scope) const { return root_->evaluate(scope); }

}  // namespace sagemaker::local::services::cloudwatch_metrics
