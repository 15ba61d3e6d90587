// Following and stopping jobs that have no secondary statuses: transform and processing jobs.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

json stream(const std::string& name) { return {{"logStreamName", name}}; }

// GetLogEvents of streams of one line each: the line is the stream's name.
void script_streams(ScriptedAws& aws, const std::vector<std::string>& names) {
  json streams = json::array();
  for (const std::string& name : names) streams.push_back(stream(name));
  aws.on_json("DescribeLogStreams", {{"logStreams", streams}});
  aws.on_call("GetLogEvents", [](const aws::HttpRequest& request) {
    const json input = aws::parse_json(request.body);
    json events = json::array();
    if (!input.contains("nextToken"))
      events.push_back({{"timestamp", 1}, {"message", input["logStreamName"]}});
    return answer_json({{"events", events}, {"nextForwardToken", "f/1"}});
  });
}

json processing(const std::string& status, double time) {
  return {{"ProcessingJobName", "j"},
          {"ProcessingJobStatus", status},
          {"CreationTime", 1'000'000.0},
          {"LastModifiedTime", time},
          {"ProcessingResources", {{"ClusterConfig", {{"InstanceCount", 2}}}}}};
}

}  // namespace

TEST_CASE("a processing job is followed by its status and its hosts' logs to its end and its exit message") {
  Stage stage;
  script_streams(*stage.aws, {"j/algo-1-100", "j/algo-2-100"});
  json done = processing("Completed", 1'000'060.0);
  done["ExitMessage"] = "42 rows";
  stage.aws->on("DescribeProcessingJob",
                {answer_json(processing("InProgress", 1'000'000.0)),
                 answer_json(processing("InProgress", 1'000'030.0)), answer_json(done)});
  CHECK(stage.session.logs_for_processing_job("j")["ExitMessage"] == "42 rows");
  CHECK(stage.lines == std::vector<std::string>{"1970-01-12 13:46:40 InProgress - Processing job j",
                                                "[algo-1] j/algo-1-100", "[algo-2] j/algo-2-100",
                                                "1970-01-12 13:47:40 Completed - Processing job j",
                                                "Exit message: 42 rows"});
  CHECK(stage.aws->document("DescribeLogStreams")["logGroupName"] == "/aws/sagemaker/ProcessingJobs");
  CHECK(stage.clock->sleeps == std::vector<long long>{10'000, 10'000, 10'000});
}

TEST_CASE("a processing job that failed throws its reason, after its exit message") {
  Stage stage;
  script_streams(*stage.aws, {});
  json failed = processing("Failed", 1'000'060.0);
  failed["ExitMessage"] = "no rows";
  failed["FailureReason"] = "AlgorithmError: , exit code: 1";
  stage.aws->on_json("DescribeProcessingJob", failed);
  std::string reason;
  try {
    stage.session.logs_for_processing_job("j");
  } catch (const UnexpectedStatus& error) {
    reason = error.what();
  }
  CHECK(reason == "Error for Processing job j: Failed. Reason: AlgorithmError: , exit code: 1");
  CHECK(stage.lines.back() == "Exit message: no rows");
  CHECK_THROWS_AS(stage.session.wait_for_processing_job("j"), UnexpectedStatus);
}

TEST_CASE("a transform job's log is shown with its data log, both under the name of their instance") {
  Stage stage;
  script_streams(*stage.aws, {"j/i-0abc-100", "j/i-0abc-100/data-log", "j/i-0def-100"});
  stage.aws->on_json("DescribeTransformJob", {{"TransformJobName", "j"},
                                              {"TransformJobStatus", "Stopped"},
                                              {"TransformResources", {{"InstanceCount", 2}}}});
  CHECK(stage.session.logs_for_transform_job("j")["TransformJobStatus"] == "Stopped");
  REQUIRE(stage.lines.size() == 5);
  CHECK(stage.lines[0] == "[i-0abc] j/i-0abc-100");
  CHECK(stage.lines[1] == "[i-0abc] j/i-0abc-100/data-log");
  CHECK(stage.lines[2] == "[i-0def] j/i-0def-100");
  CHECK(stage.lines[3] == "Stopped - Transform job j");
  CHECK(stage.lines[4].starts_with("Job ended with status 'Stopped' rather than 'Completed'."));
  CHECK(stage.aws->document("DescribeLogStreams")["logGroupName"] == "/aws/sagemaker/TransformJobs");
}

TEST_CASE("what a terminal shows of the jobs: seconds are billed for every instance since the start") {
  json job = processing("InProgress", 0);
  job["ProcessingStartTime"] = 1'000'000.0;
  const auto now = aws::from_epoch_seconds(1'000'012);
  CHECK(detail::live_status(job, "InProgress", now, detail::processing_jobs) ==
        "InProgress, 24 billable seconds");
  const json transform{{"TransformStartTime", 1'000'000.0}, {"TransformResources", {{"InstanceCount", 3}}}};
  CHECK(detail::live_status(transform, "InProgress", now, detail::transform_jobs) ==
        "InProgress, 36 billable seconds");
}

TEST_CASE("a job that has ended is no error to who stops it, other refusals are") {
  Stage stage;
  const std::string over = "The request was rejected because the transform job is in status Completed.";
  stage.aws->on("StopTransformJob", {refusal("ValidationException", over)});
  stage.session.stop_transform_job("j");
  CHECK(stage.aws->document("StopTransformJob") == json{{"TransformJobName", "j"}});
  stage.aws->on("StopProcessingJob", {refusal("ResourceNotFound", "Could not find requested job")});
  CHECK_THROWS_AS(stage.session.stop_processing_job("j"), ServiceError);
}
