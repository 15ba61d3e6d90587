#include "emulator/services/pattern/python_sets.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace sagemaker::local::python {
namespace {

constexpr char32_t last_code = 0x10FFFF, first_surrogate = 0xD800, last_surrogate = 0xDFFF;
constexpr const char* nothing = "(?!)";

bool is_ascii_letter(char32_t code) { return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'); }
bool is_ascii_alnum(char32_t code) { return is_ascii_letter(code) || (code >= '0' && code <= '9'); }
char32_t other_case(char32_t letter) { return letter ^ 0x20; }

std::string hex(char32_t code) {
  std::array<char, 8> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::uint32_t>(code), 16).ptr;
  return "\\x{" + std::string(digits.data(), end) + "}";
}

// The same inside and outside [...].
std::string spelled(char32_t code) {
  return is_ascii_alnum(code) ? std::string(1, static_cast<char>(code)) : hex(code);
}

void add_range(std::string& out, char32_t low, char32_t high) {
  if (low > high) return;
  out += spelled(low);
  if (low != high) out.append("-").append(spelled(high));
}

// Texts have no surrogates, and PCRE2 compiles none.
void add_range_of_text(std::string& out, Range range) {
  add_range(out, range.low, std::min(range.high, char32_t{first_surrogate - 1}));
  add_range(out, std::max(range.low, char32_t{last_surrogate + 1}), range.high);
}

constexpr std::array<Range, 11> white_space = {{{0x09, 0x0D},
                                                {0x1C, 0x20},
                                                {0x85, 0x85},
                                                {0xA0, 0xA0},
                                                {0x1680, 0x1680},
                                                {0x2000, 0x200A},
                                                {0x2028, 0x2029},
                                                {0x202F, 0x202F},
                                                {0x205F, 0x205F},
                                                {0x3000, 0x3000},
                                                {last_code + 1, last_code + 1}}};
constexpr std::array<Range, 3> ascii_white_space = {
    {{0x09, 0x0D}, {0x20, 0x20}, {last_code + 1, last_code + 1}}};
constexpr std::array<Range, 2> ascii_digits = {{{'0', '9'}, {last_code + 1, last_code + 1}}};
constexpr std::array<Range, 5> ascii_word = {
    {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {last_code + 1, last_code + 1}}};

// The ranges of a sorted table that ends in one behind the last code point, or what they leave out.
template <typename Table>
std::string members_of(const Table& table, bool negated) {
  std::string out;
  char32_t behind = 0;
  for (const Range& range : table) {
    if (negated && range.low > behind) add_range_of_text(out, {behind, range.low - 1});
    if (!negated && range.low <= last_code) add_range_of_text(out, range);
    behind = range.high + 1;
  }
  return out;
}

// What stands for a category inside [...].
std::string members_of_category(char name, bool ascii) {
  const bool negated = name >= 'A' && name <= 'Z';
  switch (name) {
    case 's':
    case 'S':
      return ascii ? members_of(ascii_white_space, negated) : members_of(white_space, negated);
    case 'd':
    case 'D':
      if (ascii) return members_of(ascii_digits, negated);
      return negated ? "\\P{Nd}" : "0-9\\p{Nd}";
    default:
      if (ascii) return members_of(ascii_word, negated);
      // \W: every general category but L and N, of which '_' alone is taken out.
      return negated ? "\\p{M}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{Z}\\p{C}\\x{203f}\\x{2040}"
                       "\\x{2054}\\x{fe33}\\x{fe34}\\x{fe4d}-\\x{fe4f}\\x{ff3f}"
                     : "0-9A-Z_a-z\\p{L}\\p{N}";
  }
}

// The other case of those ASCII letters that are in the range.
void add_other_cases(std::string& out, const Range& range) {
  for (const Range letters : {Range{'A', 'Z'}, Range{'a', 'z'}}) {
    const char32_t low = std::max(range.low, letters.low), high = std::min(range.high, letters.high);
    if (low <= high) add_range(out, other_case(low), other_case(high));
  }
}

// To Python the dotless and the dotted i are cases of i.
constexpr const char* cases_of_i = "iI\\x{130}\\x{131}";
bool has_i(const Range& range) {
  for (const char32_t one : {U'i', U'I', U'\u0130', U'\u0131'})
    if (range.low <= one && one <= range.high) return true;
  return false;
}

}  // namespace

std::string utf8(char32_t code) {
  std::string out;
  const auto add = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | (code >> 6));
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | (code >> 12));
    add(0x80 | ((code >> 6) & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | (code >> 18));
    add(0x80 | ((code >> 12) & 0x3F));
    add(0x80 | ((code >> 6) & 0x3F));
    add(0x80 | (code & 0x3F));
  }
  return out;
}

std::string literal(char32_t code, const Flags& flags) {
  if (code >= first_surrogate && code <= last_surrogate) return nothing;
  const std::string one = spelled(code);
  if (!flags.ignore_case) return one;
  if (flags.ascii) {  // no case beyond ASCII: not even that of the Kelvin sign, which is a k otherwise
    if (!is_ascii_letter(code)) return "(?-i:" + one + ")";
    return "(?-i:[" + one + spelled(other_case(code)) + "])";
  }
  return has_i({code, code}) ? std::string("[") + cases_of_i + "]" : one;
}

std::string category(char name, const Flags& flags) {
  return "[" + members_of_category(name, flags.ascii) + "]";
}

std::string set(const Set& members, const Flags& flags) {
  const bool fold_here = flags.ignore_case && flags.ascii;
  std::string inside;
  for (const Range& range : members.ranges) {
    add_range_of_text(inside, range);
    if (fold_here)
      add_other_cases(inside, range);
    else if (flags.ignore_case && has_i(range))
      inside += cases_of_i;
  }
  for (const char name : members.categories) inside += members_of_category(name, flags.ascii);
  if (inside.empty()) return members.negated ? "(?s:.)" : nothing;
  const std::string whole = (members.negated ? "[^" : "[") + inside + "]";
  return fold_here ? "(?-i:" + whole + ")" : whole;
}

std::string word_boundary(bool negated, const Flags& flags) {
  if (!flags.ascii) return negated ? "\\B" : "\\b";
  const std::string word = category('w', flags);
  const std::string before = "(?<=" + word + ")", not_before = "(?<!" + word + ")";
  const std::string after = "(?=" + word + ")", not_after = "(?!" + word + ")";
  return negated ? "(?:" + before + after + "|" + not_before + not_after + ")"
                 : "(?:" + before + not_after + "|" + not_before + after + ")";
}

}  // namespace sagemaker::local::python
