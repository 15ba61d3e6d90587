// Following a job: logs of hosts that are started again, what a terminal shows, and metrics over time.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "terminal_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

json stream(const std::string& name) { return {{"logStreamName", name}}; }

// GetLogEvents of streams of one line each: the line is the stream's name.
void script_streams(ScriptedAws& aws) {
  aws.on_call("GetLogEvents", [](const aws::HttpRequest& request) {
    const json input = aws::parse_json(request.body);
    json events = json::array();
    if (!input.contains("nextToken"))
      events.push_back({{"timestamp", 1}, {"message", input["logStreamName"]}});
    return answer_json({{"events", events}, {"nextForwardToken", "f/1"}});
  });
}

json metric_job() {
  return {{"TrainingJobName", "j"},
          {"TrainingStartTime", 1'000'000.0},
          {"TrainingEndTime", 1'000'300.0},
          {"AlgorithmSpecification",
           {{"MetricDefinitions",
             {{{"Name", "loss"}, {"Regex", "l=(.*)"}}, {{"Name", "a,b"}, {"Regex", "b=(.*)"}}}}}}};
}

}  // namespace

TEST_CASE("the log of a host that is started again, after all hosts were seen, is shown too") {
  Stage stage({.endpoint_url = "http://127.0.0.1:4566"});
  const json first{{"logStreams", {stream("j/algo-1-100")}}};
  const json second{{"logStreams", {stream("j/algo-1-100"), stream("j/algo-1-200")}}};
  stage.aws->on("DescribeLogStreams", {answer_json(first), answer_json(second)});
  script_streams(*stage.aws);
  JobLogTail tail(stage.session.logs(), {.job_name = "j", .host_count = 1});
  std::vector<std::string> lines;
  const auto deliver = [&](const LogLine& line) { lines.push_back(line.host + ": " + line.text); };
  CHECK(tail.poll(deliver));
  CHECK(tail.poll(deliver));
  CHECK(!tail.poll(deliver));
  CHECK(lines == std::vector<std::string>{"algo-1: j/algo-1-100", "algo-1: j/algo-1-200"});
  CHECK(stage.aws->document("DescribeLogStreams", 0)["limit"] == 1);
  CHECK(stage.aws->document("DescribeLogStreams", 1)["limit"] == 50);
}

TEST_CASE("a job on this machine is looked at soon, and never after more than a quarter of a second") {
  Stage stage({.endpoint_url = "http://127.0.0.1:4566"});
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", json::array()}});
  std::vector<aws::HttpResponse> looks(12, answer_json({{"TrainingJobStatus", "InProgress"}}));
  looks.push_back(answer_json({{"TrainingJobStatus", "Completed"}}));
  stage.aws->on("DescribeTrainingJob", looks);
  stage.session.logs_for_job("j");
  REQUIRE(stage.clock->sleeps.size() == 13);
  CHECK(stage.clock->sleeps.front() == 50);
  CHECK(*std::max_element(stage.clock->sleeps.begin(), stage.clock->sleeps.end()) == 250);
  CHECK(stage.clock->sleeps.back() == 50);  // for the last lines of the log
}

TEST_CASE("hosts have colours on a terminal, and nothing there can move the cursor") {
  const auto show = [] {
    detail::Console console({});
    console.host_line("algo-1", "one");
    console.host_line("algo-2", "two\033[2J\b\tend");
    console.host_line("algo-6", "six");
  };
  CHECK(on_terminal(show) ==
        "\033[34m[algo-1]\033[0m one\r\n\033[35m[algo-2]\033[0m "
        "two\\x1b[2J\\x08\tend\r\n\033[34m[algo-6]\033[0m "
        "six\r\n");
  CHECK(on_terminal(show, "1").starts_with("[algo-1] one\r\n[algo-2] two\\x1b["));
  CHECK(on_terminal(show, "").starts_with("\033[34m"));  // set to nothing is not set
  std::vector<std::string> lines;
  detail::Console own([&](std::string_view line) { lines.emplace_back(line); });
  own.host_line("algo-2", "two\033[2J");
  CHECK(lines == std::vector<std::string>{"[algo-2] two\033[2J"});
}

TEST_CASE("a job's colours reach a terminal and end with their line, other control characters are shown") {
  const auto shown = [](const char* text, const char* terminal = "xterm") {
    return on_terminal([&] {
      ::setenv("TERM", terminal, 1);
      detail::Console console({});
      console.line(text);
    });
  };
  CHECK(shown("\033[1;31mred\033[m plain") == "\033[1;31mred\033[m plain\033[0m\r\n");
  CHECK(shown("\033[31mred", "dumb") == "\\x1b[31mred\r\n");
  CHECK(shown("\033[1;31Hmoved \033]0;title\a") == "\\x1b[1;31Hmoved \\x1b]0;title\\x07\r\n");
  CHECK(shown("cut short \033[1;") == "cut short \\x1b[1;\r\n");
  CHECK(shown("\x7f \xc2\x9b"
              "2J caf\xc3\xa9 \xc2\xa9") == "\\x7f \\x9b2J caf\xc3\xa9 \xc2\xa9\r\n");
  CHECK(shown("10%\r20%\r") == "10%\\x0d20%\r\n");
}

TEST_CASE("the line at the bottom of a terminal is written where it changes, and anew below other lines") {
  CHECK(on_terminal([] {
          detail::Console console({});
          for (int look = 0; look < 4; ++look) console.show("Training", std::chrono::seconds(look / 3));
          console.line("a line");
          console.show("Training", std::chrono::seconds(1));
          console.clear();
          console.clear();
        }) == "\r\033[K00:00 Training\r\033[K00:01 Training\r\033[Ka line\r\n\r\033[K00:01 Training\r\033[K");
}

TEST_CASE("the line at the bottom of a terminal tells status, time and the seconds that are billed") {
  const json job{{"TrainingStartTime", 1'000'000.0},
                 {"ResourceConfig", {{"InstanceGroups", {{{"InstanceCount", 1}}, {{"InstanceCount", 2}}}}}}};
  const auto now = aws::from_epoch_seconds(1'000'004.9);
  CHECK(detail::live_status(job, "Training", now) == "Training, 12 billable seconds");
  CHECK(detail::live_status(json::object(), "Starting", now) == "Starting");
  CHECK(detail::live_status(job, "Training", aws::from_epoch_seconds(999'990)) ==
        "Training");  // another clock
  CHECK(on_terminal([] {
          detail::Console console({});
          console.show("Training", std::chrono::seconds(65));
          console.line("a line");
        }) == "\r\033[K01:05 Training\r\033[Ka line\r\n");
}

TEST_CASE("every change of status is printed with its time and message, and so are rules of the debugger") {
  std::vector<std::string> lines;
  detail::Console console([&](std::string_view line) { lines.emplace_back(line); });
  detail::JobProgress progress(console);
  json job{{"LastModifiedTime", 1'795'244'405.5},
           {"SecondaryStatusTransitions",
            {{{"Status", "Training"}, {"StatusMessage", "Training in progress."}},
             {{"Status", "Interrupted"}, {"StatusMessage", "Spot capacity was reclaimed"}}}},
           {"DebugRuleEvaluationStatuses",
            {{{"RuleConfigurationName", "Overfit"}, {"RuleEvaluationStatus", "InProgress"}}}}};
  progress.update(job);
  progress.update(job);
  job["SecondaryStatusTransitions"][1]["StatusMessage"] = "Waiting for capacity";
  job["DebugRuleEvaluationStatuses"][0]["RuleEvaluationStatus"] = "IssuesFound";
  progress.update(job);
  CHECK(lines == std::vector<std::string>{"Training - Training in progress...",
                                          "2026-11-21 07:00:05 Interrupted - Spot capacity was reclaimed...",
                                          "Overfit: InProgress",
                                          "2026-11-21 07:00:05 Interrupted - Waiting for capacity...",
                                          "Overfit: IssuesFound"});
}

TEST_CASE("metrics: the job's own, averaged per minute, in the order of time, as rows, CSV and JSON") {
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", metric_job());
  stage.aws->on_call("GetMetricStatistics", [](const aws::HttpRequest& request) {
    const bool loss = aws::parse_json(request.body)["MetricName"] == "loss";
    json points = json::array();
    if (loss)
      points = {{{"Timestamp", 1'000'080.0}, {"Average", 0.25}},
                {{"Timestamp", 1'000'020.0}, {"Average", 1}}};
    return answer_json({{"Label", "x"}, {"Datapoints", points}});
  });
  Estimator estimator = Estimator::attach(stage.session, "j", {.wait = false});
  TrainingJobAnalytics analytics = estimator.training_job_analytics();
  CHECK(analytics.name() == "j");
  CHECK(analytics.metric_names() == std::vector<std::string>{"loss", "a,b"});
  REQUIRE(analytics.rows().size() == 2);
  CHECK(analytics.rows()[1].timestamp == 60.0);
  CHECK(analytics.rows()[1].value == 0.25);
  CHECK(analytics.csv() == ",timestamp,metric_name,value\n0,0.0,loss,1.0\n1,60.0,loss,0.25\n");
  CHECK(analytics.to_json() == json::parse(R"([{"timestamp": 0.0, "metric_name": "loss", "value": 1.0},
    {"timestamp": 60.0, "metric_name": "loss", "value": 0.25}])"));
  CHECK(stage.lines == std::vector<std::string>{"Warning: No metrics called a,b found"});
  CHECK(stage.aws->document("GetMetricStatistics") ==
        json::parse(R"({"Namespace": "/aws/sagemaker/TrainingJobs",
    "MetricName": "loss", "Dimensions": [{"Name": "TrainingJobName", "Value": "j"}], "StartTime": 1000000.0,
    "EndTime": 1000360.0, "Period": 60, "Statistics": ["Average"]})"));
  CHECK(stage.aws->count("GetMetricStatistics") == 2);  // cached
  analytics.rows(true);
  CHECK(stage.aws->count("GetMetricStatistics") == 4);
  const TemporaryDirectory folder;
  analytics.export_csv(folder / "metrics.csv");
  std::ifstream file(folder / "metrics.csv");
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == analytics.csv());
  CHECK_THROWS_AS(analytics.export_csv(folder / "missing" / "metrics.csv"), std::system_error);
}

TEST_CASE("metrics: a long job is asked for in pieces that CloudWatch answers") {
  Stage stage;
  stage.aws->on_json("GetMetricStatistics", {{"Datapoints", json::array()}});
  const auto start = aws::from_epoch_seconds(1'000'000);
  json job = metric_job();
  job.erase("TrainingStartTime");
  stage.aws->on_json("DescribeTrainingJob", job);
  TrainingJobAnalytics pending(stage.session, "j");
  CHECK_THROWS_AS(pending.rows(), ConfigError);
  TrainingJobAnalytics analytics(
      stage.session, "j",
      {.metric_names = {"x"}, .start_time = start, .end_time = start + std::chrono::hours(25)});
  CHECK(analytics.rows().empty());
  REQUIRE(stage.aws->count("GetMetricStatistics") == 2);
  CHECK(stage.aws->document("GetMetricStatistics", 0)["EndTime"] == 1'086'400.0);
  CHECK(stage.aws->document("GetMetricStatistics", 1)["StartTime"] == 1'086'400.0);
  CHECK(stage.aws->document("GetMetricStatistics", 1)["EndTime"] == 1'090'000.0);
  job["AlgorithmSpecification"].erase("MetricDefinitions");
  stage.aws->on_json("DescribeTrainingJob", job);
  CHECK(TrainingJobAnalytics(stage.session, "j").metric_names().empty());
}
