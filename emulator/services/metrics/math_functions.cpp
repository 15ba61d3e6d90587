// The functions of metric math.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "emulator/services/metrics/expression.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

using Kind = MathValue::Kind;
using Values = std::vector<double>;
using Arguments = std::vector<MathValue>;

constexpr std::size_t some = 1'000;  // arguments, where a function takes any number

double sum_of(const Values& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}
double average_of(const Values& values) { return sum_of(values) / static_cast<double>(values.size()); }
double smallest_of(const Values& values) { return *std::min_element(values.begin(), values.end()); }
double largest_of(const Values& values) { return *std::max_element(values.begin(), values.end()); }
double count_of(const Values& values) { return static_cast<double>(values.size()); }
double deviation_of(const Values& values) {
  const double average = average_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - average) * (value - average);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

// A series becomes a number; of a list, the values of each period become one value of one series. Several
// arguments are taken as a list.
template <double (*reduce)(const Values&)>
MathValue reduced(const MathScope&, Arguments& arguments) {
  if (arguments.size() == 1 && arguments[0].kind == Kind::number) return arguments[0];
  Values numbers;
  std::vector<const Series*> all;
  for (const MathValue& argument : arguments) {
    if (argument.kind == Kind::number) numbers.push_back(argument.number);
    for (const Series& series : argument.series) all.push_back(&series);
  }
  if (all.empty()) return MathValue::of(numbers.empty() ? 0 : reduce(numbers));
  if (arguments.size() == 1 && arguments[0].kind == Kind::series) {
    for (const auto& [time, value] : *all[0]) numbers.push_back(value);
    return MathValue::of(numbers.empty() ? 0 : reduce(numbers));
  }
  std::map<std::int64_t, Values> by_time;
  for (const Series* series : all)
    for (const auto& [time, value] : *series)
      by_time.try_emplace(time, numbers).first->second.push_back(value);
  Series result;
  for (const auto& [time, values] : by_time) result[time] = reduce(values);
  return MathValue::of(std::move(result), arguments[0].period_s);
}

template <double (*operation)(double)>
MathValue transformed(const MathScope&, Arguments& arguments) {
  return transform(std::move(arguments[0]), operation);
}
double absolute(double x) { return std::abs(x); }
double ceiling(double x) { return std::ceil(x); }
double floor_of(double x) { return std::floor(x); }
double natural_log(double x) { return std::log(x); }
double decimal_log(double x) { return std::log10(x); }

void require_series(const MathValue& value, const char* function) {
  if (value.kind == Kind::number)
    throw validation_error(std::string("Error in expression: the function ") + function +
                           " takes time series");
}

// Changes each series of the argument by itself.
template <typename Change>
MathValue each_series(MathValue value, const char* function, const Change& change) {
  require_series(value, function);
  for (Series& series : value.series) series = change(series);
  return value;
}

template <bool per_second>
MathValue differences(const MathScope&, Arguments& arguments) {
  return each_series(std::move(arguments[0]), per_second ? "RATE" : "DIFF", [](const Series& series) {
    Series result;
    for (auto at = series.begin(); at != series.end() && std::next(at) != series.end(); ++at) {
      const auto next = std::next(at);
      const double seconds = static_cast<double>(next->first - at->first);
      result[next->first] = (next->second - at->second) / (per_second ? seconds : 1);
    }
    return result;
  });
}

MathValue running_sum(const MathScope&, Arguments& arguments) {
  return each_series(std::move(arguments[0]), "RUNNING_SUM", [](Series series) {
    double sum = 0;
    for (auto& [time, value] : series) value = sum += value;
    return series;
  });
}

// The value between two points, where both are there, or of the one before.
std::optional<double> between(const Series& series, std::int64_t time, bool linear) {
  const auto next = series.upper_bound(time);
  if (next == series.begin()) return std::nullopt;
  const auto before = std::prev(next);
  if (!linear) return before->second;
  if (next == series.end()) return std::nullopt;
  const double share =
      static_cast<double>(time - before->first) / static_cast<double>(next->first - before->first);
  return before->second + share * (next->second - before->second);
}

// FILL(m1, 0), FILL(m1, m2), FILL(m1, LINEAR), FILL(m1, REPEAT); the parser writes the two words as NaN and
// infinity.
MathValue fill(const MathScope& scope, Arguments& arguments) {
  const MathValue with = std::move(arguments[1]);
  if (with.kind == Kind::list) throw validation_error("Error in expression: FILL fills with one value");
  const std::int64_t period_s = arguments[0].period_s;
  const auto span_s = static_cast<std::size_t>(scope.window.end_s - scope.window.start_s);
  scope.charge(arguments[0].series.size() * (span_s / static_cast<std::size_t>(period_s) + 1));
  return each_series(std::move(arguments[0]), "FILL", [&](const Series& series) {
    Series result = series;
    for (std::int64_t time = scope.window.start_s; time < scope.window.end_s; time += period_s) {
      if (series.contains(time)) continue;
      std::optional<double> value;
      if (with.kind == Kind::series) {
        const auto found = with.series[0].find(time);
        if (found != with.series[0].end()) value = found->second;
      } else if (std::isfinite(with.number)) {
        value = with.number;
      } else {
        value = between(series, time, std::isnan(with.number));
      }
      if (value) result[time] = *value;
    }
    return result;
  });
}

MathValue time_series(const MathScope& scope, Arguments& arguments) {
  if (arguments[0].kind != Kind::number) return arguments[0];
  scope.charge(static_cast<std::size_t>(scope.window.periods()));
  Series result;
  for (std::int64_t time = scope.window.start_s; time < scope.window.end_s; time += scope.window.period_s)
    result[time] = arguments[0].number;
  return MathValue::of(std::move(result), scope.window.period_s);
}

std::optional<double> at(const MathValue& value, std::int64_t time) {
  if (value.kind == Kind::number) return value.number;
  const auto found = value.series[0].find(time);
  if (found == value.series[0].end()) return std::nullopt;
  return found->second;
}

// IF(condition, then, otherwise): where there is no third argument, points that do not meet the condition are
// left out.
MathValue choose(const MathScope&, Arguments& arguments) {
  for (const MathValue& argument : arguments)
    if (argument.kind == Kind::list) throw validation_error("Error in expression: IF takes no lists");
  const MathValue none = MathValue::of(std::numeric_limits<double>::quiet_NaN());
  const MathValue& condition = arguments[0];
  const MathValue& otherwise = arguments.size() > 2 ? arguments[2] : none;
  if (condition.kind == Kind::number) return condition.number != 0 ? arguments[1] : otherwise;
  Series result;
  for (const auto& [time, met] : condition.series[0]) {
    const auto value = at(met != 0 ? arguments[1] : otherwise, time);
    if (value && std::isfinite(*value)) result[time] = *value;
  }
  return MathValue::of(std::move(result), condition.period_s);
}

template <bool first>
MathValue end_of_list(const MathScope&, Arguments& arguments) {
  require_series(arguments[0], first ? "FIRST" : "LAST");
  std::vector<Series>& all = arguments[0].series;
  if (all.empty()) throw validation_error("Error in expression: the list is empty");
  return MathValue::of(std::move(first ? all.front() : all.back()), arguments[0].period_s);
}

MathValue metric_count(const MathScope&, Arguments& arguments) {
  return MathValue::of(static_cast<double>(arguments[0].series.size()));
}

MathValue period(const MathScope&, Arguments& arguments) {
  require_series(arguments[0], "PERIOD");
  return MathValue::of(static_cast<double>(arguments[0].period_s));
}

MathValue remove_empty(const MathScope&, Arguments& arguments) {
  require_series(arguments[0], "REMOVE_EMPTY");
  std::erase_if(arguments[0].series, [](const Series& series) { return series.empty(); });
  arguments[0].kind = Kind::list;
  return arguments[0];
}

constexpr std::array<MathFunction, 22> functions{{
    {"ABS", 1, 1, transformed<absolute>},
    {"AVG", 1, some, reduced<average_of>},
    {"CEIL", 1, 1, transformed<ceiling>},
    {"DATAPOINT_COUNT", 1, 1, reduced<count_of>},
    {"DIFF", 1, 1, differences<false>},
    {"FILL", 2, 2, fill},
    {"FIRST", 1, 1, end_of_list<true>},
    {"FLOOR", 1, 1, transformed<floor_of>},
    {"IF", 2, 3, choose},
    {"LAST", 1, 1, end_of_list<false>},
    {"LOG", 1, 1, transformed<natural_log>},
    {"LOG10", 1, 1, transformed<decimal_log>},
    {"MAX", 1, some, reduced<largest_of>},
    {"METRIC_COUNT", 1, 1, metric_count},
    {"MIN", 1, some, reduced<smallest_of>},
    {"PERIOD", 1, 1, period},
    {"RATE", 1, 1, differences<true>},
    {"REMOVE_EMPTY", 1, 1, remove_empty},
    {"RUNNING_SUM", 1, 1, running_sum},
    {"STDDEV", 1, some, reduced<deviation_of>},
    {"SUM", 1, some, reduced<sum_of>},
    {"TIME_SERIES", 1, 1, time_series},
}};

}  // namespace

const MathFunction* find_math_function(std::string_view name) {
  const auto found = std::find_if(functions.begin(), functions.end(),
                                  [&](const MathFunction& function) { return function.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

MathValue transform(MathValue value, double (*operation)(double)) {
  value.number = operation(value.number);
  for (Series& series : value.series)
    for (auto& [time, point] : series) point = operation(point);
  return value;
}

MathValue combine(const MathValue& a, const MathValue& b, double (*operation)(double, double)) {
  if (a.kind == Kind::number && b.kind == Kind::number) return MathValue::of(operation(a.number, b.number));
  if (a.kind == Kind::list && b.kind == Kind::list)
    throw validation_error("Error in expression: an operator takes one list of time series at most");
  const MathValue& wide = a.kind == Kind::list || b.kind == Kind::number ? a : b;
  MathValue result = wide;
  for (std::size_t i = 0; i < wide.series.size(); ++i) {
    Series combined;
    for (const auto& [time, value] : wide.series[i]) {
      const auto left = &wide == &a ? std::optional(value) : at(a, time);
      const auto right = &wide == &b ? std::optional(value) : at(b, time);
      if (left && right) combined[time] = operation(*left, *right);
    }
    result.series[i] = std::move(combined);
  }
  return result;
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
