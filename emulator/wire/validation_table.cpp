#include "emulator/wire/validation_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <memory>

namespace sagemaker::local::wire::table {
namespace {

// The letters in which the generated file writes kinds.
[[maybe_unused]] constexpr Kind O = Kind::structure, S = Kind::string, I = Kind::integer,
                                L = Kind::long_integer, F = Kind::float_number, D = Kind::double_number,
                                B = Kind::boolean, T = Kind::timestamp, X = Kind::blob, A = Kind::list,
                                M = Kind::map;

#include "emulator/wire/validation_table.inc"

// Where each text begins in the pool; worked out by the compiler, so the generated file needs no offsets.
constexpr auto text_offsets = [] {
  std::array<std::uint32_t, text_count + 1> offsets{};
  std::size_t count = 0;
  for (std::uint32_t at = 0; at + 1 < sizeof text_pool; ++at) {
    if (text_pool[at] == '\0') offsets[++count] = at + 1;
  }
  return offsets;
}();
static_assert(text_offsets[text_count] + 1 == sizeof text_pool, "text_count and text_pool disagree");

std::array<std::atomic<const Pattern*>, std::size(pattern_texts)> compiled_patterns{};

}  // namespace

std::string_view text(std::size_t index) {
  return {text_pool + text_offsets[index], text_offsets[index + 1] - text_offsets[index] - 1};
}

const Shape& shape(std::size_t index) { return shapes[index]; }
const Range& range(const Shape& shape) { return ranges[shape.range]; }

std::span<const Member> members(const Shape& structure) {
  return std::span(all_members).subspan(structure.a, structure.b);
}

std::span<const std::uint16_t> enumeration(const Shape& string) {
  return std::span(enum_texts).subspan(string.b, string.c);
}

std::string_view pattern_text(const Shape& string) {
  return string.a == 0 ? std::string_view() : text(pattern_texts[string.a - 1]);
}

const Pattern& pattern_at(std::size_t index) {
  std::atomic<const Pattern*>& slot = compiled_patterns[index];
  if (const Pattern* ready = slot.load(std::memory_order_acquire)) return *ready;
  auto fresh = std::make_unique<const Pattern>(text(pattern_texts[index]), Pattern::Dialect::java);
  const Pattern* expected = nullptr;
  if (slot.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
  return *expected;  // another thread was faster
}

const Pattern& pattern(const Shape& string) { return pattern_at(string.a - 1u); }

std::span<const OperationInput> operations_of(std::size_t model) {
  return std::span(operations).subspan(models[model].first, models[model].count);
}

const Shape* input_of(std::size_t model, std::string_view operation) {
  const auto inputs = operations_of(model);
  const auto found = std::lower_bound(
      inputs.begin(), inputs.end(), operation,
      [](const OperationInput& input, std::string_view name) { return text(input.name) < name; });
  return found != inputs.end() && text(found->name) == operation ? &shapes[found->shape] : nullptr;
}

std::size_t pattern_count() { return std::size(pattern_texts); }

}  // namespace sagemaker::local::wire::table
