#include "emulator/services/pattern/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include <pcre2.h>

#include "emulator/services/pattern/python_expression.hpp"

namespace sagemaker::local {
namespace {

// Enough for every pattern of the models on texts of their maximal length, and a fraction of a second at
// worst.
constexpr std::uint32_t match_limit = 2'000'000, heap_limit_kib = 16 * 1024;

struct MatchContext {
  explicit MatchContext(std::uint32_t limit = match_limit) : context(pcre2_match_context_create(nullptr)) {
    if (!context) throw std::bad_alloc();
    pcre2_set_match_limit(context, limit);
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
  // For the whole match and the first group, of any pattern.
  MatchData() : data_(pcre2_match_data_create(2, nullptr)) {
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

pcre2_code* compile(const std::string& text, std::uint32_t options, int& error, PCRE2_SIZE& offset) {
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context, 1000);
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.c_str()), text.size(), options, &error,
                                   &offset, context);
  pcre2_compile_context_free(context);
  return code;
}

// The end of a search that takes too long: looked at each time that PCRE2 calls out.
struct Watch {
  std::chrono::steady_clock::time_point deadline;
  unsigned calls = 0;

  static int look(pcre2_callout_block*, void* watch) {
    auto* self = static_cast<Watch*>(watch);
    constexpr unsigned calls_between_looks = 256;
    if (++self->calls % calls_between_looks != 0) return 0;
    return std::chrono::steady_clock::now() < self->deadline ? 0 : PCRE2_ERROR_CALLOUT;
  }
};

PatternHit hit_of(int result, std::string_view text, const MatchData& data) {
  if (result == PCRE2_ERROR_NOMATCH) return {};
  if (result < 0) return {PatternHit::Kind::gave_up, 0, 0, std::nullopt};
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data.get());
  PatternHit hit{PatternHit::Kind::found, at[0], at[1], std::nullopt};
  if (result != 1 && at[2] != PCRE2_UNSET) hit.group = text.substr(at[2], at[3] - at[2]);
  return hit;
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
  // Java's names for sets of ASCII characters.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> sets{
      {{"\\p{Alnum}", "A-Za-z0-9"}, {"\\p{Print}", "\\x20-\\x7E"}}};
  for (const auto& [name, characters] : sets) {
    if (!text.substr(at).starts_with(name)) continue;
    out += in_class ? std::string(characters) : "[" + std::string(characters) + "]";
    return at + name.size();
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
  std::string text;  // for PCRE2
  std::uint32_t options = 0;
  pcre2_code* code = nullptr;
  std::once_flag watched_once;
  pcre2_code* watched = nullptr;  // the same with a callout before every item; made when it is needed
  ~Code() {
    pcre2_code_free(code);
    pcre2_code_free(watched);
  }
};

Pattern::Pattern(std::string_view expression, Dialect dialect) : code_(std::make_unique<Code>()) {
  const bool python = dialect == Dialect::python;
  code_->text = dialect == Dialect::java ? java_to_pcre(expression)
                : python                 ? python_to_pcre(expression)
                                         : std::string(expression);
  code_->options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_USE_OFFSET_LIMIT;
  if (python) code_->options |= PCRE2_UCP | PCRE2_ALT_CIRCUMFLEX;
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code = compile(code_->text, code_->options, error, offset);
  if (!code_->code) {
    throw PatternError("regular expression " + std::string(expression) + ": " + error_text(error) +
                       (python ? std::string() : " at offset " + std::to_string(offset)));
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

std::size_t Pattern::groups() const {
  std::uint32_t count = 0;
  pcre2_pattern_info(code_->code, PCRE2_INFO_CAPTURECOUNT, &count);
  return count;
}

// PCRE2 bounds steps, not time. So the first try allows few steps and few starts at once, fewer the longer
// the text is, with a look at the clock in between; almost every search of almost every pattern needs no
// more. Where it does, PCRE2 calls back at every step of a second try.
PatternHit Pattern::search_within(std::string_view text, std::size_t from,
                                  std::chrono::nanoseconds budget) const {
  if (from > text.size()) return {};
  constexpr std::size_t short_text = 2'048;
  constexpr std::uint32_t steps_max = 5'000;
  const std::size_t length = std::max<std::size_t>(text.size(), 1);
  const std::size_t starts =
      text.size() <= short_text ? text.size() : std::max<std::size_t>(64, short_text * short_text / length);
  const bool is_short = text.size() <= short_text;
  thread_local const MatchContext few_steps(steps_max);
  thread_local const MatchData data;
  const auto deadline =
      is_short ? std::chrono::steady_clock::time_point() : std::chrono::steady_clock::now() + budget;
  pcre2_set_match_limit(few_steps.context, is_short ? steps_max
                                                    : static_cast<std::uint32_t>(std::max<std::size_t>(
                                                          64, steps_max * short_text / length)));
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : "");
  while (true) {
    const std::size_t last = std::min(text.size(), from + starts);
    pcre2_set_offset_limit(few_steps.context, last);
    const int result = pcre2_match(code_->code, subject, text.size(), from, 0, data.get(), few_steps.context);
    if (result != PCRE2_ERROR_NOMATCH && result < 0) break;
    if (result >= 0 || last == text.size()) return hit_of(result, text, data);
    if (std::chrono::steady_clock::now() >= deadline) return {PatternHit::Kind::gave_up, 0, 0, std::nullopt};
    from = last;
  }
  return search_watched(text, from, is_short ? std::chrono::steady_clock::now() + budget : deadline);
}

PatternHit Pattern::search_watched(std::string_view text, std::size_t from,
                                   std::chrono::steady_clock::time_point deadline) const {
  std::call_once(code_->watched_once, [this] {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_->watched = compile(code_->text, code_->options | PCRE2_AUTO_CALLOUT, error, offset);
  });
  if (!code_->watched) return {PatternHit::Kind::gave_up, 0, 0, std::nullopt};
  constexpr std::uint32_t no_limit = 0xFFFFFFFF;
  const MatchContext context(no_limit);
  Watch watch{deadline};
  pcre2_set_callout(context.context, &Watch::look, &watch);
  const MatchData data;
  const int result = pcre2_match(code_->watched, reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : ""),
                                 text.size(), from, PCRE2_NO_JIT, data.get(), context.context);
  return hit_of(result, text, data);
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
