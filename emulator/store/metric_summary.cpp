#include "emulator/store/metric_summary.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace sagemaker::local::store {
namespace {

constexpr std::size_t spread_max = 256;  // different values in one summary
constexpr std::string_view unknown = "?";

// Takes values together that are nearer to each other than `precision`, relative to their size. What stands
// for a group is its mean.
std::map<double, double> grouped(const std::map<double, double>& spread, double precision) {
  std::map<double, double> result;
  const double scale = std::log1p(precision);
  const auto group_of = [&](double value) {
    return value == 0 ? std::pair(0, 0.0)
                      : std::pair(value < 0 ? -1 : 1, std::floor(std::log(std::abs(value)) / scale));
  };
  for (auto first = spread.begin(); first != spread.end();) {
    double weight = 0, weighted = 0;
    auto last = first;
    for (; last != spread.end() && group_of(last->first) == group_of(first->first); ++last) {
      weight += last->second;
      weighted += last->first * (last->second / 2);  // halves: a sum of large values stays finite
    }
    result[weighted / (weight / 2)] += weight;
    first = last;
  }
  return result;
}

}  // namespace

MetricSummary MetricSummary::of(double value, double times) {
  return {times, value * times, value, value, {{value, times}}, true};
}

MetricSummary MetricSummary::of_set(double count, double sum, double minimum, double maximum) {
  MetricSummary summary{count, sum, minimum, maximum, {}, false};
  if (minimum == maximum) {
    summary.spread[minimum] = count;
    summary.spread_known = true;
  }
  return summary;
}

void MetricSummary::add(const MetricSummary& other) {
  minimum = count == 0 ? other.minimum : std::min(minimum, other.minimum);
  maximum = count == 0 ? other.maximum : std::max(maximum, other.maximum);
  count += other.count;
  sum += other.sum;
  spread_known = spread_known && other.spread_known;
  if (!spread_known) {
    spread.clear();
    return;
  }
  for (const auto& [value, times] : other.spread) spread[value] += times;
  for (double precision = 0.001; spread.size() > spread_max; precision *= 2)
    spread = grouped(spread, precision);
}

std::optional<double> MetricSummary::percentile(double percent) const {
  if (!spread_known || spread.empty()) return std::nullopt;
  const double wanted = count * percent / 100;
  double seen = 0;
  for (const auto& [value, times] : spread) {
    seen += times;
    if (seen >= wanted * (1 - 1e-12)) return std::clamp(value, minimum, maximum);
  }
  return maximum;
}

std::string MetricSummary::spread_text() const {
  if (!spread_known) return std::string(unknown);
  if (spread.size() == 1) return {};
  std::string text;
  const auto append = [&](double number, char behind) {
    char buffer[32];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
    text.append(buffer, end) += behind;
  };
  for (const auto& [value, times] : spread) {
    append(value, ' ');
    append(times, ' ');
  }
  return text;
}

void MetricSummary::set_spread(std::string_view text) {
  spread.clear();
  spread_known = text != unknown;
  if (!spread_known) return;
  if (text.empty()) {
    spread[minimum] = count;
    return;
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    double value = 0, times = 0;
    const auto first = std::from_chars(at, end, value);
    if (first.ec != std::errc() || first.ptr == end) return;
    const auto second = std::from_chars(first.ptr + 1, end, times);
    if (second.ec != std::errc()) return;
    spread[value] += times;
    at = second.ptr + 1;
  }
}

}  // namespace sagemaker::local::store
