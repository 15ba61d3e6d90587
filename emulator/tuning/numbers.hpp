// Numbers as hyperparameters have them: texts.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace sagemaker::local::tuning {

// The number that the whole text is, with a sign or none: "-3", "+8", "1e-05". nullopt for what is none, or
// does not fit.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

inline std::optional<std::int64_t> integer_of(std::string_view text) { return number_of<std::int64_t>(text); }

// Neither infinite nor NaN, which have texts, too.
inline std::optional<double> real_of(std::string_view text) {
  const auto value = number_of<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// How far `to` is above `from`, which is not greater: more than a std::int64_t may hold.
inline std::uint64_t steps_between(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

}  // namespace sagemaker::local::tuning
