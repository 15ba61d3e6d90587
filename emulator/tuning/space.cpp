#include "emulator/tuning/space.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "emulator/tuning/numbers.hpp"

namespace sagemaker::local::tuning {
namespace {

constexpr double kOrdersOfMagnitude = 100;
constexpr double kNearOne = 0.5;     // ranges that begin here may be about how close to 1 a value is
constexpr double kNarrow = 0x1p-20;  // of a range, in relation to its values
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 62;

double scaled(Scaling scaling, double value) {
  switch (scaling) {
    case Scaling::logarithmic:
      return std::log(value);
    case Scaling::reverse_logarithmic:
      return -std::log1p(-value);
    default:
      return value;
  }
}

double unscaled(Scaling scaling, double value) {
  switch (scaling) {
    case Scaling::logarithmic:
      return std::exp(value);
    case Scaling::reverse_logarithmic:
      return -std::expm1(-value);
    default:
      return value;
  }
}

// `share` of the way from low to high, which may be further apart than the greatest double.
double between(double low, double high, double share) {
  const double width = high - low;
  return std::isfinite(width) ? low + share * width : low * (1 - share) + high * share;
}

double share_of(double low, double high, double value) {
  if (!(high > low)) return 0.5;
  const double width = high - low;
  const double share =
      std::isfinite(width) ? (value - low) / width : (value / 2 - low / 2) / (high / 2 - low / 2);
  return std::clamp(share, 0.0, 1.0);
}

[[noreturn]] void refuse(const Parameter& parameter, const char* why) {
  throw std::invalid_argument("parameter " + parameter.name + ": " + why);
}

// What AWS's tuner writes: Python's shortest text of a double.
std::string continuous_text(double value) {
  if (value == 0) return "0.0";
  char buffer[64];
  const double magnitude = std::abs(value);
  const bool fixed = magnitude >= 1e-4 && magnitude < 1e16;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

// Integers may come as "32.0": from the jobs of another range, whose values were continuous.
std::optional<std::int64_t> integer(std::string_view text) {
  if (const auto whole = integer_of(text)) return whole;
  const auto real = real_of(text);
  if (!real || std::nearbyint(*real) != *real || std::abs(*real) >= 0x1p63) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

// The integer of a share of an even range, counted from its least so that great ones are as exact as small
// ones.
std::int64_t even_integer(double share, const Integer& range) {
  const std::uint64_t steps = steps_between(range.min, range.max);
  const double place = std::floor(share * (static_cast<double>(steps) + 1));
  if (place >= static_cast<double>(steps)) return range.max;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(range.min) + static_cast<std::uint64_t>(place));
}

// The integer nearest to a value of the range, which may be further out than an integer can be.
std::int64_t nearest_integer(double value, const Integer& range) {
  const double whole = std::floor(value + 0.5);
  if (whole <= static_cast<double>(range.min)) return range.min;
  if (whole >= static_cast<double>(range.max)) return range.max;
  return static_cast<std::int64_t>(whole);
}

Scaling resolved(Scaling wanted, double min, double max, bool continuous) {
  if (wanted != Scaling::automatic) return wanted;
  if (min > 0 && max / min >= kOrdersOfMagnitude) return Scaling::logarithmic;
  if (continuous && min >= kNearOne && max < 1 && (1 - min) / (1 - max) >= kOrdersOfMagnitude) {
    return Scaling::reverse_logarithmic;
  }
  return Scaling::linear;
}

}  // namespace

Space::Axis Space::axis(const Parameter& parameter) {
  Axis result;
  if (const auto* range = std::get_if<Categorical>(&parameter.range)) {
    if (range->values.empty()) refuse(parameter, "no values");
    result.low = 0;
    result.high = 1;
    result.values = range->values.size();
    return result;
  }
  if (const auto* range = std::get_if<Integer>(&parameter.range)) {
    if (range->min > range->max) refuse(parameter, "its least value is above its greatest");
    const auto min = static_cast<double>(range->min), max = static_cast<double>(range->max);
    const std::uint64_t steps = steps_between(range->min, range->max);
    result.scaling = resolved(range->scaling, min, max, false);
    if (result.scaling == Scaling::reverse_logarithmic) refuse(parameter, "integers have no reverse scale");
    if (result.scaling == Scaling::logarithmic && range->min <= 0) refuse(parameter, "not positive");
    // There a logarithm is a straight line, whose values of neighbours may be the same.
    if (result.scaling == Scaling::logarithmic && static_cast<double>(steps) < min * kNarrow)
      result.scaling = Scaling::linear;
    result.low = scaled(result.scaling, min - 0.5);
    result.high = scaled(result.scaling, max + 0.5);
    result.values = steps < kMaxCount ? steps + 1 : 0;
    return result;
  }
  const auto& range = std::get<Continuous>(parameter.range);
  if (!std::isfinite(range.min) || !std::isfinite(range.max)) refuse(parameter, "not finite");
  if (range.min > range.max) refuse(parameter, "its least value is above its greatest");
  result.scaling = resolved(range.scaling, range.min, range.max, true);
  if (result.scaling == Scaling::logarithmic && range.min <= 0) refuse(parameter, "not positive");
  if (result.scaling == Scaling::reverse_logarithmic && (range.min < 0 || range.max >= 1)) {
    refuse(parameter, "not within [0, 1)");
  }
  result.low = scaled(result.scaling, range.min);
  result.high = scaled(result.scaling, range.max);
  result.values = range.min == range.max ? 1 : 0;
  return result;
}

Space::Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
  std::set<std::string_view> names;
  axes_.reserve(parameters_.size());
  for (Parameter& parameter : parameters_) {
    if (!names.insert(parameter.name).second) refuse(parameter, "there are two of this name");
    if (auto* range = std::get_if<Categorical>(&parameter.range)) {
      std::vector<std::string> distinct;
      for (std::string& value : range->values) {
        if (std::find(distinct.begin(), distinct.end(), value) == distinct.end()) {
          distinct.push_back(std::move(value));
        }
      }
      range->values = std::move(distinct);
    }
    axes_.push_back(axis(parameter));
  }
}

std::optional<std::uint64_t> Space::count() const {
  std::uint64_t product = 1;
  for (const Axis& axis : axes_) {
    if (axis.values == 0 || product > kMaxCount / axis.values) return std::nullopt;
    product *= axis.values;
  }
  return product;
}

double Space::coordinate(const Axis& axis, double value) const {
  return share_of(axis.low, axis.high, scaled(axis.scaling, value));
}

std::string Space::text(std::size_t index, double coordinate) const {
  const Axis& axis = axes_[index];
  // NaN, too, becomes a coordinate.
  const double share = coordinate > 0 ? std::min(coordinate, 1.0) : 0.0;
  const auto& range = parameters_[index].range;
  if (const auto* categorical = std::get_if<Categorical>(&range)) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(axis.values));
    return categorical->values[std::min<std::size_t>(place, axis.values - 1)];
  }
  const double value = unscaled(axis.scaling, between(axis.low, axis.high, share));
  if (const auto* whole = std::get_if<Integer>(&range)) {
    if (axis.scaling == Scaling::linear) return std::to_string(even_integer(share, *whole));
    return std::to_string(share == 1 ? whole->max : nearest_integer(value, *whole));
  }
  const auto& continuous = std::get<Continuous>(range);
  // The ends are reached exactly, whatever logarithms make of them.
  if (share == 0) return continuous_text(continuous.min);
  if (share == 1) return continuous_text(continuous.max);
  return continuous_text(std::clamp(value, continuous.min, continuous.max));
}

std::optional<double> Space::middle(std::size_t index, const std::string& text) const {
  const Axis& axis = axes_[index];
  const auto& range = parameters_[index].range;
  if (const auto* categorical = std::get_if<Categorical>(&range)) {
    const auto found = std::find(categorical->values.begin(), categorical->values.end(), text);
    if (found == categorical->values.end()) return std::nullopt;
    const auto place = static_cast<double>(found - categorical->values.begin());
    return (place + 0.5) / static_cast<double>(axis.values);
  }
  if (const auto* whole = std::get_if<Integer>(&range)) {
    const auto value = integer(text);
    if (!value || *value < whole->min || *value > whole->max) return std::nullopt;
    if (axis.scaling == Scaling::linear) {
      const auto place = static_cast<double>(steps_between(whole->min, *value));
      return (place + 0.5) / (static_cast<double>(steps_between(whole->min, whole->max)) + 1);
    }
    const auto near = static_cast<double>(*value);
    return (coordinate(axis, near - 0.5) + coordinate(axis, near + 0.5)) / 2;
  }
  const auto& continuous = std::get<Continuous>(range);
  const auto value = real_of(text);
  if (!value || !(*value >= continuous.min && *value <= continuous.max)) return std::nullopt;
  return coordinate(axis, *value);
}

Assignment Space::assignment(std::span<const double> point) const {
  if (point.size() != size()) throw std::invalid_argument("a point has a coordinate a parameter");
  Assignment result;
  for (std::size_t i = 0; i < size(); ++i) result.emplace(parameters_[i].name, text(i, point[i]));
  return result;
}

std::optional<Point> Space::point(const Assignment& assignment) const {
  Point result(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const auto found = assignment.find(parameters_[i].name);
    if (found == assignment.end()) return std::nullopt;
    const auto coordinate = middle(i, found->second);
    if (!coordinate) return std::nullopt;
    result[i] = *coordinate;
  }
  return result;
}

Point Space::snapped(std::span<const double> point) const {
  if (point.size() != size()) throw std::invalid_argument("a point has a coordinate a parameter");
  Point result(size());
  for (std::size_t i = 0; i < size(); ++i) result[i] = middle(i, text(i, point[i])).value_or(0.5);
  return result;
}

}  // namespace sagemaker::local::tuning
