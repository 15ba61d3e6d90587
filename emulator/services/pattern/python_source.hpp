// The text of a Python regular expression, token by token: a character, or a backslash with the one behind
// it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sagemaker::local::python {

class Source {
 public:
  explicit Source(std::string_view expression);  // UTF-8; throws PatternError where it is not

  // The token that is next; empty at the end.
  const std::u32string& next() const { return next_; }
  bool next_is(char32_t c) const { return next_.size() == 1 && next_[0] == c; }
  bool at_end() const { return next_.empty(); }
  std::u32string take();
  bool match(char32_t c);  // takes it where it is next
  // Up to `max` tokens, while each is one character of `characters`.
  std::u32string take_while(std::size_t max, std::u32string_view characters);
  // The text up to `terminator`, which is taken too; `what` names the text in errors.
  std::u32string take_until(char32_t terminator, const std::string& what);

  std::size_t position() const { return index_ - next_.size(); }
  void seek(std::size_t position);
  // Throws PatternError in Python's words: "MESSAGE at position N", `back` characters before the next token.
  [[noreturn]] void fail(const std::string& message, std::size_t back = 0) const;
  [[noreturn]] void fail_at(const std::string& message, std::size_t position) const;

 private:
  void advance();

  std::u32string text_;
  std::size_t index_ = 0;  // behind the next token
  std::u32string next_;
};

std::string utf8(std::u32string_view text);
// As Python's repr() writes a name.
std::string quoted(std::u32string_view text);

}  // namespace sagemaker::local::python
