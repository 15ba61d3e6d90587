#include "emulator/services/metrics/service.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

constexpr std::int64_t day_s = 86'400;

std::int64_t floor_to(std::int64_t time_s, std::int64_t step_s) {
  const std::int64_t rest = time_s % step_s;
  return time_s - (rest < 0 ? rest + step_s : rest);
}

using Reader = std::optional<double> (*)(const store::MetricSummary& summary, double percent);
constexpr std::array<std::pair<std::string_view, Reader>, 5> plain_statistics{{
    {"SampleCount", [](const store::MetricSummary& s, double) { return std::optional(s.count); }},
    {"Average", [](const store::MetricSummary& s, double) { return std::optional(s.average()); }},
    {"Sum", [](const store::MetricSummary& s, double) { return std::optional(s.sum); }},
    {"Minimum", [](const store::MetricSummary& s, double) { return std::optional(s.minimum); }},
    {"Maximum", [](const store::MetricSummary& s, double) { return std::optional(s.maximum); }},
}};

// "p99.9" -> 99.9
std::optional<double> percent_of(std::string_view name) {
  if (!name.starts_with('p')) return std::nullopt;
  name.remove_prefix(1);
  double percent = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), percent, std::chars_format::fixed);
  if (error != std::errc() || end != name.data() + name.size() || !(percent >= 0 && percent <= 100))
    return std::nullopt;
  return percent;
}

}  // namespace

std::string grouped_digits(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::int64_t time_of(const json& input, const char* name, const std::string& path) {
  const auto found = input.find(name);
  if (found == input.end() || !found->is_number())
    throw missing_parameter("The parameter " + path + " is required.");
  const double seconds = found->get<double>();
  constexpr double seconds_max = 1e11;  // some thousand years
  if (!(std::abs(seconds) < seconds_max))
    throw invalid_value("The value " + aws::dump_json(*found) + " for parameter " + path + " is invalid.");
  return static_cast<std::int64_t>(std::floor(seconds));
}

Metrics::Dimensions dimensions_of(const json& input, const std::string& path) {
  Metrics::Dimensions dimensions;
  const auto given = input.find("Dimensions");
  if (given == input.end()) return dimensions;
  for (const json& dimension : *given) {
    std::string name = dimension.at("Name").get<std::string>();
    if (name.starts_with(':'))
      throw invalid_value("The value " + name + " for parameter " +
                          member_path(path + "Dimensions", dimensions.size()) + ".Name is invalid.");
    dimensions.emplace_back(std::move(name), dimension.at("Value").get<std::string>());
  }
  std::sort(dimensions.begin(), dimensions.end());
  const auto twice = std::adjacent_find(dimensions.begin(), dimensions.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != dimensions.end())
    throw invalid_value("The parameter " + path + "Dimensions names the dimension " + twice->first +
                        " more than once.");
  return dimensions;
}

std::optional<std::string> unit_of(const json& input) {
  const auto unit = input.find("Unit");
  if (unit == input.end() || !unit->is_string()) return std::nullopt;
  return unit->get<std::string>();
}

Window window_of(const json& input, std::int64_t period_s, std::int64_t now_s, Periods periods) {
  constexpr std::array<std::int64_t, 5> short_periods{1, 5, 10, 20, 30};
  const bool is_short =
      std::find(short_periods.begin(), short_periods.end(), period_s) != short_periods.end();
  if (periods == Periods::as_aws && !is_short && (period_s <= 0 || period_s % 60 != 0))
    throw invalid_value(
        "The parameter Period must be a value in the set [1, 5, 10, 20, 30] or a multiple of 60.");
  Window window;
  window.period_s = period_s;
  window.start_s = time_of(input, "StartTime", "StartTime");
  window.end_s = time_of(input, "EndTime", "EndTime");
  if (window.start_s >= window.end_s)
    throw invalid_value("The parameter StartTime must be less than the parameter EndTime.");
  if (periods == Periods::any) return window;
  const std::int64_t age_s = now_s - window.start_s;
  const std::int64_t step_s = age_s > 63 * day_s ? 3600 : age_s > 15 * day_s ? 300 : is_short ? period_s : 60;
  window.start_s = floor_to(window.start_s, step_s);
  return window;
}

void each_period(const store::Metrics& store, const store::MetricKey& key,
                 const std::optional<std::string>& unit, const Window& window, bool by_unit,
                 const PeriodVisitor& visit) {
  std::map<std::string, store::MetricSummary> current;
  std::int64_t current_start_s = 0;
  const auto finish = [&] {
    for (const auto& [unit_name, summary] : current) visit(current_start_s, unit_name, summary);
    current.clear();
  };
  store.read(key, unit, window.start_s, window.end_s, [&](const store::MetricPoint& point) {
    const std::int64_t start_s = point.start_s - (point.start_s - window.start_s) % window.period_s;
    if (start_s != current_start_s) finish();
    current_start_s = start_s;
    current[by_unit ? point.unit : std::string()].add(point.summary);
  });
  finish();
}

Statistic::Statistic(const std::string& name, const std::string& path) : name_(name) {
  for (const auto& [plain, read] : plain_statistics) {
    if (plain != name) continue;
    read_ = read;
    return;
  }
  const auto percent = percent_of(name);
  if (!percent) throw invalid_value("The value " + name + " for parameter " + path + " is not supported.");
  percent_ = *percent;
  read_ = [](const store::MetricSummary& summary, double wanted) { return summary.percentile(wanted); };
}

std::optional<double> Statistic::of(const store::MetricSummary& summary) const {
  return read_(summary, percent_);
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
