#include "emulator/tuning/auto_ranges.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "emulator/tuning/numbers.hpp"

namespace sagemaker::local::tuning {
namespace {

Integer around(std::int64_t hint) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  if (hint == 0) return {0, 10, Scaling::linear};
  if (hint < 0) {
    return {hint < -(kMax / 10) ? std::numeric_limits<std::int64_t>::min() : hint * 10,
            std::min<std::int64_t>(-1, hint / 10), Scaling::linear};
  }
  return {std::max<std::int64_t>(1, hint / 10), hint > kMax / 10 ? kMax : hint * 10, Scaling::logarithmic};
}

Continuous around(double hint) {
  if (hint == 0) return {0, 1, Scaling::linear};
  if (hint < 0) {
    const Continuous mirrored = around(-hint);
    return {-mirrored.max, -mirrored.min, Scaling::linear};
  }
  // Rates, shares and momenta stay below 1. Distances are rounded, for 1 - 0.9 is not quite 0.1.
  const double distance = std::round((1 - hint) * 1e12) / 1e12;
  const double near_one = 1 - distance / 10;
  if (hint >= 0.5 && distance > 0) {
    return {std::max(0.0, 1 - distance * 10), near_one, Scaling::reverse_logarithmic};
  }
  const double least = std::max(hint / 10, std::numeric_limits<double>::denorm_min());
  const double greatest = std::min(hint, std::numeric_limits<double>::max() / 10) * 10;
  return {least, hint < 1 && greatest >= 1 && distance > 0 ? near_one : greatest, Scaling::logarithmic};
}

std::optional<Categorical> opposites(const std::string& hint) {
  constexpr std::array<std::array<const char*, 2>, 3> kPairs = {
      {{"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"}}};
  for (const auto& [yes, no] : kPairs) {
    if (hint == yes) return Categorical{{yes, no}};
    if (hint == no) return Categorical{{no, yes}};
  }
  return std::nullopt;
}

}  // namespace

Parameter auto_range(std::string name, const std::string& value_hint) {
  if (const auto hint = integer_of(value_hint)) return {std::move(name), around(*hint)};
  if (const auto hint = real_of(value_hint)) return {std::move(name), around(*hint)};
  if (auto pair = opposites(value_hint)) return {std::move(name), std::move(*pair)};
  return {std::move(name), Categorical{{value_hint}}};
}

}  // namespace sagemaker::local::tuning
