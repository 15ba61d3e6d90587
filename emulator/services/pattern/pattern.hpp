// Regular expressions on PCRE2: the patterns of AWS's service models, metric definitions, log filters.
// Compiled once, matched from any thread; a match limit bounds hostile pairs of expression and text, which
// then simply do not match.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local {

// The expression does not compile; what() gives the reason and the offset, in Python's words or in PCRE2's.
class PatternError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where a search hit: the whole match and the groups, which view into the searched text.
struct PatternMatch {
  std::size_t begin = 0, end = 0;  // bytes
  std::vector<std::optional<std::string_view>>
      groups;  // [0] is the whole match; nullopt: the group took no part
};

// What a search under a budget of time found.
struct PatternHit {
  enum class Kind { found, nothing, gave_up };
  Kind kind = Kind::nothing;
  std::size_t begin = 0, end = 0;         // bytes
  std::optional<std::string_view> group;  // the first, where it took part
};

class Pattern {
 public:
  // java: as java.util.regex reads it, which AWS's models are written for. perl: as PCRE2 does. python: as
  // Python's re does with texts, and what Python refuses is refused; see python_expression.hpp.
  enum class Dialect { java, perl, python };

  explicit Pattern(std::string_view expression, Dialect dialect = Dialect::perl);  // throws PatternError
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  // Whether the expression describes the whole text. Text is UTF-8; bytes that are not match nothing.
  bool matches(std::string_view text) const;
  // The first match at or behind byte `from`.
  std::optional<PatternMatch> search(std::string_view text, std::size_t from = 0) const;
  // The same, given up after about `budget`. Much faster where there are many texts.
  PatternHit search_within(std::string_view text, std::size_t from, std::chrono::nanoseconds budget) const;
  std::size_t groups() const;  // how many the expression has

 private:
  PatternHit search_watched(std::string_view text, std::size_t from,
                            std::chrono::steady_clock::time_point deadline) const;

  struct Code;
  std::unique_ptr<Code> code_;
};

// Java's expression in PCRE2's words: \p{Alnum}, \p{Print}, \uXXXX (surrogate pairs too), what '.' leaves
// out, quantified '$'.
std::string java_to_pcre(std::string_view expression);

}  // namespace sagemaker::local
