#include "emulator/services/pattern/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include <pcre2.h>

namespace sagemaker::local {
namespace {

// Enough for every pattern of the models on texts of their maximal length, and a fraction of a second at
// worst.
constexpr std::uint32_t match_limit = 2'000'000, heap_limit_kib = 16 * 1024;

struct MatchContext {
  MatchContext() : context(pcre2_match_context_create(nullptr)) {
    if (!context) throw std::bad_alloc();
    pcre2_set_match_limit(context, match_limit);
    pcre2_set_heap_limit(context, heap_limit_kib);
  }
  ~MatchContext() { pcre2_match_context_free(context); }
  MatchContext(const MatchContext&) = delete;
  pcre2_match_context* context;
};

class MatchData {
 public:
  explicit MatchData(const pcre2_code* code) : data_(pcre2_match_data_create_from_pattern(code, nullptr)) {
    if (!data_) throw std::bad_alloc();
  }
  ~MatchData() { pcre2_match_data_free(data_); }
  MatchData(const MatchData&) = delete;
  pcre2_match_data* get() const { return data_; }

 private:
  pcre2_match_data* data_;
};

// Number of groups filled, or 0: no match, or given up. PCRE2's JIT has a small stack of its own; where a
// text needs more than that, the interpreter, which uses the heap, decides.
int run(const pcre2_code* code, std::string_view text, std::size_t from, std::uint32_t options,
        const MatchData& data) {
  static const MatchContext limits;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : "");
  int result = pcre2_match(code, subject, text.size(), from, options, data.get(), limits.context);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
    result =
        pcre2_match(code, subject, text.size(), from, options | PCRE2_NO_JIT, data.get(), limits.context);
  }
  return result < 0 ? 0 : result;
}

std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

// What \uXXXX at `at` stands for; nullopt where there are no four hex digits.
std::optional<std::uint32_t> unicode_escape(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\\u" || text.size() < at + 6) return std::nullopt;
  std::uint32_t value = 0;
  const char* first = text.data() + at + 2;
  const auto parsed = std::from_chars(first, first + 4, value, 16);
  if (parsed.ptr != first + 4) return std::nullopt;
  return value;
}

std::string code_point(std::uint32_t value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "\\x{" + std::string(digits.data(), end) + "}";
}

bool is_high_surrogate(std::uint32_t value) { return value >= 0xD800 && value < 0xDC00; }
bool is_low_surrogate(std::uint32_t value) { return value >= 0xDC00 && value < 0xE000; }

// Copies the escape at `at`, translated where PCRE2 spells it differently; returns the position behind it.
std::size_t translate_escape(std::string_view text, std::size_t at, bool in_class, std::string& out) {
  constexpr std::string_view alnum = "\\p{Alnum}";
  if (text.substr(at, alnum.size()) == alnum) {
    out += in_class ? "A-Za-z0-9" : "[A-Za-z0-9]";
    return at + alnum.size();
  }
  if (const auto first = unicode_escape(text, at)) {
    const auto second = is_high_surrogate(*first) ? unicode_escape(text, at + 6) : std::nullopt;
    if (second && is_low_surrogate(*second)) {
      out += code_point(0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
      return at + 12;
    }
    out += code_point(*first);
    return at + 6;
  }
  out += text.substr(at, 2);
  return at + 2;
}

// Behind a '$' Java accepts a quantifier, which cannot change what the assertion means unless it allows none
// of it.
std::size_t skip_assertion_quantifier(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '{') return at;
  const auto close = text.find('}', at);
  return close == std::string_view::npos ? at : close + 1;
}

}  // namespace

struct Pattern::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Pattern::Pattern(std::string_view expression, Dialect dialect) : code_(std::make_unique<Code>()) {
  const std::string text = dialect == Dialect::java ? java_to_pcre(expression) : std::string(expression);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.c_str()), text.size(),
                              PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &error, &offset, nullptr);
  if (!code_->code) {
    throw PatternError("regular expression " + std::string(expression) + ": " + error_text(error) +
                       " at offset " + std::to_string(offset));
  }
  pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter does
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::matches(std::string_view text) const {
  const MatchData data(code_->code);
  if (run(code_->code, text, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, data) <= 0) return false;
  // Beside bytes that are no UTF-8 PCRE2 takes the valid piece for the whole text.
  const PCRE2_SIZE* positions = pcre2_get_ovector_pointer(data.get());
  return positions[0] == 0 && positions[1] == text.size();
}

std::optional<PatternMatch> Pattern::search(std::string_view text, std::size_t from) const {
  if (from > text.size()) return std::nullopt;
  const MatchData data(code_->code);
  const int filled = run(code_->code, text, from, 0, data);
  if (filled <= 0) return std::nullopt;
  const PCRE2_SIZE* positions = pcre2_get_ovector_pointer(data.get());
  PatternMatch match{positions[0], positions[1], {}};
  const std::uint32_t groups = pcre2_get_ovector_count(data.get());
  for (std::uint32_t i = 0; i < groups; ++i) {
    const bool set = i < static_cast<std::uint32_t>(filled) && positions[2 * i] != PCRE2_UNSET;
    match.groups.push_back(
        set ? std::optional(text.substr(positions[2 * i], positions[2 * i + 1] - positions[2 * i]))
            : std::nullopt);
  }
  return match;
}

std::string java_to_pcre(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 32);
  bool in_class = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      at = translate_escape(text, at, in_class, out);
      continue;
    }
    ++at;
    if (in_class) {
      in_class = c != ']';
      out += c;
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (at < text.size() && text[at] == '^') out += text[at++];
    } else if (c == '.') {
      out += "[^\\n\\r\\x{85}\\x{2028}\\x{2029}]";
    } else if (c == '$') {
      out += c;
      at = skip_assertion_quantifier(text, at);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace sagemaker::local
