// Sets of characters as Python's re means them, in PCRE2's words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sagemaker::local::python {

// How an expression is to be read at one place: (?i), (?s), (?m), (?x), (?a).
struct Flags {
  bool ignore_case = false, dot_all = false, multi_line = false, verbose = false, ascii = false;
};

// One character, or all of a category: \d, \s, \w and their complements.
struct Character {
  char category = 0;  // 'd', 'D', 's', 'S', 'w', 'W'; 0: `code` alone
  char32_t code = 0;
};

struct Range {
  char32_t low = 0, high = 0;
};

// The members of [...] in the order of the expression.
struct Set {
  bool negated = false;
  std::vector<Range> ranges;
  std::string categories;  // 'd', 'S', ...
};

// Each is one item for PCRE2, which a quantifier may follow.
std::string literal(char32_t code, const Flags& flags);
std::string category(char name, const Flags& flags);
std::string set(const Set& members, const Flags& flags);
std::string word_boundary(bool negated, const Flags& flags);

std::string utf8(char32_t code);

}  // namespace sagemaker::local::python
