// The state of an alarm from the values of its periods.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
#include <algorithm>

#include "emulator/services/metrics/alarms.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {

bool breaches(const AlarmRule& rule, double value) {
  if (rule.comparison == "GreaterThanThreshold") return value > rule.threshold;
  if (rule.comparison == "GreaterThanOrEqualToThreshold") return value >= rule.threshold;
  if (rule.comparison == "LessThanThreshold") return value < rule.threshold;
  return value <= rule.threshold;
}

std::string alarm_state(const AlarmRule& rule, const std::vector<std::optional<double>>& values) {
  const auto periods = static_cast<std::size_t>(rule.evaluation_periods);
  // Where a value is late, older ones stand in: the newest that there are, as many as are needed.
  std::vector<double> present;
  for (const auto& value : values)
    if (value && present.size() < periods) present.push_back(*value);
  const int breaching = static_cast<int>(
      std::count_if(present.begin(), present.end(), [&](double value) { return breaches(rule, value); }));
  if (breaching >= rule.datapoints_to_alarm) return "ALARM";
  if (present.size() == periods) return "OK";
  const int missing = rule.evaluation_periods - static_cast<int>(present.size());
  const int fine = static_cast<int>(present.size()) - breaching;
  if (rule.missing_data == "breaching")
    return breaching + missing >= rule.datapoints_to_alarm ? "ALARM" : "OK";
  if (rule.missing_data == "notBreaching") return "OK";
  if (rule.missing_data == "ignore")
    return fine > rule.evaluation_periods - rule.datapoints_to_alarm ? "OK" : "";
  if (present.empty()) return "INSUFFICIENT_DATA";
  // The oldest breaching value is as old as the alarm takes, and all behind it are breaching or missing.
  std::size_t oldest = 0;
  for (std::size_t age = 1; age <= std::min(periods, values.size()); ++age) {
    const auto& value = values[age - 1];
    if (value && !breaches(rule, *value)) break;
    if (value) oldest = age;
  }
  return oldest >= static_cast<std::size_t>(rule.datapoints_to_alarm) ? "ALARM" : "OK";
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
