#include "emulator/services/pattern/python_source.hpp"

#include <utility>

#include "emulator/services/pattern/pattern.hpp"
#include "emulator/services/pattern/python_sets.hpp"

namespace sagemaker::local::python {
namespace {

// Of text that is UTF-8 already checked by nobody: a stray byte is an error here.
std::u32string decode(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || at + length > text.size())
      throw PatternError("the regular expression is not UTF-8");
    char32_t code = length == 1 ? lead : lead & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if ((byte & 0xC0) != 0x80) throw PatternError("the regular expression is not UTF-8");
      code = code << 6 | (byte & 0x3F);
    }
    out += code;
    at += length;
  }
  return out;
}

}  // namespace

Source::Source(std::string_view expression) : text_(decode(expression)) { advance(); }

void Source::advance() {
  next_.clear();
  if (index_ >= text_.size()) return;
  next_ += text_[index_++];
  if (next_[0] != '\\') return;
  if (index_ >= text_.size()) fail_at("bad escape (end of pattern)", text_.size() - 1);
  next_ += text_[index_++];
}

std::u32string Source::take() {
  std::u32string taken = next_;
  advance();
  return taken;
}

bool Source::match(char32_t c) {
  if (!next_is(c)) return false;
  advance();
  return true;
}

std::u32string Source::take_while(std::size_t max, std::u32string_view characters) {
  std::u32string taken;
  while (taken.size() < max && next_.size() == 1 && characters.find(next_[0]) != characters.npos) {
    taken += next_;
    advance();
  }
  return taken;
}

std::u32string Source::take_until(char32_t terminator, const std::string& what) {
  std::u32string taken;
  while (true) {
    const std::u32string token = take();
    if (token.empty()) {
      if (taken.empty()) fail("missing " + what);
      fail("missing " + python::utf8(terminator) + ", unterminated name", taken.size());
    }
    if (token.size() == 1 && token[0] == terminator) {
      if (taken.empty()) fail("missing " + what, 1);
      return taken;
    }
    taken += token;
  }
}

void Source::seek(std::size_t position) {
  index_ = position;
  advance();
}

void Source::fail(const std::string& message, std::size_t back) const { fail_at(message, position() - back); }

void Source::fail_at(const std::string& message, std::size_t position) const {
  std::size_t line = 1, line_start = 0;
  for (std::size_t i = 0; i < text_.size() && i < position; ++i) {
    if (text_[i] != '\n') continue;
    ++line;
    line_start = i + 1;
  }
  std::string text = message + " at position " + std::to_string(position);
  if (text_.find('\n') != text_.npos)
    text += " (line " + std::to_string(line) + ", column " + std::to_string(position - line_start + 1) + ")";
  throw PatternError(text);
}

std::string utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t code : text) out += utf8(code);
  return out;
}

std::string quoted(std::u32string_view text) {
  const bool single = text.find('\'') == text.npos || text.find('"') != text.npos;
  std::string out(1, single ? '\'' : '"');
  for (const char32_t code : text) {
    if (code == '\\' || (code == '\'' && single)) out += '\\';
    out += utf8(code);
  }
  return out += single ? '\'' : '"';
}

}  // namespace sagemaker::local::python
