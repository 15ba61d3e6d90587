#include <doctest/doctest.h>

#include "tests/unit/metrics_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::MetricService;

namespace {

constexpr std::int64_t now = MetricService::now_s;
using Values = std::vector<double>;

// m1: 1 2 3 4 in four minutes; m2: 10 and 30 in the first and third.
struct Math : MetricService {
  Math() {
    for (int i = 0; i < 4; ++i) put({{"MetricName", "one"}, {"Value", i + 1}}, now + 60 * i);
    put({{"MetricName", "two"}, {"Value", 10}}, now);
    put({{"MetricName", "two"}, {"Value", 30}}, now + 120);
  }
  static json stat(const std::string& id, const std::string& name, bool returned = false) {
    return {{"Id", id},
            {"ReturnData", returned},
            {"MetricStat",
             {{"Metric", {{"Namespace", "App"}, {"MetricName", name}}}, {"Period", 60}, {"Stat", "Sum"}}}};
  }
  static json request(json queries) {
    return {{"MetricDataQueries", std::move(queries)},
            {"StartTime", now},
            {"EndTime", now + 240},
            {"ScanBy", "TimestampAscending"}};
  }
  static json with(const std::string& expression) {
    return request({stat("m1", "one"), stat("m2", "two"), {{"Id", "e1"}, {"Expression", expression}}});
  }
  Values values(const std::string& expression) {
    const json results = call("GetMetricData", with(expression)).at("MetricDataResults");
    REQUIRE(results.size() == 1);
    return results.at(0).at("Values").get<Values>();
  }
  std::string refusal(const std::string& expression) { return fault("GetMetricData", with(expression)); }
};

}  // namespace

TEST_CASE_FIXTURE(Math, "arithmetic, point by point") {
  CHECK(values("m1") == Values{1, 2, 3, 4});
  CHECK(values("m1 + 1") == Values{2, 3, 4, 5});
  CHECK(values("10 - m1 * 2") == Values{8, 6, 4, 2});
  CHECK(values("-(m1 + m1) / 2") == Values{-1, -2, -3, -4});
  CHECK(values("2 ^ m1 ^ 1") == Values{2, 4, 8, 16});
  CHECK(values("-m1 ^ 2") == Values{-1, -4, -9, -16});
  CHECK(values("m1 + m2") == Values{11, 33});                // only where both have a value
  CHECK(values("1 / (m1 - 1)") == Values{1, 0.5, 1.0 / 3});  // a division by zero gives no point
  CHECK(values("m1 >= 2 && m1 != 3") == Values{0, 1, 0, 1});
  CHECK(values("m1 == 1 OR m1 > 3") == Values{1, 0, 0, 1});
}

TEST_CASE_FIXTURE(Math, "functions") {
  CHECK(values("SUM([m1, m2])") == Values{11, 2, 33, 4});
  CHECK(values("SUM(METRICS())") == Values{11, 2, 33, 4});
  CHECK(values("AVG(METRICS(\"m2\"))") == Values{10, 30});
  CHECK(values("MAX([m1, m2]) - MIN([m1, m2])") == Values{9, 0, 27, 0});
  CHECK(values("m1 / SUM(m1) * 10") == Values{1, 2, 3, 4});
  CHECK(values("m1 - AVG(m1)") == Values{-1.5, -0.5, 0.5, 1.5});
  CHECK(values("m1 * 0 + STDDEV(m2)") == Values{10, 10, 10, 10});
  CHECK(values("m1 * METRIC_COUNT(METRICS())") == Values{2, 4, 6, 8});
  CHECK(values("ABS(m1 - 3)") == Values{2, 1, 0, 1});
  CHECK(values("CEIL(m1 / 2)") == Values{1, 1, 2, 2});
  CHECK(values("FLOOR(m1 / 2)") == Values{0, 1, 1, 2});
  CHECK(values("LOG10(10 ^ m1)") == Values{1, 2, 3, 4});
  CHECK(values("DIFF(m2)") == Values{20});
  CHECK(values("RATE(m1) * PERIOD(m1)") == Values{1, 1, 1});
  CHECK(values("RUNNING_SUM(m1)") == Values{1, 3, 6, 10});
  CHECK(values("FILL(m2, 0)") == Values{10, 0, 30, 0});
  CHECK(values("FILL(m2, m1)") == Values{10, 2, 30, 4});
  CHECK(values("FILL(m2, REPEAT)") == Values{10, 10, 30, 30});
  CHECK(values("FILL(m2, LINEAR)") == Values{10, 20, 30});
  CHECK(values("IF(m1 > 2, m1)") == Values{3, 4});
  CHECK(values("IF(m1 > 2, m1, 0)") == Values{0, 0, 3, 4});
  CHECK(values("TIME_SERIES(DATAPOINT_COUNT(m2))") == Values{2, 2, 2, 2});
  CHECK(values("FIRST(METRICS())") == Values{1, 2, 3, 4});
  CHECK(values("LAST(METRICS())") == Values{10, 30});
}

TEST_CASE_FIXTURE(Math, "a list gives several results") {
  const json results = call("GetMetricData", with("METRICS() * 2")).at("MetricDataResults");
  REQUIRE(results.size() == 2);
  CHECK(results.at(0).at("Values").get<Values>() == Values{2, 4, 6, 8});
  CHECK(results.at(1).at("Values").get<Values>() == Values{20, 60});
  CHECK(results.at(1).at("Id") == "e1");
}

TEST_CASE_FIXTURE(Math, "expressions that make no sense") {
  std::string deep, row = "m1";
  for (int i = 0; i < 900; ++i) deep += "(";
  for (int i = 0; i < 600; ++i) row += "+1";
  for (const std::string& text :
       {std::string("m1 +"), std::string(""), std::string("(m1"), std::string("m1 m2"), std::string("m3"),
        std::string("e1"), std::string("e1 + 1"), std::string("SUM(m1)"), std::string("5"),
        std::string("ABS()"), std::string("ABS(m1, m1)"), std::string("METRICS(m1)"),
        std::string("METRICS() + METRICS()"), std::string("DIFF(5)"), std::string("[m1, 5]"),
        std::string("m1 ? 2"), deep, row, std::string(1'000, '-')}) {
    CAPTURE(text.substr(0, 30));
    CHECK(refusal(text).starts_with("ValidationError: "));
  }
  CHECK(refusal("ANOMALY_DETECTION_BAND(m1)") ==
        "ValidationError: Error in expression: the function ANOMALY_DETECTION_BAND is not implemented by "
        "sagemaker-local.");
}

// Each expression is small; evaluated inside each other they would need a stack of any size.
TEST_CASE_FIXTURE(Math, "a chain of expressions is bounded") {
  json queries = json::array({stat("e500", "one")});
  for (int i = 0; i < 499; ++i) {
    std::string text = sagemaker::tests::numbered("e", static_cast<std::size_t>(i) + 1);
    for (int plus = 0; plus < 400; ++plus) text += "+1";
    queries.push_back(
        {{"Id", sagemaker::tests::numbered("e", static_cast<std::size_t>(i))}, {"Expression", text}});
  }
  queries.back()["Expression"] = "e500";
  CHECK(fault("GetMetricData", request(queries)).starts_with("ValidationError: "));
  // What would fill years of seconds is refused as well.
  json years = with("FILL(m1, 0)");
  years["StartTime"] = 0;
  years["EndTime"] = 1e10;
  CHECK(fault("GetMetricData", years).starts_with("ValidationError: "));
}

TEST_CASE_FIXTURE(Math, "queries that AWS refuses") {
  const auto refused = [&](const json& queries) { return fault("GetMetricData", request(queries)); };
  CHECK(refused(json::array({stat("M1", "one", true)})) ==
        "ValidationError: The value M1 for parameter MetricDataQueries.member.1.Id is not matching the "
        "expected "
        "pattern ^[a-z][a-zA-Z0-9_]*$.");
  CHECK(refused({stat("m1", "one", true), stat("m1", "two", true)}) ==
        "ValidationError: The values for parameter id in MetricDataQueries are not unique.");
  CHECK(refused(json::array({stat("m1", "one")})).starts_with("ValidationError: "));
  CHECK(refused(json::array()).starts_with("ValidationError: "));
  json both = stat("m1", "one", true);
  both["Expression"] = "1";
  CHECK(refused(json::array({both})).starts_with("ValidationError: "));
  json many = json::array();
  for (std::size_t i = 0; i < 501; ++i) many.push_back(stat(sagemaker::tests::numbered("m", i), "one", true));
  CHECK(refused(many) ==
        "ValidationError: The collection MetricDataQueries must not have a size greater than 500.");
}

TEST_CASE("pages stay right when points come between them") {
  for (const bool newest_first : {true, false}) {
    Math service;
    json input = Math::request({Math::stat("m1", "one", true), Math::stat("m2", "two", true)});
    input["StartTime"] = now - 60;
    input["EndTime"] = now + 300;
    input["ScanBy"] = newest_first ? "TimestampDescending" : "TimestampAscending";
    input["MaxDatapoints"] = 2;
    const auto next_page = [&] {
      const json page = service.call("GetMetricData", input);
      if (page.contains("NextToken")) input["NextToken"] = page.at("NextToken");
      return page.at("MetricDataResults").at(0);
    };
    CHECK(next_page().at("Values") == (newest_first ? json{4, 3} : json{1, 2}));
    // The first page would have begun with it.
    service.put({{"MetricName", "one"}, {"Value", 77}}, newest_first ? now + 240 : now - 60);
    CHECK(next_page().at("Values") == (newest_first ? json{2, 1} : json{3, 4}));
    CHECK(next_page().at("Id") == "m2");
  }
}

TEST_CASE_FIXTURE(Math, "pages of any size hold every point once") {
  for (int size = 1; size <= 9; ++size) {
    json input = request({stat("m1", "one", true), stat("none", "nothing", true), stat("m2", "two", true)});
    input["MaxDatapoints"] = size;
    std::map<std::string, Values> seen;
    for (int pages = 0; pages < 20; ++pages) {
      const json page = call("GetMetricData", input);
      std::size_t points = 0;
      for (const json& result : page.at("MetricDataResults")) {
        for (const json& value : result.at("Values")) seen[result.at("Id")].push_back(value);
        points += result.at("Values").size();
        CHECK(result.at("Values").size() == result.at("Timestamps").size());
      }
      CHECK(points <= static_cast<std::size_t>(size));
      if (!page.contains("NextToken")) break;
      input["NextToken"] = page.at("NextToken");
    }
    CHECK(seen == std::map<std::string, Values>{{"m1", {1, 2, 3, 4}}, {"m2", {10, 30}}});
  }
  json input = request(json::array({stat("m1", "one", true)}));
  input["NextToken"] = "nonsense";
  CHECK(fault("GetMetricData", input).starts_with("InvalidNextToken: "));
  input.erase("NextToken");
  input.erase("ScanBy");
  CHECK(call("GetMetricData", input).at("MetricDataResults").at(0).at("Values").get<Values>() ==
        Values{4, 3, 2, 1});
}
