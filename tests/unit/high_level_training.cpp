// Estimator::fit: the requests in the SDK's order, their documents, the log that is streamed, and how jobs
// end.
#include <algorithm>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

const std::string bucket = "sagemaker-eu-west-1-111122223333";
const std::string job = "sagemaker-cpp-2026-11-21-07-00-00-123";

json transition(const char* status, const char* message) {
  return {{"Status", status}, {"StatusMessage", message}, {"StartTime", 1'795'244'400}};
}

json described(const std::string& status, std::vector<json> transitions, json more = json::object()) {
  json description{
      {"TrainingJobName", job},
      {"TrainingJobStatus", status},
      {"SecondaryStatusTransitions", std::move(transitions)},
      {"LastModifiedTime", 1'795'244'405.5},
      {"ResourceConfig", {{"InstanceCount", 1}, {"InstanceType", "ml.c5.xlarge"}, {"VolumeSizeInGB", 30}}}};
  description.update(more);
  return description;
}

json completed(json more = json::object()) {
  json rest{{"TrainingTimeInSeconds", 12}, {"BillableTimeInSeconds", 9}};
  rest.update(more);
  return described("Completed",
                   {transition("Starting", "Starting the training job"),
                    transition("Completed", "Training job completed")},
                   rest);
}

struct Script {
  Script() { std::ofstream(folder / "mnist.cpp") << "int main() {}\n"; }
  std::string path() const { return (folder / "mnist.cpp").string(); }
  TemporaryDirectory folder;
};

SessionOptions own_endpoint() { return {.endpoint_url = "http://127.0.0.1:4566"}; }

}  // namespace

TEST_CASE("fit: role, bucket, sources, job, in this order, with the SDK's names and defaults") {
  Script script;
  Stage stage(own_endpoint());
  stage.aws->on_json("DescribeTrainingJob", completed());
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", json::array()}});
  Estimator estimator{
      stage.session,
      {.entry_point = script.path(),
       .role = "Trainer",
       .instance_count = 2,
       .instance_type = "ml.c5.xlarge",
       .hyperparameters = {
           {"epochs", 5}, {"learning-rate", 0.1}, {"name", "x"}, {"layers", {64, 10}}, {"fast", true}}}};
  estimator.fit({{"training", "s3://data/mnist"}});

  const std::string source = "/" + bucket + "/" + job + "/source/sourcedir.tar.gz";
  std::string calls;
  for (std::size_t i = 0; i < std::min<std::size_t>(6, stage.aws->calls.size()); ++i)
    calls += stage.aws->calls[i] + "\n";
  CHECK(calls == "GetCallerIdentity\nGetRole\nHEAD /" + bucket + "\nPUT " + source +
                     "\nCreateTrainingJob\nDescribeTrainingJob\n");
  CHECK(stage.aws->requests.find("PUT " + source)->second.body.substr(0, 2) == "\x1f\x8b");
  CHECK(stage.aws->document("CreateTrainingJob") == json::parse(R"({
    "TrainingJobName": "sagemaker-cpp-2026-11-21-07-00-00-123",
    "RoleArn": "arn:aws:iam::111122223333:role/Trainer",
    "AlgorithmSpecification": {"TrainingInputMode": "File",
      "TrainingImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-cpp:latest"},
    "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": {
      "S3DataType": "S3Prefix", "S3Uri": "s3://data/mnist", "S3DataDistributionType": "FullyReplicated"}}}],
    "OutputDataConfig": {"S3OutputPath": "s3://sagemaker-eu-west-1-111122223333/"},
    "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.c5.xlarge", "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    "HyperParameters": {"epochs": "5", "learning-rate": "0.1", "name": "\"x\"", "layers": "[64,10]",
    "fast": "true",
      "sagemaker_program": "\"mnist.cpp\"",
      "sagemaker_submit_directory":
        "\"s3://sagemaker-eu-west-1-111122223333/sagemaker-cpp-2026-11-21-07-00-00-123/source/sourcedir.tar.gz\"",
      "sagemaker_container_log_level": "20",
      "sagemaker_job_name": "\"sagemaker-cpp-2026-11-21-07-00-00-123\"",
      "sagemaker_region": "\"eu-west-1\""}})"));
  CHECK(estimator.latest_training_job() == job);
  REQUIRE(!stage.lines.empty());  // waited for or not, the job can be found again
  CHECK(stage.lines.front() == "Creating training-job with name: " + job);
}

TEST_CASE("every option reaches the request") {
  Stage stage;
  EstimatorOptions options;
  options.image_uri = "1.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1.7";
  options.role = "arn:aws:iam::1:role/R";
  options.instance_type = "ml.m5.large";
  options.volume_size = 50;
  options.volume_kms_key = "vk";
  options.max_run = 100;
  options.input_mode = "FastFile";
  options.output_path = "s3://o/p";
  options.output_kms_key = "ok";
  options.hyperparameters = {{"objective", "reg:linear"}, {"num_round", 50}};
  options.environment = {{"A", "b"}};
  options.metric_definitions = {{"loss", "loss=(.*)"}};
  options.tags = {{"team", "x"}};
  options.use_spot_instances = true;
  options.max_wait = 200;
  options.max_retry_attempts = 3;
  options.checkpoint_s3_uri = "s3://c/k";
  options.checkpoint_local_path = "/opt/ml/ck";
  options.subnets = {"subnet-1"};
  options.security_group_ids = {"sg-1"};
  options.enable_network_isolation = true;
  options.encrypt_inter_container_traffic = true;
  options.keep_alive_period_in_seconds = 60;
  options.container_entry_point = {"/bin/sh"};
  options.container_arguments = {"-c", "true"};
  options.disable_output_compression = true;
  options.model_uri = "s3://m/model.tar.gz";
  options.enable_sagemaker_metrics = true;
  Estimator estimator(stage.session, options);
  const TrainingInput full{.s3_data = "s3://d/x",
                           .distribution = "ShardedByS3Key",
                           .compression = "Gzip",
                           .content_type = "text/csv",
                           .record_wrapping = "RecordIO",
                           .s3_data_type = "ManifestFile",
                           .input_mode = "Pipe",
                           .shuffle_config = ShuffleConfig{7},
                           .attribute_names = {"a"},
                           .instance_groups = {"g"}};
  estimator.fit({{"train", full}, {"test", "s3://d/t"}}, {.wait = false, .job_name = "given"});
  CHECK(stage.aws->calls == std::vector<std::string>{"CreateTrainingJob"});
  CHECK(stage.lines == std::vector<std::string>{"Creating training-job with name: given"});
  CHECK(stage.aws->document("CreateTrainingJob") == json::parse(R"doc({
    "TrainingJobName": "given", "RoleArn": "arn:aws:iam::1:role/R",
    "AlgorithmSpecification": {"TrainingInputMode": "FastFile",
    "TrainingImage": "1.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1.7",
      "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"
}], "EnableSageMakerMetricsTimeSeries": true,
      "ContainerEntrypoint": ["/bin/sh"], "ContainerArguments": ["-c", "true"]
}
,
    "InputDataConfig": [
      {"ChannelName": "train", "ContentType": "text/csv", "CompressionType": "Gzip",
      "RecordWrapperType": "RecordIO",
       "InputMode": "Pipe", "ShuffleConfig": {"Seed": 7},
       "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile",
       "S3Uri": "s3://d/x", "S3DataDistributionType": "ShardedByS3Key", "AttributeNames": ["a"],
       "InstanceGroupNames": ["g"]}}},
      {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://d/t",
       "S3DataDistributionType": "FullyReplicated"}}},
      {"ChannelName": "model", "ContentType": "application/x-sagemaker-model", "InputMode": "File",
      "DataSource":
       {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://m/model.tar.gz",
       "S3DataDistributionType": "FullyReplicated"}}}],
    "OutputDataConfig": {"S3OutputPath": "s3://o/p", "KmsKeyId": "ok", "CompressionType": "NONE"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 50,
    "VolumeKmsKeyId": "vk",
      "KeepAlivePeriodInSeconds": 60},
    "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 200},
    "HyperParameters": {"objective": "reg:linear", "num_round": "50"}, "Environment": {"A": "b"},
    "Tags": [{"Key": "team", "Value": "x"}], "VpcConfig": {"Subnets": ["subnet-1"],
    "SecurityGroupIds": ["sg-1"]},
    "EnableNetworkIsolation": true, "EnableInterContainerTrafficEncryption": true,
    "EnableManagedSpotTraining": true,
    "RetryStrategy": {"MaximumRetryAttempts": 3}, "CheckpointConfig": {
  "S3Uri" : "s3://c/k", "LocalPath" : "/opt/ml/ck"
}
})doc"));
}

TEST_CASE("what cannot work is refused before anything is sent") {
  Script script;
  Stage stage;
  const auto fit = [&](EstimatorOptions options, const TrainingInputs& inputs) {
    options.role = "arn:aws:iam::1:role/R";
    return message_of([&] { Estimator(stage.session, options).fit(inputs); });
  };
  CHECK(fit({.instance_type = "ml.m5.large"}, {}).find("image_uri is missing") == 0);
  CHECK(fit({.entry_point = "train.py", .instance_type = "ml.m5.large"}, {}).find("no C++ source") !=
        std::string::npos);
  CHECK(fit({.image_uri = "i"}, {}).find("instance_type is missing") == 0);
  CHECK(fit({.image_uri = "i", .instance_type = "ml.m5.large", .output_path = "s3://o"}, "/local/data")
            .find("must be a valid S3 URI") != std::string::npos);
  CHECK(stage.aws->calls.empty());
  CHECK(fit({.image_uri = "i",
             .entry_point = "missing.cpp",
             .instance_type = "ml.m5.large",
             .output_path = "s3://o"},
            {})
            .find("No file named \"missing.cpp\"") == 0);
  CHECK(stage.aws->count("CreateTrainingJob") == 0);
  CHECK_THROWS_AS(Estimator(stage.session, {}).latest_training_job(), ConfigError);
}

TEST_CASE("progress and the logs of several hosts are streamed once, in order, and then the seconds") {
  Stage stage(own_endpoint());
  const json two{{"ResourceConfig", {{"InstanceCount", 2}}}};
  json done = completed(two);
  const json starting = transition("Starting", "Starting the training job");
  const json training = transition("Training", "Training image download completed. Training in progress.");
  stage.aws->on("DescribeTrainingJob",
                {answer_json(described("InProgress", {starting}, two)),
                 answer_json(described("InProgress", {starting, training}, two)), answer_json(done)});
  const auto stream = [](int host) {
    return json{{"logStreamName", job + "/algo-" + std::to_string(host) + "-1795244400"}};
  };
  stage.aws->on("DescribeLogStreams",
                {refusal("ResourceNotFoundException", "The specified log group does not exist."),
                 answer_json(json{{"logStreams", {stream(1)}}}),
                 answer_json(json{{"logStreams", {stream(1), stream(2)}}})});
  // A log grows; a token stands for a position in it, and stays good for what is written later.
  int reads = 0;
  stage.aws->on_call("GetLogEvents", [&](const aws::HttpRequest& request) {
    const json input = aws::parse_json(request.body);
    const bool first_host = input["logStreamName"].get<std::string>().find("algo-1") != std::string::npos;
    std::vector<json> log;
    if (first_host)
      log = {{{"timestamp", 10}, {"message", "one\n"}}, {{"timestamp", 30}, {"message", "three"}}};
    else
      log = {{{"timestamp", 20}, {"message", "two"}}};
    if (first_host && ++reads > 3) log.push_back({{"timestamp", 40}, {"message", "last"}});
    const std::size_t from = std::stoul(input.value("nextToken", "f/0").substr(2));
    json events = json::array();
    for (std::size_t index = from; index < log.size(); ++index) events.push_back(log[index]);
    CHECK(input["startFromHead"] == true);
    return answer_json(json{{"events", events}, {"nextForwardToken", "f/" + std::to_string(log.size())}});
  });
  stage.session.logs_for_job(job);
  const std::vector<std::string> expected{
      "2026-11-21 07:00:05 Starting - Starting the training job...",
      "2026-11-21 07:00:05 Training - Training image download completed. Training in progress...",
      "[algo-1] one",
      "[algo-1] three",
      "[algo-2] two",
      "[algo-1] last",
      "2026-11-21 07:00:05 Completed - Training job completed",
      "Training seconds: 24",
      "Billable seconds: 18"};
  CHECK(stage.lines == expected);
  const json request = stage.aws->document("DescribeLogStreams");
  CHECK(request == json{{"logGroupName", "/aws/sagemaker/TrainingJobs"},
                        {"logStreamNamePrefix", job + "/"},
                        {"orderBy", "LogStreamName"},
                        {"limit", 2}});
}

TEST_CASE("a job that fails throws with its reason, after its log") {
  Stage stage(own_endpoint());
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", {{{"logStreamName", job + "/algo-1-1"}}}}});
  stage.aws->on_json("GetLogEvents", {{"events", {{{"timestamp", 1}, {"message", "the last words"}}}},
                                      {"nextForwardToken", "f/1"}});
  const auto failed = [&](const json& more) {
    stage.aws->on_json("DescribeTrainingJob",
                       described("Failed", {transition("Failed", "Training job failed")}, more));
  };
  SUBCASE("of its own") {
    failed({{"FailureReason", "AlgorithmError: exit code 3"}});
    CHECK(message_of([&] { stage.session.logs_for_job("j"); }) ==
          "Error for Training job j: Failed. Reason: AlgorithmError: exit code 3");
    CHECK(std::find(stage.lines.begin(), stage.lines.end(), "the last words") != stage.lines.end());
  }
  SUBCASE("for want of instances") {
    failed({{"FailureReason", "CapacityError: Unable to provision"}});
    CHECK_THROWS_AS(stage.session.logs_for_job("j"), CapacityError);
  }
  SUBCASE("for no stated reason") {
    failed(json::object());
    CHECK(message_of([&] { stage.session.logs_for_job("j"); }).find("(No reason provided)") !=
          std::string::npos);
  }
}

TEST_CASE("a stopped job is mentioned and no error; spot savings are told") {
  Stage stage(own_endpoint());
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", json::array()}});
  stage.aws->on_json("DescribeTrainingJob", described("Stopped", {},
                                                      {{"TrainingTimeInSeconds", 100},
                                                       {"BillableTimeInSeconds", 25},
                                                       {"EnableManagedSpotTraining", true}}));
  CHECK(stage.session.logs_for_job("j")["TrainingJobStatus"] == "Stopped");
  REQUIRE(stage.lines.size() == 4);
  CHECK(stage.lines[0].find("Job ended with status 'Stopped' rather than 'Completed'") == 0);
  CHECK(stage.lines[3] == "Managed Spot Training savings: 75.0%");
}

TEST_CASE("polling: 10 s between looks at AWS, and giving up leaves the job alone") {
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", described("InProgress", {}));
  stage.aws->on_json("DescribeLogStreams", {{"logStreams", json::array()}});
  CHECK_THROWS_AS(stage.session.logs_for_job("j", {.timeout = std::chrono::seconds(35)}), WaitTimeout);
  CHECK(stage.clock->sleeps == std::vector<long long>{10'000, 10'000, 10'000, 10'000});
  CHECK(stage.aws->count("StopTrainingJob") == 0);
}

TEST_CASE("attach gives the estimator of a job that exists") {
  Stage stage;
  json description =
      completed({{"AlgorithmSpecification", {{"TrainingImage", "img"}, {"TrainingInputMode", "Pipe"}}},
                 {"RoleArn", "arn:aws:iam::1:role/R"},
                 {"OutputDataConfig", {{"S3OutputPath", "s3://o/"}, {"KmsKeyId", ""}}},
                 {"StoppingCondition", {{"MaxRuntimeInSeconds", 77}}},
                 {"ModelArtifacts", {{"S3ModelArtifacts", "s3://o/j/output/model.tar.gz"}}},
                 {"HyperParameters",
                  {{"epochs", "5"},
                   {"name", "\"x\""},
                   {"plain", "reg:linear"},
                   {"sagemaker_program", "\"mnist.cpp\""},
                   {"sagemaker_submit_directory", "\"s3://b/s.tar.gz\""},
                   {"sagemaker_job_name", "\"j\""}}}});
  stage.aws->on_json("DescribeTrainingJob", description);
  const Estimator estimator = Estimator::attach(stage.session, job);
  CHECK(estimator.latest_training_job() == job);
  CHECK(estimator.model_data() == "s3://o/j/output/model.tar.gz");
  const EstimatorOptions& options = estimator.options();
  CHECK(options.image_uri == "img");
  CHECK(options.input_mode == "Pipe");
  CHECK(options.max_run == 77);
  CHECK(options.base_job_name == "sagemaker-cpp");
  CHECK(options.entry_point == "mnist.cpp");
  CHECK(options.source_dir == "s3://b/s.tar.gz");
  CHECK(options.hyperparameters ==
        std::map<std::string, json>{{"epochs", 5}, {"name", "x"}, {"plain", "reg:linear"}});
}

TEST_CASE("attach gives the job's tags back, but for AWS's own") {
  Stage stage;
  stage.aws->on_json("DescribeTrainingJob", completed({{"TrainingJobArn", "arn:training/j"}}));
  const json team{{"Key", "team"}, {"Value", "x"}};
  const json cost{{"Key", "cost"}, {"Value", "7"}};
  for (const bool wait : {true, false}) {
    stage.aws->on("ListTags", {answer_json({{"Tags", {team}}, {"NextToken", "more"}}),
                               answer_json({{"Tags", {{{"Key", "aws:created-by"}, {"Value", "a"}}, cost}}})});
    const Estimator estimator = Estimator::attach(stage.session, job, {.wait = wait});
    CHECK(detail::tag_documents(estimator.options().tags) == json{team, cost});
  }
  CHECK(stage.aws->document("ListTags") == json{{"ResourceArn", "arn:training/j"}});
  stage.aws->on("ListTags", {refusal("AccessDeniedException", "no")});
  CHECK_THROWS_AS(Estimator::attach(stage.session, job), ServiceError);
}

TEST_CASE("names: base and time, at most 63 characters, from any image") {
  const auto now = aws::from_epoch_ms(1'795'244'400'123);
  CHECK(detail::name_from_base("base", now) == "base-2026-11-21-07-00-00-123");
  CHECK(detail::name_from_base("_my_model v1.2", now) == "my-model-v1-2-2026-11-21-07-00-00-123");
  CHECK(detail::name_from_base("a--b", now) == "a--b-2026-11-21-07-00-00-123");
  CHECK(detail::name_from_base("_", now) == "job-2026-11-21-07-00-00-123");
  CHECK(detail::name_from_base(std::string(100, 'x'), now).size() == 63);
  CHECK(detail::name_from_base(std::string(100, 'x'), now).ends_with("x-2026-11-21-07-00-00-123"));
  CHECK(detail::base_name_from_image("1.dkr.ecr.r.amazonaws.com/a/pytorch-training:2.0-cpu") ==
        "pytorch-training");
  CHECK(detail::base_name_from_image("file:///opt/my_program.bin") == "my-program-bin");
  CHECK(detail::base_name_from_image("name@sha256:00") == "name");
  CHECK(detail::base_name_from_image("___") == "job");
}
