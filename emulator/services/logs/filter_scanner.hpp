// What the two kinds of conditions in filter patterns share ({ $.code >= 500 } and [ip, code >= 500]):
// reading a pattern from left to right, comparisons, and how they combine. AND binds closer than OR.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/services/pattern/pattern.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::cloudwatch_logs {

// InvalidParameterException "Invalid filter pattern: ...".
ServiceFault invalid_pattern(const std::string& reason);

// Text that is a number and nothing else.
std::optional<double> number_of(std::string_view text);

// = 5, != "text", >= 4, = 4*, = %^err%.
struct Comparison {
  enum class Operator { equal, not_equal, less, less_equal, greater, greater_equal };
  Operator op = Operator::equal;
  std::string text;
  std::optional<double> number;       // where the text is one and stands without quotes
  std::optional<Pattern> expression;  // %...%

  // `value`: what is compared, where it is a number.
  bool holds(std::string_view shown, std::optional<double> value) const;

 private:
  bool equals(std::string_view shown, std::optional<double> value) const;
};

class FilterScanner {
 public:
  explicit FilterScanner(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  void skip(std::size_t characters) { rest_.remove_prefix(characters); }
  void skip_spaces();
  bool accept(std::string_view token);       // behind spaces
  void expect(std::string_view token);       // accept, or a fault
  bool accept_word(std::string_view upper);  // a word of letters, in any case
  std::string name();                        // letters, digits, '_' and '-'; a fault where there is none
  std::string quoted(char mark);             // what follows an opening mark, up to the closing one
  // An operator and what it compares with, which ends before any of `ends` unless it is quoted.
  Comparison comparison(std::string_view ends);
  void expect_end();

 private:
  std::string_view rest_;
};

template <typename Subject>
using Condition = std::function<bool(const Subject& subject)>;

// a && b || (c || d) && e, where `single(scanner)` reads one condition.
template <typename Subject, typename Single>
Condition<Subject> read_conditions(FilterScanner& scanner, const Single& single, int depth = 0) {
  constexpr int depth_max = 32;
  if (depth > depth_max) throw invalid_pattern("too many parentheses");
  std::vector<std::vector<Condition<Subject>>> alternatives;
  do {
    std::vector<Condition<Subject>> together;
    do {
      if (scanner.accept("(")) {
        together.push_back(read_conditions<Subject>(scanner, single, depth + 1));
        scanner.expect(")");
      } else {
        together.push_back(single(scanner));
      }
    } while (scanner.accept("&&"));
    alternatives.push_back(std::move(together));
  } while (scanner.accept("||"));
  return [alternatives = std::move(alternatives)](const Subject& subject) {
    for (const auto& together : alternatives) {
      bool all = true;
      for (const auto& condition : together) all = all && condition(subject);
      if (all) return true;
    }
    return false;
  };
}

}  // namespace sagemaker::local::services::cloudwatch_logs
