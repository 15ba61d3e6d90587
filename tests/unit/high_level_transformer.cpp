// Batch transform: what goes wrong before anything is sent, how a job is followed and stopped, and where its
// output is found. The requests themselves are compared with the Python SDK's in
// tests/clients/sagemaker_sdk_transform_documents.py.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

TransformerOptions basic(TransformerOptions options = {}) {
  options.model_name = "m";
  options.instance_type = "ml.m5.large";
  return options;
}

SessionOptions with_bucket() { return {.endpoint_url = "http://127.0.0.1:4566", .default_bucket = "mine"}; }

json job(const std::string& status, json more = json::object()) {
  more["TransformJobName"] = "j";
  more["TransformJobStatus"] = status;
  more["ModelName"] = "m";
  more["CreationTime"] = 1'000'000.5;
  more["TransformResources"] = {{"InstanceCount", 1}, {"InstanceType", "ml.m5.large"}};
  more["TransformOutput"] = {{"S3OutputPath", "s3://mine/out"}};
  return more;
}

// Streams that hold their own name as their one line.
void script_streams(ScriptedAws& aws, const std::vector<std::string>& names) {
  json streams = json::array();
  for (const std::string& name : names) streams.push_back({{"logStreamName", name}});
  aws.on_json("DescribeLogStreams", {{"logStreams", streams}});
  aws.on_call("GetLogEvents", [](const aws::HttpRequest& request) {
    const json input = aws::parse_json(request.body);
    json events = json::array();
    if (!input.contains("nextToken"))
      events.push_back({{"timestamp", 1}, {"message", input["logStreamName"]}});
    return answer_json({{"events", events}, {"nextForwardToken", "f/1"}});
  });
}

}  // namespace

TEST_CASE("what cannot be transformed is refused before anything is sent") {
  Stage stage;
  CHECK(message_of([&] {
          Transformer(stage.session, {.instance_type = "ml.m5.large"});
        }).starts_with("model_name is missing"));
  CHECK(message_of([&] {
          Transformer(stage.session, {.model_name = "m"});
        }).starts_with("instance_type is missing"));
  Model model{stage.session, {.image_uri = "i", .role = "arn:aws:iam::1:role/R", .name = "m"}};
  CHECK_THROWS_AS(model.transformer({}), ConfigError);
  CHECK_THROWS_AS(PipelineModel(stage.session, {model}).transformer({}), ConfigError);
  CHECK_THROWS_AS(Estimator(stage.session, {.image_uri = "i"}).transformer({}), ConfigError);

  Transformer transformer(stage.session, basic());
  CHECK(message_of([&] { transformer.transform("/no/such/file.csv"); }) ==
        "Invalid S3 URI: /no/such/file.csv (nor is it a local file or folder)");
  CHECK_THROWS_AS(transformer.transform(""), ConfigError);
  CHECK(message_of([&] { transformer.wait(); }) == "No transform job available: call transform() first");
  CHECK_THROWS_AS(transformer.stop_transform_job(), ConfigError);
  CHECK_THROWS_AS(transformer.output_uris(), ConfigError);
  CHECK(stage.aws->calls.empty());
}

TEST_CASE("a job is followed with the logs of its containers and the service's data log") {
  Stage stage;
  script_streams(*stage.aws, {"j/i-0abc-100", "j/i-0abc-100/data-log"});
  stage.aws->on("DescribeTransformJob", {answer_json(job("InProgress")), answer_json(job("InProgress")),
                                         answer_json(job("Completed", {{"TransformEndTime", 1'000'060.0}}))});
  Transformer transformer(stage.session, basic({.output_path = "s3://mine/out"}));
  transformer.transform("s3://d/rows", {.job_name = "j"});
  CHECK(stage.lines == std::vector<std::string>{"Creating transform job with name: j",
                                                "1970-01-12 13:46:40 InProgress - Transform job j",
                                                "j/i-0abc-100", "j/i-0abc-100/data-log",
                                                "1970-01-12 13:47:40 Completed - Transform job j"});
  CHECK(stage.aws->document("DescribeLogStreams")["logGroupName"] == "/aws/sagemaker/TransformJobs");
  CHECK(transformer.latest_transform_job() == "j");
  CHECK(transformer.output_path() == "s3://mine/out");
}

TEST_CASE("a job that fails throws its reason, one that is stopped does not") {
  Stage stage;
  script_streams(*stage.aws, {});
  stage.aws->on_json("DescribeTransformJob",
                     job("Failed", {{"FailureReason", "AlgorithmError: See job logs for more information"}}));
  Transformer transformer(stage.session, basic({.output_path = "s3://mine/out"}));
  try {
    transformer.transform("s3://d/rows", {.job_name = "j"});
    FAIL("no error");
  } catch (const UnexpectedStatus& error) {
    CHECK(error.status() == "Failed");
    CHECK(error.reason() == "AlgorithmError: See job logs for more information");
    CHECK(std::string(error.what()).find("Error for Transform job j: Failed. Reason: AlgorithmError") == 0);
  }
  CHECK(transformer.latest_transform_job() == "j");  // to look at
  CHECK_THROWS_AS(transformer.wait(/*logs=*/false), UnexpectedStatus);

  stage.aws->on_json("DescribeTransformJob",
                     job("Failed", {{"FailureReason", "CapacityError: Unable to provision"}}));
  CHECK_THROWS_AS(transformer.wait(), CapacityError);

  stage.aws->on("DescribeTransformJob", {answer_json(job("Stopping")), answer_json(job("Stopped"))});
  stage.lines.clear();
  transformer.stop_transform_job();
  CHECK(stage.aws->document("StopTransformJob") == json{{"TransformJobName", "j"}});
  CHECK(stage.lines.back().starts_with("Job ended with status 'Stopped' rather than 'Completed'."));
  stage.aws->on("StopTransformJob",
                {refusal("ValidationException",
                         "The request was rejected because the transform job is in status Stopped.")});
  transformer.stop_transform_job(/*wait=*/false);
  stage.aws->on("StopTransformJob", {refusal("ResourceNotFound", "Could not find it")});
  CHECK_THROWS_AS(transformer.stop_transform_job(), ServiceError);
}

TEST_CASE("a job may be started and left to itself, without its logs being asked for") {
  Stage stage(with_bucket());
  stage.aws->on_json("DescribeModel", {{"Containers", {{{"Image", "registry/first:1"}}}}});
  stage.aws->on_json("DescribeTransformJob", job("Completed"));
  Transformer transformer(stage.session, basic());
  transformer.transform("s3://d/rows", {.wait = false});
  CHECK(stage.aws->count("DescribeTransformJob") == 0);
  const std::string name = "first-2026-11-21-07-00-00-123";
  CHECK(stage.aws->document("CreateTransformJob")["TransformJobName"] == name);
  CHECK(transformer.output_path() == "s3://mine/" + name);
  CHECK(transformer.wait(/*logs=*/false)["TransformJobStatus"] == "Completed");
  CHECK(stage.aws->count("DescribeLogStreams") == 0);
  stage.aws->on("DescribeModel", {refusal("ValidationException", "Could not find model \"m\".")});
  CHECK_THROWS_AS(transformer.transform("s3://d/rows"), ServiceError);
  CHECK(stage.aws->count("CreateTransformJob") == 1);
}

TEST_CASE("local files are uploaded, and are no part of the output") {
  Stage stage(with_bucket());
  const TemporaryDirectory folder;
  std::ofstream(folder / "rows.csv") << "1,2\n";
  Transformer transformer(stage.session, basic());
  transformer.transform((folder / "rows.csv").string(), {.job_name = "j", .wait = false});
  const auto source = [&](std::size_t index) {
    return stage.aws->document("CreateTransformJob",
                               index)["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"];
  };
  CHECK(source(0) == "s3://mine/transform-input/j/rows.csv");
  CHECK(stage.aws->count("PUT /mine/transform-input/j/rows.csv") == 1);
  transformer.transform(folder.path().string(), {.job_name = "k", .wait = false});
  CHECK(source(1) == "s3://mine/transform-input/k/");
  CHECK(stage.aws->count("PUT /mine/transform-input/k/rows.csv") == 1);
  CHECK(transformer.output_path() == "s3://mine/k");
}

TEST_CASE("the output is what the job has stored: neither other keys nor what was there before") {
  Stage stage(with_bucket());
  stage.aws->on_json("DescribeTransformJob", job("Completed"));
  stage.aws->on_call("GET /mine", [](const aws::HttpRequest& request) {
    CHECK(request.target.find("prefix=out%2F") != std::string::npos);  // not those of s3://mine/outer
    const auto object = [](const char* key, const char* time) {
      return "<Contents><Key>" + std::string(key) + "</Key><LastModified>1970-01-12T" + time +
             "Z</LastModified><Size>1</Size></Contents>";
    };
    return answer("<ListBucketResult><IsTruncated>false</IsTruncated>" +
                  object("out/a.csv.out", "13:46:40.000") + object("out/b.csv", "13:50:00.000") +
                  object("out/c.csv.out", "13:46:39.000") + object("out/sub/d.csv.out", "14:00:00.000") +
                  "</ListBucketResult>");
  });
  stage.aws->on("GET /mine/out/a.csv.out", {answer("1\n")});
  stage.aws->on("GET /mine/out/sub/d.csv.out", {answer("2\n3\n")});
  const Transformer transformer = Transformer::attach(stage.session, "j");
  CHECK(transformer.output_uris() ==
        std::vector<std::string>{"s3://mine/out/a.csv.out", "s3://mine/out/sub/d.csv.out"});
  CHECK(transformer.read_output() == "1\n2\n3\n");
}

TEST_CASE("an attached transformer starts jobs like the one it was attached to") {
  Stage stage(with_bucket());
  json old = job("Stopped", {{"Environment", {{"A", "b"}}}, {"MaxPayloadInMB", 0}});
  old["TransformJobName"] = "mine-2026-11-20-07-00-00-123";
  stage.aws->on_json("DescribeTransformJob", old);
  Transformer transformer = Transformer::attach(stage.session, "mine-2026-11-20-07-00-00-123");
  CHECK(transformer.latest_transform_job() == "mine-2026-11-20-07-00-00-123");
  CHECK(transformer.output_path() == "s3://mine/out");
  transformer.transform("s3://d/rows", {.wait = false});
  const json request = stage.aws->document("CreateTransformJob");
  CHECK(request["TransformJobName"] == "mine-2026-11-21-07-00-00-123");
  CHECK(request["Environment"] == json{{"A", "b"}});
  CHECK(request["MaxPayloadInMB"] == 0);
  transformer.delete_model();
  CHECK(stage.aws->document("DeleteModel") == json{{"ModelName", "m"}});
}

TEST_CASE("a PyTorch estimator's model gets the image for the instances of the job") {
  Stage stage(with_bucket());
  stage.aws->on_json("DescribeTrainingJob", {{"ModelArtifacts", {{"S3ModelArtifacts", "s3://m/model/"}}},
                                             {"OutputDataConfig", {{"CompressionType", "NONE"}}}});
  const TemporaryDirectory folder;
  std::ofstream(folder / "train.py") << "print()\n";
  PyTorch estimator(stage.session, {.entry_point = (folder / "train.py").string(),
                                    .framework_version = "2.4",
                                    .py_version = "py311",
                                    .role = "arn:aws:iam::1:role/R",
                                    .instance_type = "ml.c5.xlarge",
                                    .base_job_name = "digits"});
  estimator.fit("s3://d/train", {.wait = false});
  Transformer transformer =
      estimator.transformer({.instance_type = "ml.g5.xlarge"}, {.model_server_workers = 2});
  const json model = stage.aws->document("CreateModel");
  CHECK(model["ModelName"] == "digits-2026-11-21-07-00-00-123");
  const std::string image = model["PrimaryContainer"]["Image"];
  CHECK(image.ends_with("pytorch-inference:2.4-gpu-py311"));
  CHECK(model["PrimaryContainer"]["Environment"]["SAGEMAKER_MODEL_SERVER_WORKERS"] == "2");
  transformer.transform("s3://d/rows", {.wait = false});
  CHECK(stage.aws->document("CreateTransformJob")["TransformJobName"] == "digits-2026-11-21-07-00-00-123");
}
