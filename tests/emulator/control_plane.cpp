// The control plane over HTTP through our own client: AWS's words for bad requests, lists, tags, and requests
// that race.
#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/clients/sagemaker.hpp>
#include <sagemaker/clients/sts.hpp>
#include <sagemaker/local.hpp>

#include "tests/support/support.hpp"

namespace sm = sagemaker;
using sm::json;

namespace {

const char* const role = "arn:aws:iam::000000000000:role/SageMakerRole";

struct Fixture {
  sm::LocalEmulator emulator{{.arguments = {"--durability", "process"}}};
  sm::SageMakerClient client{emulator.config()};
  sagemaker::tests::TemporaryDirectory folder;

  std::string image() const {
    const auto path = folder / "program";
    std::ofstream(path) << "#!/bin/sh\nexit 0\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return "file://" + path.string();
  }
  json model(const std::string& name) const {
    return {{"ModelName", name}, {"ExecutionRoleArn", role}, {"PrimaryContainer", {{"Image", image()}}}};
  }
  json training_job(const std::string& name) const {
    return {
        {"TrainingJobName", name},
        {"RoleArn", role},
        {"AlgorithmSpecification", {{"TrainingImage", image()}, {"TrainingInputMode", "File"}}},
        {"OutputDataConfig", {{"S3OutputPath", "s3://bucket/out"}}},
        {"ResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 1}}},
        {"StoppingCondition", {{"MaxRuntimeInSeconds", 60}}}};
  }
  // "Code: message" of the refusal.
  std::string refusal(std::string_view operation, const json& input) const {
    try {
      client.call(operation, input);
    } catch (const sm::ServiceError& error) {
      return error.code() + ": " + error.message();
    }
    return "accepted";
  }
};

}  // namespace

TEST_CASE("requests that break the service model are refused in the words of AWS") {
  Fixture local;
  CHECK(local.refusal("DescribeTrainingJob", json::object()) ==
        "ValidationException: 1 validation error detected: Value null at 'trainingJobName' failed to satisfy "
        "constraint: "
        "Member must not be null");
  const std::string both = local.refusal("DescribeModel", {{"ModelName", std::string(64, '_')}});
  CHECK(both.starts_with("ValidationException: 2 validation errors detected: Value '" + std::string(64, '_') +
                         "' at 'modelName' failed to satisfy constraint: "));
  CHECK(both.find("Member must have length less than or equal to 63") != std::string::npos);
  CHECK(both.find("Member must satisfy regular expression pattern: ") != std::string::npos);
  CHECK(local.refusal("ListTrainingJobs", {{"MaxResults", 101}})
            .find("Member must have value less than or equal to 100") != std::string::npos);
  CHECK(local.refusal("ListModels", {{"MaxResults", "ten"}}).starts_with("SerializationException: "));
  CHECK(local.refusal("ListModels", {{"NextToken", "garbage"}}).starts_with("ValidationException: "));
}

TEST_CASE("an operation that is not implemented says so") {
  Fixture local;
  CHECK(local.refusal("CreateDomain", json::object()) ==
        "UnknownOperationException: The operation CreateDomain is not implemented by sagemaker-local yet.");
  CHECK(local.refusal("MakeCoffee", json::object()).starts_with("UnknownOperationException: "));
}

TEST_CASE("a part of a request that is not implemented is refused by name") {
  Fixture local;
  json job = local.training_job("job");
  job["RemoteDebugConfig"] = {{"EnableRemoteDebug", true}};
  CHECK(local.refusal("CreateTrainingJob", job) ==
        "ValidationException: RemoteDebugConfig is not implemented by sagemaker-local yet.");
  // Nothing was made by the refused request.
  CHECK(local.refusal("DescribeTrainingJob", {{"TrainingJobName", "job"}}) ==
        "ValidationException: Requested resource not found.");
}

TEST_CASE("lists page through everything, once, in the order asked for") {
  Fixture local;
  std::set<std::string> made;
  for (int i = 0; i < 23; ++i) {
    const std::string name = "model-" + std::to_string(i);
    local.client.create_model(local.model(name));
    made.insert(name);
  }
  std::vector<std::string> listed;
  for (const json& summary :
       local.client.items("ListModels", {{"MaxResults", 5}, {"SortBy", "Name"}, {"SortOrder", "Ascending"}}))
    listed.push_back(summary.at("ModelName"));
  CHECK(std::is_sorted(listed.begin(), listed.end()));
  CHECK(std::set<std::string>(listed.begin(), listed.end()) == made);
  CHECK(listed.size() == made.size());
  CHECK(local.client.list_models({{"NameContains", "model-2"}}).at("Models").size() == 4);  // 2, 20, 21, 22
  CHECK(local.client.list_models({{"CreationTimeAfter", 4102444800}}).at("Models").empty());
}

TEST_CASE("of requests that race for a name one wins") {
  Fixture local;
  std::atomic<int> accepted{0}, refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const std::string answer = local.refusal("CreateModel", local.model("contested"));
      ++(answer == "accepted" ? accepted : refused);
      if (answer != "accepted")
        CHECK(answer ==
              "ValidationException: Cannot create already existing model "
              "\"arn:aws:sagemaker:us-east-1:000000000000:model/contested\".");
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(accepted == 1);
  CHECK(refused == 7);
}

TEST_CASE("tags are added, replaced, listed and removed") {
  Fixture local;
  json request = local.model("tagged");
  request["Tags"] = json::array({{{"Key", "team"}, {"Value", "a"}}});
  const std::string arn = local.client.create_model(request).at("ModelArn");
  local.client.call(
      "AddTags",
      {{"ResourceArn", arn},
       {"Tags", json::array({{{"Key", "team"}, {"Value", "b"}}, {{"Key", "cost"}, {"Value", "1"}}})}});
  CHECK(local.client.call("ListTags", {{"ResourceArn", arn}}).at("Tags") ==
        json::array({{{"Key", "cost"}, {"Value", "1"}}, {{"Key", "team"}, {"Value", "b"}}}));
  local.client.call("DeleteTags", {{"ResourceArn", arn}, {"TagKeys", {"cost"}}});
  CHECK(local.client.call("ListTags", {{"ResourceArn", arn}}).at("Tags").size() == 1);
  CHECK(local.refusal("ListTags", {{"ResourceArn", "arn:aws:sagemaker:us-east-1:000000000000:model/none"}})
            .starts_with("ValidationException: "));
}

TEST_CASE("tags that AWS keeps to itself and tags given twice are refused wherever tags are given") {
  Fixture local;
  const auto tags = [](const std::vector<std::string>& keys) {
    json list = json::array();
    for (const std::string& key : keys) list.push_back({{"Key", key}, {"Value", "v"}});
    return list;
  };
  const std::string arn = local.client.create_model(local.model("model")).at("ModelArn");
  const std::string reserved =
      "ValidationException: System prefix 'aws:' reserved for AWS usage in tag key: ";
  json model = local.model("tagged");
  json job = local.training_job("tagged");
  for (const auto& [keys, words] : std::map<std::vector<std::string>, std::string>{
           {{"team", "aws:stack"}, reserved + "aws:stack"},
           {{"AWS:stack"}, reserved + "AWS:stack"},
           {{"team", "cost", "team"}, "ValidationException: Duplicate tag key"}}) {
    CAPTURE(words);
    model["Tags"] = job["Tags"] = tags(keys);
    CHECK(local.refusal("CreateModel", model) == words);
    CHECK(local.refusal("CreateTrainingJob", job) == words);
    CHECK(local.refusal("AddTags", {{"ResourceArn", arn}, {"Tags", tags(keys)}}) == words);
  }
  CHECK(local.refusal("DeleteTags", {{"ResourceArn", arn}, {"TagKeys", {"aws:stack"}}}) ==
        reserved + "aws:stack");
  CHECK(local.client.list_models().at("Models").size() == 1);
  CHECK(local.client.call("ListTags", {{"ResourceArn", arn}}).at("Tags").empty());
  // Keys that only resemble each other and the prefix are anybody's.
  model["Tags"] = tags({"team", "Team", "aws", "aws-stack", "sagemaker:stack"});
  CHECK(local.refusal("CreateModel", model) == "accepted");
}

TEST_CASE(
    "what no process can be given, text with a NUL character, is refused wherever a process comes of it") {
  Fixture local;
  const std::string nul("a\0b", 3);
  const std::string of_variable =
      "ValidationException: Invalid Environment: the value of NAME contains a NUL character.";
  json model = local.model("model");
  model["PrimaryContainer"]["Environment"] = {{"NAME", nul}};
  CHECK(local.refusal("CreateModel", model) == of_variable);
  json pipeline = local.model("model");
  pipeline["Containers"] = {pipeline["PrimaryContainer"], model["PrimaryContainer"]};
  pipeline.erase("PrimaryContainer");
  CHECK(local.refusal("CreateModel", pipeline) == of_variable);
  json training = local.training_job("job");
  training["Environment"] = {{"NAME", nul}};
  CHECK(local.refusal("CreateTrainingJob", training) == of_variable);
  training = local.training_job("job");
  training["AlgorithmSpecification"]["ContainerArguments"] = {"x", nul};
  CHECK(local.refusal("CreateTrainingJob", training) ==
        "ValidationException: Invalid ContainerArguments: the value contains a NUL character.");
  json processing = {
      {"ProcessingJobName", "job"},
      {"RoleArn", role},
      {"AppSpecification", {{"ImageUri", local.image()}}},
      {"ProcessingResources",
       {{"ClusterConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 1}}}}},
      {"Environment", {{"NAME", nul}}}};
  CHECK(local.refusal("CreateProcessingJob", processing) == of_variable);
  processing.erase("Environment");
  processing["AppSpecification"]["ContainerEntrypoint"] = {nul};
  CHECK(local.refusal("CreateProcessingJob", processing) ==
        "ValidationException: Invalid ContainerEntrypoint: the value contains a NUL character.");
  const json transform = {
      {"TransformJobName", "job"},
      {"ModelName", "model"},
      {"TransformInput",
       {{"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://b/i"}}}}}}},
      {"TransformOutput", {{"S3OutputPath", "s3://b/o"}}},
      {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}},
      {"Environment", {{"NAME", nul}}}};
  CHECK(local.refusal("CreateTransformJob", transform) == of_variable);
  // A name with such a character breaks the pattern of the service model already.
  model["PrimaryContainer"]["Environment"] = {{nul, "value"}};
  CHECK(local.refusal("CreateModel", model).starts_with("ValidationException: "));
  CHECK(local.client.list_models().at("Models").empty());
}

TEST_CASE("a request with a wrong secret is refused and changes nothing") {
  Fixture local;
  sm::ClientConfig config = local.emulator.config();
  config.credentials = sm::aws::Credentials{"test", "not the secret", "", std::nullopt};
  sm::SageMakerClient stranger(config);
  try {
    stranger.create_model(local.model("forged"));
    FAIL("accepted");
  } catch (const sm::ServiceError& error) {
    CHECK(error.code() == "InvalidSignatureException");
    CHECK(error.http_status() == 403);
  }
  CHECK(local.client.list_models().at("Models").empty());
  CHECK(sm::StsClient(local.emulator.config()).get_caller_identity().account == "000000000000");
}

TEST_CASE("what was made is found again after a restart") {
  Fixture local;
  local.client.create_model(local.model("kept"));
  local.emulator.restart();
  CHECK(
      sm::SageMakerClient(local.emulator.config()).describe_model({{"ModelName", "kept"}}).at("ModelName") ==
      "kept");
}
