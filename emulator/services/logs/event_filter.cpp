#include "emulator/services/logs/event_filter.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "emulator/services/logs/service.hpp"
#include "emulator/services/pattern/pattern.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

// A piece of text that an event contains, or an expression that it matches.
struct Term {
  std::string text;
  std::optional<Pattern> expression;

  bool found_in(std::string_view message) const {
    return expression ? expression->search(message).has_value()
                      : message.find(text) != std::string_view::npos;
  }
};

class TermFilter final : public EventFilter {
 public:
  bool matches(std::string_view message) const override {
    const auto found = [&](const Term& term) { return term.found_in(message); };
    if (std::any_of(excluded.begin(), excluded.end(), found)) return false;
    // Beside terms that are required AWS ignores optional ones.
    if (!required.empty()) return std::all_of(required.begin(), required.end(), found);
    return optional.empty() || std::any_of(optional.begin(), optional.end(), found);
  }

  std::vector<Term> required, optional, excluded;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_bare(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class TermParser {
 public:
  explicit TermParser(std::string_view text) : rest_(text) {}

  std::unique_ptr<const EventFilter> parse() {
    auto filter = std::make_unique<TermFilter>();
    for (skip_spaces(); !rest_.empty(); skip_spaces()) {
      std::vector<Term>* kind = &filter->required;
      if (rest_.front() == '?' || rest_.front() == '-') {
        kind = rest_.front() == '?' ? &filter->optional : &filter->excluded;
        rest_.remove_prefix(1);
      }
      kind->push_back(term());
    }
    return filter;
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  Term term() {
    if (rest_.empty() || is_space(rest_.front()))
      throw invalid_parameter("Invalid filter pattern: a term is missing");
    if (rest_.front() == '"') return phrase();
    if (rest_.front() == '%') return expression();
    const auto end = std::find_if(rest_.begin(), rest_.end(), is_space);
    const std::string text(rest_.begin(), end);
    const auto bad = std::find_if_not(text.begin(), text.end(), is_bare);
    if (bad != text.end()) {
      const std::string characters(bad, std::find_if(bad, text.end(), is_bare));
      throw invalid_parameter("Invalid character(s) in term '" + characters + "'");
    }
    rest_.remove_prefix(text.size());
    return {text, std::nullopt};
  }

  Term phrase() {
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return {text, std::nullopt};
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      text += rest_[i];
    }
    throw invalid_parameter("Invalid filter pattern: a quotation mark is not closed");
  }

  Term expression() {
    const std::size_t end = rest_.find('%', 1);
    if (end == std::string_view::npos) throw invalid_parameter("Invalid filter pattern: '%' is not closed");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    try {
      return {std::string(text), Pattern(text)};
    } catch (const PatternError& error) {
      throw invalid_parameter(std::string("Invalid filter pattern: ") + error.what());
    }
  }

  std::string_view rest_;
};

}  // namespace

std::unique_ptr<const EventFilter> parse_filter(std::string_view pattern) {
  const std::size_t first = pattern.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && pattern[first] == '{')
    return parse_json_filter(pattern.substr(first));
  if (first != std::string_view::npos && pattern[first] == '[')
    return parse_space_filter(pattern.substr(first));
  return TermParser(pattern).parse();
}

}  // namespace sagemaker::local::services::cloudwatch_logs
