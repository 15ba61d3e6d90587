#include "emulator/services/pattern/python_expression.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "emulator/services/pattern/pattern.hpp"
#include "emulator/services/pattern/python_sets.hpp"
#include "emulator/services/pattern/python_source.hpp"

namespace sagemaker::local {
namespace python {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t python_repeat_max = 4'294'967'295, pcre_repeat_max = 65'535;
constexpr int depth_max = 200;
constexpr std::u32string_view digits = U"0123456789", octal_digits = U"01234567",
                              hex_digits = U"0123456789abcdefABCDEF";

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > unlimited - b ? unlimited : a + b;
}
std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  return a != 0 && b > unlimited / a ? unlimited : a * b;
}

// How many characters something matches.
struct Width {
  std::uint64_t least = 0, most = 0;
};

// A part of an expression that a quantifier may follow.
struct Item {
  enum class Kind { other, position, repetition };
  Kind kind = Kind::other;
  std::string text;  // for PCRE2
  Width width;
  bool single = false;  // needs no parentheses before a quantifier
};

// A sequence of items, or alternatives of such.
struct Part {
  std::string text;
  Width width;
};

bool is_one_of(const std::u32string& token, std::u32string_view characters) {
  return token.size() == 1 && characters.find(token[0]) != characters.npos;
}

bool is_ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_identifier(std::u32string_view name) {
  static const Pattern identifier(R"([\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*)");
  return identifier.matches(utf8(name));
}

// The number that digits write; unlimited where it is too large.
std::uint64_t number(std::u32string_view text, unsigned base = 10) {
  std::uint64_t value = 0;
  for (const char32_t c : text) {
    const char32_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    value = saturating_add(saturating_multiply(value, base), digit);
  }
  return value;
}

class Parser {
 public:
  explicit Parser(std::string_view expression) : source_(expression) {}

  std::string translate() {
    const Part whole = alternatives({}, 0);
    if (global_ascii_ && global_unicode_) throw PatternError("ASCII and UNICODE flags are incompatible");
    if (!source_.at_end()) source_.fail("unbalanced parenthesis");
    for (const auto& [group, position] : conditions_)
      if (group >= groups_.size())
        source_.fail_at("invalid group reference " + std::to_string(group), position);
    // Python finds this when it has read everything.
    if (variable_lookbehind_) throw PatternError("look-behind requires fixed-width pattern");
    return global_.ignore_case ? "(?i:" + whole.text + ")" : whole.text;
  }

 private:
  // Of a group that is not closed yet: nullopt. The first stands for the whole expression.
  std::vector<std::optional<Width>> groups_{std::nullopt};
  std::map<std::u32string, std::size_t> names_;
  std::map<std::size_t, std::size_t> conditions_;  // (?(1)...): where a group was first asked for
  std::optional<std::size_t> groups_before_lookbehind_;
  bool variable_lookbehind_ = false;
  bool global_ascii_ = false, global_unicode_ = false;
  Flags global_;
  Source source_;

  Part alternatives(Flags flags, int depth) {
    if (depth > depth_max) source_.fail("groups nested this deeply are not supported here");
    Part all = sequence(flags, depth, depth == 0);
    while (source_.match('|')) {
      if (depth == 0) flags = global_;
      const Part one = sequence(flags, depth, false);
      all.text += "|" + one.text;
      all.width = {std::min(all.width.least, one.width.least), std::max(all.width.most, one.width.most)};
    }
    return all;
  }

  // `first`: at the start of the expression, where global flags may stand.
  Part sequence(Flags flags, int depth, bool first) {
    std::vector<Item> items;
    while (!source_.at_end() && !source_.next_is('|') && !source_.next_is(')')) {
      const std::u32string token = source_.take();
      if (flags.verbose && is_one_of(token, U" \t\n\r\v\f")) continue;
      if (flags.verbose && token == U"#") {
        while (!source_.at_end() && source_.take() != U"\n") {
        }
        continue;
      }
      if (token[0] == '\\') {
        items.push_back(escape(token, flags));
      } else if (is_one_of(token, U"*+?{")) {
        repeat(token[0], items, flags);
      } else if (token == U"(") {
        if (auto item = group(flags, depth, first && items.empty())) items.push_back(std::move(*item));
      } else {
        items.push_back(character(token[0], flags));
      }
    }
    Part part;
    for (const Item& item : items) {
      part.text += item.text;
      part.width = {saturating_add(part.width.least, item.width.least),
                    saturating_add(part.width.most, item.width.most)};
    }
    return part;
  }

  static Item one_character(std::string text) { return {Item::Kind::other, std::move(text), {1, 1}, true}; }
  static Item position(std::string text) { return {Item::Kind::position, std::move(text), {}, false}; }

  Item character(char32_t c, const Flags& flags) {
    switch (c) {
      case '.':
        return one_character(flags.dot_all ? "(?s:.)" : "\\N");
      case '^':
        return position(flags.multi_line ? "(?m:^)" : "\\A");
      case '$':
        return position(flags.multi_line ? "(?m:$)" : "\\Z");
      case '[':
        return one_character(set(members(), flags));
      default:
        return one_character(literal(c, flags));
    }
  }

  // \xNN, \uNNNN, \UNNNNNNNN: the digits are still to be taken.
  char32_t hexadecimal(const std::u32string& token) {
    const std::size_t count = token[1] == 'x' ? 2 : token[1] == 'u' ? 4 : 8;
    const std::u32string taken = source_.take_while(count, hex_digits);
    const std::string whole = utf8(token) + utf8(taken);
    if (taken.size() != count) source_.fail("incomplete escape " + whole, whole.size());
    const std::uint64_t code = number(taken, 16);
    if (code > 0x10FFFF) source_.fail("bad escape " + whole, whole.size());
    return static_cast<char32_t>(code);
  }

  // \a, \n ...; nullopt: none of these.
  static std::optional<char32_t> control(char32_t c) {
    constexpr std::u32string_view names = U"abfnrtv\\", codes = U"\a\b\f\n\r\t\v\\";
    const auto at = names.find(c);
    if (at == names.npos) return std::nullopt;
    return codes[at];
  }

  char32_t octal(const std::u32string& whole) {
    const std::uint64_t code = number(std::u32string_view(whole).substr(1), 8);
    if (code > 0377)
      source_.fail("octal escape value " + utf8(whole) + " outside of range 0-0o377", whole.size());
    return static_cast<char32_t>(code);
  }

  // Any other backslash: a letter means nothing, what is no letter means itself.
  char32_t plain(const std::u32string& token) {
    if (token[1] == 'N') source_.fail("named characters (\\N) are not supported here", token.size());
    if (is_ascii_letter(token[1]) || digits.find(token[1]) != digits.npos)
      source_.fail("bad escape " + utf8(token), token.size());
    return token[1];
  }

  Item escape(const std::u32string& token, const Flags& flags) {
    const char32_t c = token[1];
    switch (c) {
      case 'A':
        return position("\\A");
      case 'Z':
        return position("\\z");
      case 'b':
      case 'B':
        return position(word_boundary(c == 'B', flags));
      case 'd':
      case 'D':
      case 's':
      case 'S':
      case 'w':
      case 'W':
        return one_character(category(static_cast<char>(c), flags));
      case 'x':
      case 'u':
      case 'U':
        return one_character(literal(hexadecimal(token), flags));
      case '0':
        return one_character(literal(octal(token + source_.take_while(2, octal_digits)), flags));
      default:
        break;
    }
    if (const auto code = control(c)) return one_character(literal(*code, flags));
    if (digits.find(c) != digits.npos) return octal_or_reference(token, flags);
    return one_character(literal(plain(token), flags));
  }

  // \12 is a group, \123 a character.
  Item octal_or_reference(std::u32string token, const Flags& flags) {
    token += source_.take_while(1, digits);
    const auto is_octal = [](char32_t c) { return octal_digits.find(c) != octal_digits.npos; };
    if (token.size() == 3 && is_octal(token[1]) && is_octal(token[2]) &&
        is_one_of(source_.next(), octal_digits))
      return one_character(literal(octal(token + source_.take()), flags));
    const std::size_t index = number(std::u32string_view(token).substr(1));
    if (index >= groups_.size())
      source_.fail("invalid group reference " + std::to_string(index), token.size() - 1);
    return reference(index, token.size());
  }

  // `length`: of the reference's text, for errors.
  Item reference(std::size_t index, std::size_t length) {
    if (!groups_[index]) source_.fail("cannot refer to an open group", length);
    check_in_lookbehind(index);
    return {Item::Kind::other, "\\g{" + std::to_string(index) + "}", *groups_[index], true};
  }

  void check_in_lookbehind(std::size_t index) {
    if (!groups_before_lookbehind_) return;
    if (index >= groups_.size() || !groups_[index]) source_.fail("cannot refer to an open group");
    if (index >= *groups_before_lookbehind_)
      source_.fail("cannot refer to group defined in the same lookbehind subpattern");
  }

  Character member(const std::u32string& token) {
    if (token[0] != '\\') return {0, token[0]};
    const char32_t c = token[1];
    if (const auto code = control(c)) return {0, *code};
    if (std::u32string_view(U"dDsSwW").find(c) != std::u32string_view::npos) return {static_cast<char>(c), 0};
    if (c == 'x' || c == 'u' || c == 'U') return {0, hexadecimal(token)};
    if (octal_digits.find(c) != octal_digits.npos)
      return {0, octal(token + source_.take_while(2, octal_digits))};
    return {0, plain(token)};
  }

  // [...], whose bracket is taken.
  Set members() {
    const std::size_t start = source_.position() - 1;
    Set members;
    members.negated = source_.match('^');
    const auto take = [&] {
      if (source_.at_end()) source_.fail("unterminated character set", source_.position() - start);
      return source_.take();
    };
    const auto add = [&](const Character& one) {
      if (one.category)
        members.categories += one.category;
      else
        members.ranges.push_back({one.code, one.code});
    };
    for (std::u32string token = take();; token = take()) {
      if (token == U"]" && !(members.ranges.empty() && members.categories.empty())) return members;
      const Character low = member(token);
      if (!source_.match('-')) {
        add(low);
        continue;
      }
      const std::u32string behind = take();
      if (behind == U"]") {
        add(low);
        add({0, '-'});
        return members;
      }
      const Character high = member(behind);
      if (low.category || high.category || high.code < low.code)
        source_.fail("bad character range " + utf8(token) + "-" + utf8(behind),
                     token.size() + 1 + behind.size());
      members.ranges.push_back({low.code, high.code});
    }
  }

  // The numbers of {2,3}, whose brace is taken; nullopt where it is no quantifier and stands for itself.
  std::optional<Width> repetitions(char32_t quantifier, std::size_t start) {
    if (quantifier == '?') return Width{0, 1};
    if (quantifier == '*') return Width{0, unlimited};
    if (quantifier == '+') return Width{1, unlimited};
    if (source_.next_is('}')) return std::nullopt;
    const std::u32string low = source_.take_while(std::u32string::npos, digits);
    const std::u32string high = source_.match(',') ? source_.take_while(std::u32string::npos, digits) : low;
    if (!source_.match('}')) {
      source_.seek(start);
      return std::nullopt;
    }
    const Width times{number(low), high.empty() ? unlimited : number(high)};
    if (times.least >= python_repeat_max || (!high.empty() && times.most >= python_repeat_max))
      throw PatternError("the repetition number is too large");
    if (times.most < times.least)
      source_.fail("min repeat greater than max repeat", source_.position() - start);
    if (times.least > pcre_repeat_max || (times.most != unlimited && times.most > pcre_repeat_max))
      source_.fail("repetitions beyond 65535 are not supported here", source_.position() - start);
    return times;
  }

  void repeat(char32_t quantifier, std::vector<Item>& items, const Flags& flags) {
    const std::size_t start = source_.position();
    const auto times = repetitions(quantifier, start);
    if (!times) {
      items.push_back(one_character(literal(quantifier, flags)));
      return;
    }
    const std::size_t back = source_.position() - start + 1;
    if (items.empty() || items.back().kind == Item::Kind::position) source_.fail("nothing to repeat", back);
    Item& item = items.back();
    if (item.kind == Item::Kind::repetition) source_.fail("multiple repeat", back);
    if (!item.single) item.text = "(?:" + item.text + ")";
    item.text += "{" + std::to_string(times->least) + ",";
    if (times->most != unlimited) item.text += std::to_string(times->most);
    item.text += "}";
    if (source_.match('?'))
      item.text += "?";
    else if (source_.match('+'))
      item.text += "+";
    item.kind = Item::Kind::repetition;
    item.single = false;
    item.width = {saturating_multiply(item.width.least, times->least),
                  saturating_multiply(item.width.most, times->most)};
  }

  static Item in_parentheses(const std::string& opening, const Part& part) {
    return {Item::Kind::other, opening + part.text + ")", part.width, true};
  }

  // Up to and with the parenthesis that closes what was opened at `start`.
  Part rest_of_group(const Flags& flags, int depth, std::size_t start) {
    Part part = alternatives(flags, depth + 1);
    close(start);
    return part;
  }

  void close(std::size_t start) {
    if (!source_.match(')')) source_.fail("missing ), unterminated subpattern", source_.position() - start);
  }

  // What a parenthesis opens, which is taken; nullopt: a comment or global flags, which match nothing.
  std::optional<Item> group(Flags& flags, int depth, bool first) {
    const std::size_t start = source_.position() - 1;
    if (!source_.match('?')) return capture({}, flags, depth, start);
    const std::u32string kind = source_.take();
    if (kind.empty()) source_.fail("unexpected end of pattern");
    if (kind == U"P") return extension(flags, depth, start);
    if (kind == U":") return in_parentheses("(?:", rest_of_group(flags, depth, start));
    if (kind == U">") return in_parentheses("(?>", rest_of_group(flags, depth, start));
    if (kind == U"(") return condition(flags, depth, start);
    if (kind == U"=" || kind == U"!" || kind == U"<") return look(kind[0], flags, depth, start);
    if (kind == U"#") {
      while (!source_.next_is(')')) {
        if (source_.at_end()) source_.fail("missing ), unterminated comment", source_.position() - start);
        source_.take();
      }
      source_.take();
      return std::nullopt;
    }
    if (!is_one_of(kind, U"aiLmsux-")) source_.fail("unknown extension ?" + utf8(kind), kind.size() + 1);
    return with_flags(kind, flags, depth, start, first);
  }

  Item capture(const std::u32string& name, const Flags& flags, int depth, std::size_t start) {
    const std::size_t index = groups_.size();
    if (!name.empty()) {
      const auto [known, added] = names_.emplace(name, index);
      if (!added)
        source_.fail("redefinition of group name " + quoted(name) + " as group " + std::to_string(index) +
                         "; was group " + std::to_string(known->second),
                     name.size() + 1);
    }
    groups_.emplace_back();
    const Part part = rest_of_group(flags, depth, start);
    groups_[index] = part.width;
    return in_parentheses("(", part);
  }

  void check_name(const std::u32string& name) {
    if (!is_identifier(name)) source_.fail("bad character in group name " + quoted(name), name.size() + 1);
  }

  std::size_t group_of_name(const std::u32string& name) {
    check_name(name);
    const auto found = names_.find(name);
    if (found == names_.end()) source_.fail("unknown group name " + quoted(name), name.size() + 1);
    return found->second;
  }

  // (?P<name>...) and (?P=name).
  Item extension(const Flags& flags, int depth, std::size_t start) {
    if (source_.match('<')) {
      const std::u32string name = source_.take_until('>', "group name");
      check_name(name);
      return capture(name, flags, depth, start);
    }
    if (source_.match('=')) {
      const std::u32string name = source_.take_until(')', "group name");
      return reference(group_of_name(name), name.size() + 1);
    }
    const std::u32string other = source_.take();
    if (other.empty()) source_.fail("unexpected end of pattern");
    source_.fail("unknown extension ?P" + utf8(other), other.size() + 2);
  }

  // (?=...), (?!...), (?<=...), (?<!...).
  Item look(char32_t kind, const Flags& flags, int depth, std::size_t start) {
    std::string opening = "(?";
    const bool behind = kind == '<';
    if (behind) {
      const std::u32string which = source_.take();
      if (which.empty()) source_.fail("unexpected end of pattern");
      if (which != U"=" && which != U"!")
        source_.fail("unknown extension ?<" + utf8(which), which.size() + 2);
      opening += "<";
      kind = which[0];
    }
    const bool outermost = behind && !groups_before_lookbehind_;
    if (outermost) groups_before_lookbehind_ = groups_.size();
    const Part part = alternatives(flags, depth + 1);
    if (outermost) groups_before_lookbehind_.reset();
    close(start);
    if (behind && part.width.least != part.width.most) variable_lookbehind_ = true;
    Item item = in_parentheses(opening + static_cast<char>(kind), part);
    item.width = {};
    item.single = false;
    return item;
  }

  // (?(1)yes|no), (?(name)yes|no).
  Item condition(const Flags& flags, int depth, std::size_t start) {
    const std::u32string name = source_.take_until(')', "group name");
    std::size_t index = 0;
    if (is_identifier(name)) {
      index = group_of_name(name);
    } else {
      if (name.find_first_not_of(digits) != name.npos)
        source_.fail("bad character in group name " + quoted(name), name.size() + 1);
      index = number(name);
      if (index == 0) source_.fail("bad group number", name.size() + 1);
      if (index >= pcre_repeat_max) source_.fail("invalid group reference " + utf8(name), name.size() + 1);
      conditions_.emplace(index, source_.position() - name.size() - 1);
    }
    check_in_lookbehind(index);
    const Part yes = sequence(flags, depth + 1, false);
    Part no;
    if (source_.match('|')) {
      no = sequence(flags, depth + 1, false);
      if (source_.next_is('|')) source_.fail("conditional backref with more than two branches");
    }
    close(start);
    const std::string opening = "(?(" + std::to_string(index) + ")" + yes.text + "|";
    Item item = in_parentheses(opening, no);
    item.width = {std::min(yes.width.least, no.width.least), std::max(yes.width.most, no.width.most)};
    return item;
  }

  static bool is_type(char32_t flag) { return flag == 'a' || flag == 'u' || flag == 'L'; }

  static void apply(std::u32string_view names, bool value, Flags& flags) {
    for (const char32_t name : names) {
      if (name == 'i') flags.ignore_case = value;
      if (name == 's') flags.dot_all = value;
      if (name == 'm') flags.multi_line = value;
      if (name == 'x') flags.verbose = value;
      if (name == 'a') flags.ascii = true;
      if (name == 'u') flags.ascii = false;
    }
  }

  // Flags up to one of `ends`, which is returned; the first is taken already.
  char32_t take_flags(std::u32string token, std::u32string& names, std::u32string_view ends,
                      const std::string& missing) {
    const bool off = ends == U":";
    while (true) {
      if (off && is_type(token[0])) source_.fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'");
      if (token[0] == 'L') source_.fail("bad inline flags: cannot use 'L' flag with a str pattern");
      names += token;
      if (names.find('a') != names.npos && names.find('u') != names.npos)
        source_.fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible");
      token = source_.take();
      if (token.empty()) source_.fail(missing);
      if (is_one_of(token, ends)) return token[0];
      check_flag(token, missing);
    }
  }

  void check_flag(const std::u32string& token, const std::string& missing) {
    static const Pattern letter("\\p{L}");
    if (!is_one_of(token, U"aiLmsux"))
      source_.fail(letter.matches(utf8(token)) ? "unknown flag" : missing, token.size());
  }

  // (?i), (?i:...), (?i-s:...).
  std::optional<Item> with_flags(const std::u32string& kind, Flags& flags, int depth, std::size_t start,
                                 bool first) {
    std::u32string on, off;
    char32_t end = '-';
    if (kind != U"-") end = take_flags(kind, on, U")-:", "missing -, : or )");
    if (end == ')') {
      if (!first) source_.fail("global flags not at the start of the expression", source_.position() - start);
      apply(on, true, global_);
      global_ascii_ |= on.find('a') != on.npos;
      global_unicode_ |= on.find('u') != on.npos;
      flags = global_;
      return std::nullopt;
    }
    if (end == '-') {
      const std::u32string token = source_.take();
      if (token.empty()) source_.fail("missing flag");
      check_flag(token, "missing flag");
      take_flags(token, off, U":", "missing :");
    }
    if (on.find_first_of(off) != on.npos) source_.fail("bad inline flags: flag turned on and off", 1);
    Flags inner = flags;
    apply(on, true, inner);
    apply(off, false, inner);
    const std::string opening = inner.ignore_case == flags.ignore_case ? "(?:"
                                : inner.ignore_case                    ? "(?i:"
                                                                       : "(?-i:";
    return in_parentheses(opening, rest_of_group(inner, depth, start));
  }
};

}  // namespace
}  // namespace python

std::string python_to_pcre(std::string_view expression) { return python::Parser(expression).translate(); }

}  // namespace sagemaker::local
