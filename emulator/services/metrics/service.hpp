// Shared by the operations of CloudWatch metrics: faults in AWS's words, metrics and periods of a request.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/metrics/metrics.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {

inline ServiceFault invalid_value(const std::string& message) {
  return ServiceFault("InvalidParameterValue", 400, message);
}
inline ServiceFault invalid_combination(const std::string& message) {
  return ServiceFault("InvalidParameterCombination", 400, message);
}
inline ServiceFault missing_parameter(const std::string& message) {
  return ServiceFault("MissingParameter", 400, message);
}
inline ServiceFault validation_error(const std::string& message) {
  return ServiceFault("ValidationError", 400, message);
}

inline std::string member_path(std::string_view list, std::size_t index) {
  return std::string(list) + ".member." + std::to_string(index + 1);
}

// "1,440", as AWS writes numbers.
std::string grouped_digits(std::int64_t number);

// The member `name` of `input` as seconds since 1970; `path` names it in a fault.
std::int64_t time_of(const json& input, const char* name, const std::string& path);
// A list of {Name, Value}, sorted; a fault where one name stands there twice.
Metrics::Dimensions dimensions_of(const json& input, const std::string& path);
std::optional<std::string> unit_of(const json& input);

// How a time range is divided: periods begin at `start_s`, which AWS rounds down.
struct Window {
  std::int64_t start_s = 0, end_s = 0, period_s = 60;
  std::int64_t periods() const { return (end_s - start_s + period_s - 1) / period_s; }
};
// Of a request with StartTime and EndTime; throws for a period that AWS has not. Periods::any: those of
// alarms in an emulator whose minutes are shorter; they begin at StartTime.
enum class Periods { as_aws, any };
Window window_of(const json& input, std::int64_t period_s, std::int64_t now_s,
                 Periods periods = Periods::as_aws);

// Hands over the summary of each period of the window that has values, oldest first. `by_unit`: one for each
// unit in it; otherwise values of all units together, and an empty unit.
using PeriodVisitor =
    std::function<void(std::int64_t start_s, const std::string& unit, const store::MetricSummary& summary)>;
void each_period(const store::Metrics& store, const store::MetricKey& key,
                 const std::optional<std::string>& unit, const Window& window, bool by_unit,
                 const PeriodVisitor& visit);

// "Average", "p99.9": what a summary is asked for. A statistic that it is not is refused.
class Statistic {
 public:
  Statistic(const std::string& name, const std::string& path);
  // nullopt: percentiles of values that came as a statistic set.
  std::optional<double> of(const store::MetricSummary& summary) const;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  double percent_ = 0;
  std::optional<double> (*read_)(const store::MetricSummary& summary, double percent);
};

json put_metric_data(Metrics& metrics, const json& input);
json get_metric_statistics(const Metrics& metrics, const json& input);
json get_metric_data(const Metrics& metrics, const CallContext& context, const json& input,
                     Periods periods = Periods::as_aws);
json list_metrics(const Metrics& metrics, const json& input);

}  // namespace sagemaker::local::services::cloudwatch_metrics
