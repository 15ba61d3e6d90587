// Tuning jobs: how one is followed, what a terminal shows of it, and the rows of its analytics.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_tuner_support.hpp"
#include "terminal_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

// Two training jobs at a time, three in all: the second is the best, the third fails.
void script_job(ScriptedAws& aws) {
  aws.on("DescribeHyperParameterTuningJob",
         {answer_json(job("InProgress", 0, 2)), answer_json(job("InProgress", 1, 2)),
          answer_json(job("InProgress", 1, 2)), answer_json(job("Completed", 2, 0))});
  const json first = trial(1, "Completed", 0.5, "Succeeded");
  const json second = trial(2, "Completed", 0.75, "Succeeded");
  json third = trial(3, "Failed", std::nullopt, "Failed");
  third["FailureReason"] = "AlgorithmError: out of paper";
  const json pending_first = trial(1, "InProgress", std::nullopt, "Pending");
  const json pending_second = trial(2, "InProgress", std::nullopt, "Pending");
  aws.on("ListTrainingJobsForHyperParameterTuningJob",
         {answer_json(listed({pending_first, pending_second})),
          answer_json(listed({first, pending_second, trial(3, "InProgress", std::nullopt, "Pending")})),
          answer_json(listed({first, second, third}))});
  const auto so_far = answer_json(
      {{"Datapoints",
        {{{"Timestamp", 1002.0}, {"Average", 0.25}}, {{"Timestamp", 1001.0}, {"Average", 0.125}}}}});
  // That there are no values of one of them is no reason to stop following the others.
  aws.on("GetMetricStatistics", {so_far, refusal("AccessDenied", "not authorized"), so_far});
}

std::string text_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What a terminal of 60 columns gets of a tuning job that is followed.
template <class Script>
std::string shown_on_terminal(const Script& script) {
  return on_terminal(
      [&] {
        Stage stage(with_bucket());
        script(*stage.aws);
        SessionOptions options = with_bucket();
        options.config.transport = stage.aws;
        options.config.clock = stage.clock;
        options.config.environment = stage.environment;
        options.config.credentials = aws::Credentials{"AKID", "secret", "", std::nullopt};
        options.region = "eu-west-1";
        Session(options).follow_tuning_job("t");
      },
      nullptr, 60);
}

// Two definitions, each with an objective of its own; one training job is deleted while the others run.
void script_definitions(ScriptedAws& aws) {
  const auto described = [](const std::string& status, int completed, int running) {
    json several = job(status, completed, running);
    several["HyperParameterTuningJobConfig"].erase("HyperParameterTuningJobObjective");
    for (const char* metric : {"error", "loss"})
      several["TrainingJobDefinitions"].push_back(
          {{"DefinitionName", metric + std::string("-definition")},
           {"TuningObjective", {{"Type", "Minimize"}, {"MetricName", metric}}}});
    return answer_json(several);
  };
  const auto of = [](json summary, const char* definition) {
    summary["TrainingJobDefinitionName"] = definition;
    return summary;
  };
  const json deleted = of(trial(1, "InProgress", std::nullopt, "Pending"), "error-definition");
  aws.on("DescribeHyperParameterTuningJob", {described("InProgress", 0, 1), described("InProgress", 1, 1),
                                             described("InProgress", 2, 0), described("Completed", 2, 0)});
  const json error = of(trial(2, "Completed", 0.75, "Succeeded"), "error-definition");
  const json loss = of(trial(3, "Completed", 0.5, "Succeeded"), "loss-definition");
  json last = listed({error, loss});
  last["NextToken"] = "older";  // nobody asks for a page for the sake of the deleted one
  aws.on("ListTrainingJobsForHyperParameterTuningJob",
         {answer_json(listed({deleted})), answer_json(listed({error})), answer_json(last)});
  aws.on_json("GetMetricStatistics", {{"Datapoints", json::array()}});
}

}  // namespace

TEST_CASE("a job is followed training job by training job, to the best one") {
  Stage stage(with_bucket());
  script_job(*stage.aws);
  HyperparameterTuner tuner(estimator(stage), basic({.max_jobs = 3, .max_parallel_jobs = 2}));
  tuner.fit("s3://d/rows", {.job_name = "t"});
  CHECK(stage.lines ==
        std::vector<std::string>{
            "Creating hyperparameter tuning job with name: t",
            "1970-01-12 13:47:40 InProgress - HyperParameterTuning job t",
            "Training job t-001-abcd Completed: accuracy 0.5, the best so far (lr=0.01 optimizer=sgd)",
            "Training job t-002-abcd Completed: accuracy 0.75, the best so far (lr=0.02 optimizer=sgd)",
            "Training job t-003-abcd Failed: AlgorithmError: out of paper (lr=0.03 optimizer=sgd)",
            "1970-01-12 13:47:40 Completed - HyperParameterTuning job t",
            "Best training job: t-002-abcd, accuracy 0.75 (lr=0.02 optimizer=sgd)"});
  CHECK(tuner.latest_tuning_job() == "t");
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 3);  // where counters have changed
  CHECK(stage.aws->count("GetMetricStatistics") == 0);                         // only a terminal shows these
  const json query = stage.aws->document("ListTrainingJobsForHyperParameterTuningJob");
  CHECK(query["SortOrder"] == "Descending");
  CHECK(query["MaxResults"] == 100);

  stage.aws->on_json("DescribeHyperParameterTuningJob", job("Completed", 2, 0));
  stage.lines.clear();
  CHECK(tuner.wait(/*logs=*/false)["HyperParameterTuningJobStatus"] == "Completed");
  CHECK(stage.lines ==
        std::vector<std::string>{"1970-01-12 13:47:40 Completed - HyperParameterTuning job t"});
}

TEST_CASE("of many training jobs only pages with news are asked for") {
  Stage stage(with_bucket());
  stage.aws->on("DescribeHyperParameterTuningJob",
                {answer_json(job("InProgress", 2, 1)), answer_json(job("Completed", 3, 0))});
  std::vector<std::string> tokens;
  stage.aws->on_call("ListTrainingJobsForHyperParameterTuningJob", [&](const aws::HttpRequest& request) {
    const std::string token = aws::parse_json(request.body).value("NextToken", "");
    tokens.push_back(token);
    if (!token.empty()) return answer_json(listed({trial(1, "Completed", 0.5, "Succeeded")}));
    const bool over = tokens.size() > 2;
    json page = listed(
        {trial(2, "Completed", 0.25, "Succeeded"),
         over ? trial(3, "Completed", 0.75, "Succeeded") : trial(3, "InProgress", std::nullopt, "Pending")});
    page["NextToken"] = "older";
    return answer_json(page);
  });
  stage.session.follow_tuning_job("t");
  CHECK(tokens == std::vector<std::string>{"", "older", ""});
}

TEST_CASE(
    "training jobs of several definitions are told with their own objectives, deleted ones are left out") {
  Stage stage(with_bucket());
  script_definitions(*stage.aws);
  stage.session.follow_tuning_job("t");
  const auto told = [&](const std::string& line) {
    return std::count(stage.lines.begin(), stage.lines.end(), line);
  };
  CHECK(told("Training job t-002-abcd Completed: error 0.75, the best so far (error-definition: lr=0.02 "
             "optimizer=sgd)") == 1);
  CHECK(told("Training job t-003-abcd Completed: loss 0.5, the best so far (loss-definition: lr=0.03 "
             "optimizer=sgd)") == 1);
  CHECK(told("Best training job: t-003-abcd, loss 0.5 (loss-definition: lr=0.03 optimizer=sgd)") == 1);
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 4);
}

TEST_CASE("a tuning job that fails throws its reason, one that is stopped does not") {
  Stage stage(with_bucket());
  stage.aws->on_json("ListTrainingJobsForHyperParameterTuningJob", listed({}));
  stage.aws->on_json("DescribeHyperParameterTuningJob",
                     job("Failed", 0, 0, {{"FailureReason", "All training jobs failed"}}));
  HyperparameterTuner tuner(estimator(stage), basic());
  try {
    tuner.fit({}, {.job_name = "t"});
    FAIL("no error");
  } catch (const UnexpectedStatus& error) {
    CHECK(error.reason() == "All training jobs failed");
    CHECK(std::string(error.what()).starts_with("Error for HyperParameterTuning job t: Failed."));
  }
  CHECK_THROWS_AS(stage.session.wait_for_tuning_job("t"), UnexpectedStatus);
  CHECK(message_of([&] { tuner.best_training_job(); }) ==
        "Best training job not available for tuning job: t");
  CHECK_THROWS_AS(tuner.deploy({.instance_type = "ml.m5.large"}), Error);

  stage.aws->on("DescribeHyperParameterTuningJob",
                {answer_json(job("Stopping", 0, 0)), answer_json(job("Stopped", 0, 0))});
  tuner.stop_tuning_job();
  CHECK(stage.aws->document("StopHyperParameterTuningJob") == json{{"HyperParameterTuningJobName", "t"}});
  tuner.wait();
  CHECK(stage.lines.back().starts_with("Job ended with status 'Stopped' rather than 'Completed'."));
}

TEST_CASE("the rows of a tuning job, as CSV and JSON") {
  Stage stage(with_bucket());
  json first = trial(1, "Completed", 0.5, "Succeeded");
  first["TrainingStartTime"] = 1'000'000.0;
  first["TrainingEndTime"] = 1'000'060.5;
  json second = trial(2, "InProgress", std::nullopt, "Pending");
  second["TunedHyperParameters"]["extra"] = "a,b";
  json page = listed({first});
  page["NextToken"] = "more";
  stage.aws->on("ListTrainingJobsForHyperParameterTuningJob",
                {answer_json(page), answer_json(listed({second}))});
  json described = job("InProgress", 1, 1);
  described["HyperParameterTuningJobConfig"]["ParameterRanges"] = {
      {"ContinuousParameterRanges", {{{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "1"}}}}};
  described["TrainingJobDefinition"] = json::object();
  stage.aws->on_json("DescribeHyperParameterTuningJob", described);

  HyperparameterTuningJobAnalytics analytics(stage.session, "t");
  const std::vector<TuningJobRow>& rows = analytics.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].parameters.at("lr") == 0.01);
  CHECK(rows[0].parameters.at("optimizer") == "\"sgd\"");
  CHECK(rows[0].final_objective_value == 0.5);
  CHECK(rows[0].training_elapsed_time_seconds == 60.5);
  CHECK_FALSE(rows[1].final_objective_value);
  CHECK(analytics.csv() ==
        ",extra,lr,optimizer,TrainingJobName,TrainingJobStatus,FinalObjectiveValue,TrainingStartTime,"
        "TrainingEndTime,TrainingElapsedTimeSeconds\n"
        "0,,0.01,\"\"\"sgd\"\"\",t-001-abcd,Completed,0.5,1970-01-12 13:46:40+00:00,1970-01-12 "
        "13:47:40+00:00,60.5\n"
        "1,\"a,b\",0.02,\"\"\"sgd\"\"\",t-002-abcd,InProgress,,,,\n");
  CHECK(analytics.to_json()[1]["FinalObjectiveValue"].is_null());
  CHECK(analytics.to_json()[0]["lr"] == 0.01);
  CHECK(analytics.tuning_ranges() == json{{"lr", {{"Name", "lr"}, {"MinValue", "0"}, {"MaxValue", "1"}}}});
  CHECK(stage.aws->count("ListTrainingJobsForHyperParameterTuningJob") == 2);  // asked for once
  CHECK(analytics.description()["HyperParameterTuningJobName"] == "t");
  CHECK(stage.aws->count("DescribeHyperParameterTuningJob") == 1);
  // A loop over the rows of a temporary reads what the temporary does not take with it.
  const auto temporary = [&] { return HyperparameterTuningJobAnalytics(stage.session, "t"); };
  static_assert(std::is_same_v<decltype(temporary().rows()), std::vector<TuningJobRow>>);
  static_assert(std::is_same_v<decltype(temporary().training_job_summaries()), std::vector<json>>);
  static_assert(std::is_same_v<decltype(temporary().description()), json>);
  static_assert(
      std::is_same_v<decltype(std::declval<TrainingJobAnalytics>().rows()), std::vector<MetricRow>>);
  const TemporaryDirectory folder;
  analytics.export_csv(folder / "rows.csv");
  CHECK(text_in(folder / "rows.csv") == analytics.csv());
  analytics.export_json(folder / "rows.json");
  CHECK(aws::parse_json(text_in(folder / "rows.json")) == analytics.to_json());
  CHECK_THROWS_AS(analytics.export_csv(folder / "none" / "rows.csv"), std::system_error);
}

TEST_CASE("a terminal shows a table of the training jobs, and takes it away") {
  const std::string output = shown_on_terminal(script_job);
  const auto shows = [&](const char* part) { return output.find(part) != std::string::npos; };
  CAPTURE(output);
  CHECK(
      shows("00:00 t InProgress: 2 of 3 training jobs, 2 in progress\r\n"
            "  running  001-abcd  lr=0.01 optimizer=sgd  accuracy 0.25\r\n"));
  CHECK(shows("  best     001-abcd  lr=0.01 optimizer=sgd  accuracy 0.5"));
  CHECK(shows("\r\033[K\033[A\033[K\033[A\033[KTraining job t-001-abcd Completed: accuracy 0.5"));
  CHECK(output.ends_with("Best training job: t-002-abcd, accuracy 0.75 (lr=0.02 optimizer=sgd)\r\n"));
  CHECK(detail::sparkline({0, 0.5, 1}) == "\u2581\u2585\u2588");
  CHECK(detail::sparkline({2, 2}) == "\u2585\u2585");
  CHECK(detail::sparkline(std::vector<double>(50, 1.0)).size() == 3 * 40);
}

TEST_CASE("a terminal shows which definition a training job is of") {
  const std::string output = shown_on_terminal(script_definitions);
  CAPTURE(output);
  const auto shows = [&](const char* part) { return output.find(part) != std::string::npos; };
  CHECK(shows("  running  001-abcd  error-definition: lr=0.01"));
  CHECK(shows("  best     003-abcd  loss-definition: lr=0.03"));
  CHECK(shows("  objective \u2588\u2581 0.5 to 0.75"));  // of both: neither's name is right
}

TEST_CASE("a terminal does without values where CloudWatch cannot be reached") {
  const std::string output = shown_on_terminal([](ScriptedAws& aws) {
    script_job(aws);
    aws.on_call("GetMetricStatistics", [](const aws::HttpRequest&) -> aws::HttpResponse {
      throw TransportError(TransportError::Kind::connect_timeout, "no CloudWatch here");
    });
  });
  CAPTURE(output);
  CHECK(output.find("  running  001-abcd  lr=0.01 optimizer=sgd\r\n") != std::string::npos);
  CHECK(output.ends_with("Best training job: t-002-abcd, accuracy 0.75 (lr=0.02 optimizer=sgd)\r\n"));
}
