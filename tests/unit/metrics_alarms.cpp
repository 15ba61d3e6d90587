// Alarms: what the values of their periods say, and what is told of them.
#include <functional>
#include <utility>

#include <doctest/doctest.h>

#include "emulator/services/metrics/alarms.hpp"
#include "tests/unit/metrics_fixture.hpp"

using namespace sagemaker::local::services;
using namespace sagemaker::local::services::cloudwatch_metrics;
using sagemaker::json;

namespace {

constexpr auto none = std::nullopt;

std::string state(const AlarmRule& rule, std::vector<std::optional<double>> newest_first) {
  return alarm_state(rule, newest_first);
}

struct AlarmService : sagemaker::tests::MetricService {
  AlarmService() { add_alarm_operations(operations, alarms); }

  json put_alarm(json more = json::object()) {
    json input = {{"AlarmName", "high"}, {"Namespace", "App"},
                  {"MetricName", "m"},   {"Statistic", "Sum"},
                  {"Period", 60},        {"EvaluationPeriods", 1},
                  {"Threshold", 10},     {"ComparisonOperator", "GreaterThanThreshold"}};
    input.update(more);
    call("PutMetricAlarm", input);
    return described();
  }
  json described() { return call("DescribeAlarms", json::object()).at("MetricAlarms").at(0); }

  sagemaker::local::store::Database record_database{folder / "records.db",
                                                    sagemaker::local::store::Records::schema(),
                                                    sagemaker::local::store::Durability::process};
  sagemaker::local::store::Records records{record_database};
  Alarms alarms{metrics, records, clock, {"000000000000", "us-east-1", 60}};
};

// Something else happens when somebody asks for the time.
struct InterruptedClock final : sagemaker::aws::Clock {
  explicit InterruptedClock(std::shared_ptr<sagemaker::aws::Clock> clock) : real(std::move(clock)) {}
  sagemaker::aws::TimePoint now() const override {
    if (const auto once = std::exchange(meanwhile, nullptr)) once();
    return real->now();
  }
  void sleep_for(std::chrono::milliseconds duration) override { real->sleep_for(duration); }
  std::chrono::steady_clock::time_point steady() const override { return real->steady(); }
  std::shared_ptr<sagemaker::aws::Clock> real;
  mutable std::function<void()> meanwhile;
};

}  // namespace

TEST_CASE("M of the last N values decide") {
  const AlarmRule rule{"GreaterThanThreshold", 5, 3, 2, "missing"};
  CHECK(state(rule, {6.0, 6.0, 1.0, 1.0, 1.0}) == "ALARM");
  CHECK(state(rule, {6.0, 1.0, 1.0, 6.0, 6.0}) == "OK");
  CHECK(state(rule, {5.0, 5.0, 5.0, 5.0, 5.0}) == "OK");
  CHECK(state({"LessThanOrEqualToThreshold", 5, 1, 1, "missing"}, {5.0, 9.0, 9.0}) == "ALARM");
}

TEST_CASE("missing values are treated as the alarm says") {
  const auto with = [](const char* treatment, std::vector<std::optional<double>> values) {
    return state({"GreaterThanThreshold", 5, 3, 3, treatment}, std::move(values));
  };
  // Older values stand in for missing ones where there are enough.
  for (const char* treatment : {"missing", "ignore", "breaching", "notBreaching"}) {
    CAPTURE(treatment);
    CHECK(with(treatment, {9.0, none, 9.0, none, 1.0}) == "OK");
    CHECK(with(treatment, {9.0, none, 9.0, 9.0, 1.0}) == "ALARM");
  }
  const std::vector<std::optional<double>> nothing(5, none);
  CHECK(with("missing", nothing) == "INSUFFICIENT_DATA");
  CHECK(with("ignore", nothing) == "");
  CHECK(with("breaching", nothing) == "ALARM");
  CHECK(with("notBreaching", nothing) == "OK");
  const std::vector<std::optional<double>> one_fine = {none, none, none, none, 1.0};
  CHECK(with("missing", one_fine) == "OK");
  CHECK(with("ignore", one_fine) == "OK");
  CHECK(with("breaching", one_fine) == "OK");
  const std::vector<std::optional<double>> one_breaching = {none, none, 9.0, none, none};
  CHECK(with("missing", one_breaching) == "ALARM");
  CHECK(with("ignore", one_breaching) == "");
  CHECK(with("breaching", one_breaching) == "ALARM");
  CHECK(with("notBreaching", one_breaching) == "OK");
  CHECK(with("missing", {9.0, none, none, none, none}) == "OK");  // too new to be an alarm
}

TEST_CASE("an alarm follows its metric and keeps its history") {
  AlarmService service;
  json alarm = service.put_alarm();
  CHECK(alarm.at("StateValue") == "INSUFFICIENT_DATA");
  CHECK(alarm.at("AlarmArn") == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:high");
  service.put({{"Value", 11}});
  CHECK(service.described().at("StateValue") == "INSUFFICIENT_DATA");  // the minute is not over
  service.move_clock(std::chrono::seconds(60));
  alarm = service.described();
  CHECK(alarm.at("StateValue") == "ALARM");
  CHECK(alarm.at("StateReason") ==
        "Threshold Crossed: 1 out of the last 1 datapoint [11.0 (14/11/23 22:14:00)] was greater than the "
        "threshold (10.0) (minimum 1 datapoint for OK -> ALARM transition).");
  CHECK(service.alarms.in_alarm("high"));
  CHECK(service.alarms.value("high") == 11.0);
  service.put({{"Value", 10}}, service.now_s + 60);
  service.move_clock(std::chrono::seconds(60));
  CHECK(service.described().at("StateValue") == "OK");
  CHECK_FALSE(service.alarms.in_alarm("high"));
  const json history = service.call("DescribeAlarmHistory", {{"HistoryItemType", "StateUpdate"}});
  REQUIRE(history.at("AlarmHistoryItems").size() == 2);
  CHECK(history["AlarmHistoryItems"][0].at("HistorySummary") == "Alarm updated from ALARM to OK");
}

TEST_CASE("a state that was set holds until the next evaluation") {
  AlarmService service;
  service.put_alarm();
  service.call("SetAlarmState", {{"AlarmName", "high"}, {"StateValue", "ALARM"}, {"StateReason", "a test"}});
  CHECK(service.alarms.in_alarm("high"));
  CHECK(service.described().at("StateReason") == "a test");
  service.move_clock(std::chrono::seconds(60));
  CHECK(service.described().at("StateValue") == "INSUFFICIENT_DATA");
  CHECK(service.fault("SetAlarmState", {{"AlarmName", "none"}, {"StateValue", "OK"}, {"StateReason", "x"}})
            .starts_with("ResourceNotFound"));
}

TEST_CASE("a state that is set while the alarm is evaluated holds as well") {
  AlarmService service;
  service.put_alarm();
  service.put({{"Value", 5}}, AlarmService::now_s - 60);
  const auto clock = std::make_shared<InterruptedClock>(service.clock);
  Alarms other(service.metrics, service.records, clock, {"000000000000", "us-east-1", 60});
  clock->meanwhile = [&] {
    service.alarms.set_state({{"AlarmName", "high"}, {"StateValue", "ALARM"}, {"StateReason", "a test"}});
  };
  CHECK(other.in_alarm("high"));
  CHECK(other.in_alarm("high"));
}

TEST_CASE("an alarm on an expression") {
  AlarmService service;
  const json stat = {
      {"Metric", {{"Namespace", "App"}, {"MetricName", "m"}}}, {"Period", 60}, {"Stat", "Sum"}};
  const json input = {{"AlarmName", "share"},
                      {"Metrics",
                       {{{"Id", "m1"}, {"MetricStat", stat}, {"ReturnData", false}},
                        {{"Id", "e1"}, {"Expression", "m1 * 100"}, {"ReturnData", true}}}},
                      {"EvaluationPeriods", 1},
                      {"Threshold", 150},
                      {"ComparisonOperator", "GreaterThanOrEqualToThreshold"}};
  service.call("PutMetricAlarm", input);
  service.put({{"Value", 1.5}});
  service.move_clock(std::chrono::seconds(60));
  CHECK(service.described().at("StateValue") == "ALARM");
  json wrong = input;
  wrong["Metrics"][1]["Expression"] = "m1 *";
  CHECK(service.fault("PutMetricAlarm", wrong).starts_with("ValidationError"));
}

TEST_CASE("alarms are found by name, state and metric, page by page, and deleted") {
  AlarmService service;
  for (const char* name : {"c", "a", "b"}) service.put_alarm({{"AlarmName", name}});
  json page = service.call("DescribeAlarms", {{"MaxRecords", 2}});
  REQUIRE(page.at("MetricAlarms").size() == 2);
  CHECK(page["MetricAlarms"][0]["AlarmName"] == "a");
  page = service.call("DescribeAlarms", {{"MaxRecords", 2}, {"NextToken", page.at("NextToken")}});
  CHECK(page.at("MetricAlarms").size() == 1);
  CHECK(service.call("DescribeAlarms", {{"StateValue", "OK"}}).at("MetricAlarms").empty());
  CHECK(service.call("DescribeAlarms", {{"AlarmNames", {"b"}}}).at("MetricAlarms").size() == 1);
  CHECK(service.call("DescribeAlarmsForMetric", {{"Namespace", "App"}, {"MetricName", "m"}})
            .at("MetricAlarms")
            .size() == 3);
  service.call("DisableAlarmActions", {{"AlarmNames", {"a"}}});
  CHECK(service.described().at("ActionsEnabled") == false);
  service.call("DeleteAlarms", {{"AlarmNames", {"a", "b"}}});
  CHECK(service.described().at("AlarmName") == "c");
  CHECK(service.fault("DeleteAlarms", {{"AlarmNames", {"a"}}}).starts_with("ResourceNotFound"));
}

TEST_CASE("what does not fit together is refused") {
  AlarmService service;
  const auto fault = [&](json more) {
    json input = {{"AlarmName", "x"},
                  {"EvaluationPeriods", 2},
                  {"Threshold", 1},
                  {"ComparisonOperator", "GreaterThanThreshold"}};
    input.update(more);
    return service.fault("PutMetricAlarm", input);
  };
  CHECK(fault(json::object()) == "MissingParameter: The parameter MetricName is required.");
  CHECK(fault({{"DatapointsToAlarm", 3}}).starts_with("ValidationError"));
  CHECK(fault({{"TreatMissingData", "perhaps"}}).starts_with("ValidationError"));
  CHECK(fault({{"ComparisonOperator", "LessThanLowerThreshold"}}) ==
        "ValidationError: LessThanLowerThreshold is not implemented by sagemaker-local yet.");
}
