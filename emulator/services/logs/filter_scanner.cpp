#include "emulator/services/logs/filter_scanner.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

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

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; }

}  // namespace

ServiceFault invalid_pattern(const std::string& reason) {
  return invalid_parameter("Invalid filter pattern: " + reason);
}

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool Comparison::equals(std::string_view shown, std::optional<double> value) const {
  if (expression) return expression->search(shown).has_value();
  if (value && number) return *value == *number;
  return wildcard_match(text, shown);
}

bool Comparison::holds(std::string_view shown, std::optional<double> value) const {
  if (op == Operator::equal) return equals(shown, value);
  if (op == Operator::not_equal) return !equals(shown, value);
  if (!value || !number) return false;
  switch (op) {
    case Operator::less:
      return *value < *number;
    case Operator::less_equal:
      return *value <= *number;
    case Operator::greater:
      return *value > *number;
    default:
      return *value >= *number;
  }
}

void FilterScanner::skip_spaces() {
  const std::size_t first = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
}

bool FilterScanner::accept(std::string_view token) {
  skip_spaces();
  if (!rest_.starts_with(token)) return false;
  rest_.remove_prefix(token.size());
  return true;
}

void FilterScanner::expect(std::string_view token) {
  if (!accept(token))
    throw invalid_pattern("'" + std::string(token) + "' expected before '" + std::string(rest_) + "'");
}

void FilterScanner::expect_end() {
  skip_spaces();
  if (!rest_.empty()) throw invalid_pattern("nothing expected before '" + std::string(rest_) + "'");
}

bool FilterScanner::accept_word(std::string_view upper) {
  skip_spaces();
  if (rest_.size() < upper.size()) return false;
  for (std::size_t i = 0; i < upper.size(); ++i)
    if (std::toupper(static_cast<unsigned char>(rest_[i])) != upper[i]) return false;
  if (rest_.size() > upper.size() && std::isalnum(static_cast<unsigned char>(rest_[upper.size()])))
    return false;
  rest_.remove_prefix(upper.size());
  return true;
}

std::string FilterScanner::name() {
  const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name_character);
  std::string found(rest_.begin(), end);
  if (found.empty())
    throw invalid_parameter("Invalid character(s) in term '" + std::string(rest_.substr(0, 1)) + "'");
  rest_.remove_prefix(found.size());
  return found;
}

std::string FilterScanner::quoted(char mark) {
  std::string text;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == mark) {
      rest_.remove_prefix(i + 1);
      return text;
    }
    if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
    text += rest_[i];
  }
  throw invalid_pattern("a quotation mark is not closed");
}

Comparison FilterScanner::comparison(std::string_view ends) {
  using Operator = Comparison::Operator;
  constexpr std::pair<std::string_view, Operator> operators[] = {
      {"!=", Operator::not_equal}, {"<=", Operator::less_equal}, {">=", Operator::greater_equal},
      {"=", Operator::equal},      {"<", Operator::less},        {">", Operator::greater}};
  const auto found = std::find_if(std::begin(operators), std::end(operators),
                                  [&](const auto& candidate) { return accept(candidate.first); });
  if (found == std::end(operators))
    throw invalid_pattern("a comparison expected before '" + std::string(rest_) + "'");
  Comparison result;
  result.op = found->second;
  if (accept("\"")) {
    result.text = quoted('"');
  } else if (accept("%")) {
    const std::size_t end = rest_.find('%');
    if (end == std::string_view::npos) throw invalid_pattern("'%' is not closed");
    try {
      result.expression.emplace(rest_.substr(0, end));
    } catch (const PatternError& error) {
      throw invalid_pattern(error.what());
    }
    rest_.remove_prefix(end + 1);
  } else {
    result.text = rest_.substr(0, rest_.find_first_of(ends));
    if (result.text.empty()) throw invalid_pattern("a value is missing");
    rest_.remove_prefix(result.text.size());
    result.number = number_of(result.text);
  }
  return result;
}

}  // namespace sagemaker::local::services::cloudwatch_logs
