#include <limits>

#include <doctest/doctest.h>

#include "tests/unit/metrics_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::MetricService;

namespace {
constexpr std::int64_t now = MetricService::now_s, day_s = 86'400;
}

TEST_CASE("values are put in every form, and read as statistics of periods") {
  MetricService service;
  service.put({{"Value", 2}});
  service.put({{"Values", {1, 5}}, {"Counts", {2, 1}}}, now + 59);
  service.put({{"StatisticValues", {{"SampleCount", 3}, {"Sum", 9}, {"Minimum", 0.5}, {"Maximum", 6}}}},
              now + 60);
  const json all = {{"Statistics", {"SampleCount", "Sum", "Average", "Minimum", "Maximum"}}};
  CHECK(service.statistics(all) == json::parse(R"([
    {"Timestamp":1700000040,"Unit":"None","SampleCount":4.0,"Sum":9.0,"Average":2.25,"Minimum":1.0,"Maximum":5.0},
    {"Timestamp":1700000100,"Unit":"None","SampleCount":3.0,"Sum":9.0,"Average":3.0,"Minimum":0.5,"Maximum":6.0}])"));
  const json longer = service.statistics({{"Period", 300}});
  REQUIRE(longer.size() == 1);
  CHECK(longer.at(0).at("Sum") == 18);
}

TEST_CASE("periods begin at the start of the range, rounded down to the minute; its end is not in it") {
  MetricService service;
  service.put({{"Value", 1}}, now);
  service.put({{"Value", 2}}, now + 120);
  const json points =
      service.statistics({{"StartTime", now - 61 + 0.5}, {"EndTime", now + 120}, {"Period", 180}});
  REQUIRE(points.size() == 1);
  CHECK(points.at(0).at("Timestamp") == now - 120);
  CHECK(points.at(0).at("Sum") == 1);
}

TEST_CASE("values of one second are kept where that is asked for") {
  MetricService service;
  for (int i = 0; i < 20; ++i) service.put({{"Value", i}, {"StorageResolution", 1}}, now + i);
  const json points = service.statistics({{"StartTime", now}, {"EndTime", now + 20}, {"Period", 10}});
  REQUIRE(points.size() == 2);
  CHECK(points.at(1).at("Sum") == 145);
}

TEST_CASE("units are kept apart, dimensions in any order are one metric") {
  MetricService service;
  service.put({{"Value", 1}, {"Unit", "Bytes"}});
  service.put({{"Value", 2}, {"Unit", "Seconds"}});
  CHECK(service.statistics().size() == 2);
  CHECK(service.statistics({{"Unit", "Seconds"}}).at(0).at("Sum") == 2);
  const json a = {{"Name", "a"}, {"Value", "1"}}, b = {{"Name", "b"}, {"Value", "2"}};
  service.put({{"Value", 3}, {"Dimensions", {a, b}}});
  CHECK(service.statistics({{"Dimensions", {b, a}}}).at(0).at("Sum") == 3);
  CHECK(service.statistics({{"Dimensions", {a}}}).empty());
}

TEST_CASE("percentiles") {
  MetricService service;
  service.put({{"Values", {1, 2, 3, 10}}});
  const json points =
      service.statistics({{"Statistics", json::array()}, {"ExtendedStatistics", {"p50", "p99.99"}}});
  CHECK(points.at(0).at("ExtendedStatistics") == json{{"p50", 2}, {"p99.99", 10}});
  for (const char* none : {"p", "p101", "p-1", "p1e1", "pnan", "pinf", "p5x", "tm90"}) {
    CAPTURE(none);
    CHECK(service.fault("GetMetricStatistics", {{"Namespace", "App"},
                                                {"MetricName", "m"},
                                                {"StartTime", service.now_s - 600},
                                                {"EndTime", service.now_s},
                                                {"Period", 60},
                                                {"ExtendedStatistics", {none}}}) ==
          "InvalidParameterValue: The value " + std::string(none) +
              " for parameter ExtendedStatistics.member.1 is not supported.");
  }
}

TEST_CASE("a datum that AWS refuses") {
  MetricService service;
  const std::string path = "MetricData.member.1.";
  CHECK(service.put_fault({{"Value", std::numeric_limits<double>::quiet_NaN()}}) ==
        "InvalidParameterValue: The value NaN for parameter " + path + "Value is invalid.");
  CHECK(service.put_fault({{"Value", 1e200}}).starts_with("InvalidParameterValue: "));
  CHECK(service.put_fault({{"Value", 1}, {"Values", {1}}}) ==
        "InvalidParameterCombination: The parameters " + path + "Value and " + path +
            "Values are mutually exclusive and you have specified both.");
  CHECK(service.put_fault(json::object()) ==
        "MissingParameter: The parameter " + path + "Value is required.");
  CHECK(service.put_fault({{"Values", {1, 2}}, {"Counts", {1}}}) == "InvalidParameterValue: The parameters " +
                                                                        path + "Values and " + path +
                                                                        "Counts must be of the same size.");
  CHECK(service.put_fault({{"Values", {1}}, {"Counts", {0}}}).starts_with("InvalidParameterValue: "));
  CHECK(service.put_fault({{"Values", std::vector<int>(151, 1)}}) ==
        "InvalidParameterValue: The collection " + path + "Values must not have a size greater than 150.");
  CHECK(service.put_fault({{"Value", 1}, {"StorageResolution", 5}}).starts_with("InvalidParameterValue: "));
  CHECK(service.put_fault({{"Value", 1}, {"Timestamp", now - 14 * day_s - 1}}) ==
        "InvalidParameterValue: The parameter " + path +
            "Timestamp must specify a time no more than two weeks in the past.");
  CHECK(service.put_fault({{"Value", 1}, {"Timestamp", now + 7'201}}) ==
        "InvalidParameterValue: The parameter " + path +
            "Timestamp must specify a time no more than two hours in the future.");
  CHECK(service.put_fault({{"Value", 1}, {"Timestamp", 1e300}}).starts_with("InvalidParameterValue: "));
  const json twice = {{{"Name", "a"}, {"Value", "1"}}, {{"Name", "a"}, {"Value", "2"}}};
  CHECK(service.put_fault({{"Value", 1}, {"Dimensions", twice}}).starts_with("InvalidParameterValue: "));
  CHECK(service.put_fault({{"Value", 1}, {"Timestamp", now - 14 * day_s}}) == "");
  CHECK(service.put_fault({{"Value", 1}, {"Timestamp", now + 7'200}}) == "");
}

TEST_CASE("a request is taken whole or not at all, and 1,000 data are the most") {
  MetricService service;
  json data = json::array({{{"MetricName", "m"}, {"Value", 1}}, {{"MetricName", "m"}}});
  CHECK(service.fault("PutMetricData", {{"Namespace", "App"}, {"MetricData", data}}) ==
        "MissingParameter: The parameter MetricData.member.2.Value is required.");
  CHECK(service.statistics().empty());
  data = json::array();
  for (int i = 0; i < 1'001; ++i) data.push_back({{"MetricName", "m"}, {"Value", 1}});
  CHECK(service.fault("PutMetricData", {{"Namespace", "App"}, {"MetricData", data}}) ==
        "InvalidParameterValue: The collection MetricData must not have a size greater than 1000.");
  data.erase(0);
  CHECK(service.fault("PutMetricData", {{"Namespace", "App"}, {"MetricData", data}}) == "");
  CHECK(service.statistics().at(0).at("Sum") == 1'000);
  CHECK(service.fault("PutMetricData", {{"Namespace", "AWS/EC2"}, {"MetricData", data}}) ==
        "InvalidParameterValue: The value AWS/ for parameter Namespace is invalid.");
}

TEST_CASE("ranges and periods that AWS refuses") {
  MetricService service;
  const auto fault = [&](const json& more) {
    json input = {{"Namespace", "App"}, {"MetricName", "m"}, {"StartTime", now - 600},
                  {"EndTime", now},     {"Period", 60},      {"Statistics", {"Sum"}}};
    input.update(more);
    return service.fault("GetMetricStatistics", input);
  };
  CHECK(fault(json::object()) == "");
  CHECK(fault({{"StartTime", now - 1'440 * 60}}) == "");
  CHECK(fault({{"StartTime", now - 16'666 * 60}}) ==
        "InvalidParameterCombination: You have requested up to 16,666 datapoints, which exceeds the limit of "
        "1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.");
  CHECK(fault({{"EndTime", now - 600}}) ==
        "InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime.");
  CHECK(fault({{"Period", 61}}).starts_with("InvalidParameterValue: The parameter Period must be"));
  CHECK(fault({{"Statistics", json::array()}}).starts_with("InvalidParameterCombination: "));
  CHECK(fault({{"ExtendedStatistics", {"p101"}}}).starts_with("InvalidParameterValue: The value p101"));
  CHECK(fault({{"ExtendedStatistics", {"tm90"}}}).starts_with("InvalidParameterValue: The value tm90"));
}

TEST_CASE("metrics are listed by name, dimension and activity, in pages that stay right") {
  MetricService service;
  for (std::size_t i = 0; i < 501; ++i)
    service.put({{"MetricName", sagemaker::tests::numbered("n", 1'000 + i)}, {"Value", 1}});
  service.put({{"MetricName", "old"}, {"Value", 1}, {"Dimensions", {{{"Name", "d"}, {"Value", "x"}}}}},
              now - 4 * 3'600);
  const json first = service.call("ListMetrics", {{"Namespace", "App"}});
  CHECK(first.at("Metrics").size() == 500);
  service.put({{"MetricName", "n1000-between"}, {"Value", 1}});
  const json second =
      service.call("ListMetrics", {{"Namespace", "App"}, {"NextToken", first.at("NextToken")}});
  CHECK(second.at("Metrics").size() == 2);
  CHECK_FALSE(second.contains("NextToken"));
  const auto count = [&](const json& input) {
    return service.call("ListMetrics", input).at("Metrics").size();
  };
  CHECK(count({{"MetricName", "old"}}) == 1);
  CHECK(count({{"MetricName", "old"}, {"RecentlyActive", "PT3H"}}) == 0);
  CHECK(count({{"Dimensions", {{{"Name", "d"}}}}}) == 1);
  CHECK(count({{"Dimensions", {{{"Name", "d"}, {"Value", "y"}}}}}) == 0);
  CHECK(count({{"Namespace", "Other"}}) == 0);
  for (const char* token : {"x", "W10=", "WzEsMiwzXQ=="})
    CHECK(service.fault("ListMetrics", {{"NextToken", token}}).starts_with("InvalidParameterValue: "));
  service.move_clock(std::chrono::seconds(15 * day_s));
  CHECK(count({{"MetricName", "old"}}) == 0);
}

TEST_CASE("services of the emulator put values themselves, and old ones are made coarser meanwhile") {
  MetricService service;
  const auto at = [](std::int64_t time_s) { return sagemaker::aws::from_epoch_ms(time_s * 1000); };
  service.metrics.put("/aws/sagemaker/TrainingJobs", "loss", {{"TrainingJobName", "job"}, {"Host", "algo-1"}},
                      0.5, at(now));
  const json listed =
      service.call("ListMetrics", {{"Namespace", "/aws/sagemaker/TrainingJobs"}}).at("Metrics");
  REQUIRE(listed.size() == 1);
  CHECK(listed.at(0).at("Dimensions").at(0).at("Name") == "Host");
  service.put({{"Value", 1}, {"StorageResolution", 1}}, now + 1);
  service.put({{"Value", 1}, {"StorageResolution", 1}}, now + 2);
  service.move_clock(std::chrono::hours(4));
  service.put({{"Value", 1}}, now + 4 * 3'600);
  CHECK(service.statistics({{"Period", 1}, {"EndTime", now + 60}, {"StartTime", now}}).size() == 1);
}
