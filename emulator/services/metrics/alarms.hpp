// CloudWatch alarms: a metric or an expression of metrics beside a threshold, evaluated on the stored metrics
// whenever somebody asks and when evaluate() is called.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/metrics/metrics.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

class Alarms {
 public:
  struct Place {
    std::string account, region;
    // How many seconds stand for a minute of a period, 60 or fewer: for people who do not want to wait.
    std::int64_t minute_s = 60;
  };
  // Everything must outlive this.
  Alarms(Metrics& metrics, store::Records& records, std::shared_ptr<aws::Clock> clock, Place place);

  // `input`: of PutMetricAlarm. Creates the alarm, or changes it and leaves its state. Throws ServiceFault.
  void put(const json& input);
  void erase(const std::string& name);
  // As DescribeAlarms tells of it, evaluated now; nullopt: there is none.
  std::optional<json> find(const std::string& name);
  bool in_alarm(const std::string& name);
  // All of them, evaluated, by name.
  std::vector<json> all();
  // The newest of the values that decided about the state; nullopt: there were none.
  std::optional<double> value(const std::string& name) const;
  void evaluate() { all(); }

  json describe(const json& input);
  json describe_for_metric(const json& input);
  json history(const json& input) const;
  void set_state(const json& input);
  void enable_actions(const json& names, bool enabled);
  void erase(const json& names);

  std::int64_t minute_s() const { return place_.minute_s; }

 private:
  store::Record evaluated(store::Record alarm);
  void note(const std::string& alarm, const std::string& type, const std::string& summary, const json& data);
  std::vector<store::Record> stored() const;

  Metrics& metrics_;
  store::Records& records_;
  std::shared_ptr<aws::Clock> clock_;
  const Place place_;
};

// PutMetricAlarm, DescribeAlarms, DescribeAlarmsForMetric, DescribeAlarmHistory, DeleteAlarms, SetAlarmState,
// EnableAlarmActions, DisableAlarmActions. `alarms` must outlive the table.
void add_alarm_operations(OperationTable& table, Alarms& alarms);

namespace cloudwatch_metrics {

// What the values of an alarm's periods say of its state.
struct AlarmRule {
  std::string comparison;  // GreaterThanThreshold, ...
  double threshold = 0;
  int evaluation_periods = 1;
  int datapoints_to_alarm = 1;
  std::string missing_data = "missing";  // or breaching, notBreaching, ignore
};
bool breaches(const AlarmRule& rule, double value);
// `values`: of the latest periods, newest first, more than evaluation_periods of them; nullopt: none was put.
// OK, ALARM or INSUFFICIENT_DATA; empty: the state stays what it is.
std::string alarm_state(const AlarmRule& rule, const std::vector<std::optional<double>>& values);

}  // namespace cloudwatch_metrics
}  // namespace sagemaker::local::services
