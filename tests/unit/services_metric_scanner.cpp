// MetricDefinitions over the lines of a job: which values they give, what is told of expressions that do not
// work, and that none of them can stop a job's log.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/metrics/publisher.hpp"
#include "emulator/services/pattern/pattern.hpp"
#include "emulator/services/sagemaker/training/metric_scanner.hpp"
#include "tests/unit/metrics_fixture.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::services;
using sagemaker::json;

namespace {

struct Scan {
  std::vector<std::string> warnings;
  MetricScanner scanner;
  explicit Scan(const json& definitions, MetricPublisher* publisher = nullptr)
      : scanner(definitions, sagemaker::aws::system_clock(), publisher,
                [this](const std::string& line) { warnings.push_back(line); }) {}
  json values() const {
    json values = json::object();
    for (const json& metric : scanner.final_metrics()) values[metric.at("MetricName")] = metric.at("Value");
    return values;
  }
};

json definition(const char* name, const std::string& regex) { return {{"Name", name}, {"Regex", regex}}; }

}  // namespace

TEST_CASE("the last value of each metric is its final one") {
  Scan scan({definition("loss", "loss=(.*?);"), definition("epoch", R"(epoch (\d+))"),
             definition("none", "never (1)")});
  for (const char* line : {"epoch 1 loss=0.5; loss=0.25;", "epoch 2", "loss=1e-3;", "loss=nan;", "loss=-inf;",
                           "loss=high;", "loss=;"})
    scan.scanner.scan(line);
  CHECK(scan.values() == json{{"loss", 0.001}, {"epoch", 2.0}});
  CHECK(scan.warnings.empty());
}

TEST_CASE("without a group the whole match is the value; a group that took no part gives none") {
  Scan scan({definition("whole", R"(\d+\.\d+)"), definition("other", R"(a|b(\d))"),
             definition("named", R"(x=(?P<v>\d))")});
  for (const char* line : {"at 1.25 s", "b7", "a", "x=3"}) scan.scanner.scan(line);
  CHECK(scan.values() == json{{"whole", 1.25}, {"other", 7.0}, {"named", 3.0}});
}

TEST_CASE("expressions that match nothing go through a line and end") {
  Scan scan({definition("empty", R"((\d*))"), definition("behind", "(?<=\u00e9)(\\d)")});
  scan.scanner.scan(
      "\u00e9"
      "5 \u00fc 12");
  CHECK(scan.values() == json{{"empty", 12.0}, {"behind", 5.0}});
}

TEST_CASE("what is around bytes that are not UTF-8 is found") {
  Scan scan(json::array({definition("loss", R"(^.*loss=(\d)$)")}));
  scan.scanner.scan("\xff\xfe|##\xc3| loss=4");
  CHECK(scan.values() == json{{"loss", 4.0}});
}

TEST_CASE("an expression that Python would refuse is told, and the others work") {
  Scan scan({definition("bad", "loss=(.*"), definition("good", "loss=(.*)")});
  scan.scanner.scan("loss=1");
  CHECK(scan.values() == json{{"good", 1.0}});
  REQUIRE(scan.warnings.size() == 1);
  CHECK(scan.warnings[0] ==
        "sagemaker-local: metric bad will have no values: its regular expression loss=(.* does not compile: "
        "missing ), unterminated subpattern at position 5");
}

TEST_CASE("no expression can stop the log: it is given up for a line, told, and in the end given up") {
  const std::string hostile = std::string(64 * 1024, 'a') + "! loss=2";
  for (const char* regex :
       {"(a+)+$", "(a|aa)+$", "(a*)*b", "a*a*a*a*b", "(?:a.*)*b", "(.*)(.*)(.*)x", "(?=(a+))*x"}) {
    Scan scan({definition("slow", regex), definition("loss", R"(loss=(\d))")});
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) scan.scanner.scan(hostile);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    INFO(regex);
    CHECK(scan.values().at("loss") == 2.0);
    CHECK(took.count() < 10);  // a hundredth of it where the machine is idle; without the budget: years
    if (scan.warnings.empty()) continue;  // found out fast that there is none
    CHECK(scan.warnings.size() <= 5);
    CHECK(scan.warnings[0].find(
              "metric slow: its regular expression takes more than 20 ms for a line of 65544 bytes") !=
          std::string::npos);
  }
}

TEST_CASE("a search that needs many steps and little time is made to its end") {
  const Pattern pattern("(x+x+)+y", Pattern::Dialect::python);
  const std::string text = std::string(18, 'x') + "z xxxxy";
  const auto hit = pattern.search_within(text, 0, std::chrono::seconds(60));
  CHECK(hit.kind == PatternHit::Kind::found);
  CHECK(hit.begin == 20);
  const auto long_text = std::string(300'000, ' ') + "loss=5";
  const auto far =
      Pattern(R"(loss=(\d))", Pattern::Dialect::python).search_within(long_text, 0, std::chrono::seconds(60));
  CHECK(far.group == "5");
}

TEST_CASE("values are published by the second, many for the price of few") {
  sagemaker::tests::MetricService service;
  MetricPublisher publisher(service.metrics, "/aws/sagemaker/TrainingJobs", {{"TrainingJobName", "job"}});
  const auto when = service.clock->now();
  for (int i = 1; i <= 100'000; ++i) publisher.add("loss", i, when);
  publisher.add("accuracy", 0.5, when);
  publisher.flush();
  const json points = service.statistics({{"Namespace", "/aws/sagemaker/TrainingJobs"},
                                          {"MetricName", "loss"},
                                          {"Dimensions", {{{"Name", "TrainingJobName"}, {"Value", "job"}}}},
                                          {"Statistics", {"SampleCount", "Average"}}});
  REQUIRE(points.size() == 1);
  CHECK(points[0].at("SampleCount") == 100'000);
  CHECK(points[0].at("Average") == 50'000.5);
}

TEST_CASE("whoever listens hears every finite value as it comes") {
  std::vector<std::pair<std::string, double>> heard;
  MetricScanner scanner(
      {definition("loss", "loss=(.*?);"), definition("epoch", R"(epoch (\d+))")},
      sagemaker::aws::system_clock(), nullptr, [](const std::string&) {},
      [&](const std::string& metric, double value) { heard.emplace_back(metric, value); });
  for (const char* line : {"epoch 1 loss=0.5;", "loss=nan; loss=0.25;", "nothing"}) scanner.scan(line);
  const std::vector<std::pair<std::string, double>> expected{{"loss", 0.5}, {"epoch", 1.0}, {"loss", 0.25}};
  CHECK(heard == expected);
}
