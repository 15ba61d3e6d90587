// Values of the wrong JSON type, in the words that AWS's JSON services were recorded with.
#include <doctest/doctest.h>

#include "tests/unit/validation_cases.hpp"

using sagemaker::json;
using sagemaker::tests::answer;
using sagemaker::tests::Answer;

namespace {

// What CreateTrainingJob says when `path` of an otherwise valid request holds `value`.
Answer with(const std::string& path, const json& value) {
  json request = sagemaker::tests::training_job();
  request[json::json_pointer(path)] = value;
  return answer("CreateTrainingJob", request);
}

std::string serialization_message(const std::string& path, const json& value) {
  const Answer given = with(path, value);
  CHECK(given.code == "SerializationException");
  CHECK(given.http_status == 400);
  return given.message;
}

}  // namespace

TEST_CASE("a scalar where another scalar is expected names both") {
  CHECK(serialization_message("/TrainingJobName", 1) == "NUMBER_VALUE can not be converted to a String");
  CHECK(serialization_message("/TrainingJobName", 1.5) == "NUMBER_VALUE can not be converted to a String");
  CHECK(serialization_message("/TrainingJobName", true) == "TRUE_VALUE can not be converted to a String");
  CHECK(serialization_message("/TrainingJobName", false) == "FALSE_VALUE can not be converted to a String");
  CHECK(serialization_message("/ResourceConfig/InstanceCount", "2") ==
        "STRING_VALUE can not be converted to an Integer");
  CHECK(serialization_message("/ResourceConfig/InstanceCount", true) ==
        "TRUE_VALUE can not be converted to an Integer");
  CHECK(serialization_message("/EnableNetworkIsolation", 1) ==
        "NUMBER_VALUE can not be converted to a Boolean");
  CHECK(serialization_message("/HyperParameters/epochs", 5) ==
        "NUMBER_VALUE can not be converted to a String");
  CHECK(serialization_message("/VpcConfig/Subnets/0", 5) == "NUMBER_VALUE can not be converted to a String");
}

TEST_CASE("a list or a structure where something else is expected") {
  CHECK(serialization_message("/TrainingJobName", json::array({"x"})) ==
        "Start of list found where not expected");
  CHECK(serialization_message("/TrainingJobName", {{"a", 1}}) ==
        "Start of structure or map found where not expected.");
  CHECK(serialization_message("/InputDataConfig", {{"a", 1}}) ==
        "Start of structure or map found where not expected.");
  CHECK(serialization_message("/InputDataConfig", "x") == "Expected list or null");
  CHECK(serialization_message("/HyperParameters", json::array()) == "Start of list found where not expected");
  CHECK(serialization_message("/HyperParameters", "x") == "Expected map or null");
  CHECK(serialization_message("/ResourceConfig", "x") == "Expected null");
  CHECK(serialization_message("/ResourceConfig", json::array()) == "Start of list found where not expected");
  CHECK(serialization_message("/InputDataConfig/0", "x") == "Expected null");
}

TEST_CASE("the document itself is an object") {
  CHECK(answer("CreateTrainingJob", json::array()).message == "Start of list found where not expected");
  CHECK(answer("CreateTrainingJob", "x").code == "SerializationException");
  CHECK(answer("CreateTrainingJob", nullptr).code == "SerializationException");
}

TEST_CASE("a wrong type is reported before any broken constraint") {
  json request = sagemaker::tests::training_job();
  request["TrainingJobName"] = "under_score";
  request["Tags"] = "x";
  CHECK(answer("CreateTrainingJob", request).message == "Expected list or null");
}

TEST_CASE("timestamps are numbers on the JSON wire") {
  CHECK(answer("ListTrainingJobs", {{"CreationTimeAfter", 1700000000.5}}).code.empty());
  CHECK(answer("ListTrainingJobs", {{"CreationTimeAfter", "2024-01-01T00:00:00Z"}}).message ==
        "STRING_VALUE can not be converted to milliseconds since epoch");
}

TEST_CASE("of a union one member may be set") {
  const json file = {{"MountPath", "/mnt"}};
  json request = {{"SpaceName", "s"}, {"DomainId", "d-1234567890ab"}};
  request["SpaceSettings"] = {
      {"CustomFileSystems", {{{"EFSFileSystem", {{"FileSystemId", "fs-12345678"}}}}}}};
  CHECK(answer("CreateSpace", request).code.empty());
  request["SpaceSettings"]["CustomFileSystems"][0]["FSxLustreFileSystem"] = {{"FileSystemId", "fs-12345678"}};
  CHECK(answer("CreateSpace", request).message == "Only one member of CustomFileSystem may be set");
}

TEST_CASE("null is the same as absent, and unknown members are ignored") {
  json request = sagemaker::tests::training_job();
  request["Tags"] = nullptr;
  request["HyperParameters"]["gone"] = nullptr;
  request["VpcConfig"]["Subnets"].push_back(nullptr);
  request["NoSuchMember"] = {{"anything", json::array({1, nullptr})}};
  CHECK(answer("CreateTrainingJob", request).code.empty());

  sagemaker::local::wire::drop_nulls(request);
  CHECK_FALSE(request.contains("Tags"));
  CHECK_FALSE(request["HyperParameters"].contains("gone"));
  CHECK(request["VpcConfig"]["Subnets"] == json::array({"subnet-0123"}));
  CHECK(request["NoSuchMember"]["anything"] == json::array({1}));
}

TEST_CASE("checked() validates before the operation runs and hides nulls and unknown members from it") {
  json seen;
  sagemaker::local::OperationTable table;
  table.emplace("StopTrainingJob", [&](const sagemaker::local::CallContext&, const json& input) {
    seen = input;
    return json::object();
  });
  const auto checked =
      sagemaker::local::wire::checked(sagemaker::local::wire::Model::sagemaker, std::move(table));
  CHECK_THROWS_AS(checked.at("StopTrainingJob")({}, json::object()), sagemaker::local::ServiceFault);
  CHECK(seen.is_null());
  checked.at("StopTrainingJob")({},
                                {{"TrainingJobName", "a"}, {"Other", nullptr}, {"TrainingStartTime", "x"}});
  CHECK(seen == json{{"TrainingJobName", "a"}});
}

TEST_CASE("fractions of integers are cut off before an operation sees them, and bounds are checked first") {
  json seen;
  sagemaker::local::OperationTable table;
  table.emplace("CreateTrainingJob", [&](const sagemaker::local::CallContext&, const json& input) {
    seen = input;
    return json::object();
  });
  const auto checked =
      sagemaker::local::wire::checked(sagemaker::local::wire::Model::sagemaker, std::move(table));
  const auto seconds = [&](double value) {
    json request = sagemaker::tests::training_job();
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = value;
    checked.at("CreateTrainingJob")({}, request);
    return seen["StoppingCondition"]["MaxRuntimeInSeconds"].dump();
  };
  CHECK(seconds(3.7) == "3");
  CHECK(seconds(1e2) == "100");
  CHECK(seconds(2147483647.9) == "2147483647");
  CHECK_THROWS_AS(seconds(0.9), sagemaker::local::ServiceFault);
  CHECK_THROWS_AS(seconds(1e300), sagemaker::local::ServiceFault);
}

TEST_CASE("other numbers keep their fractions, beside integers anywhere in a request") {
  json seen;
  sagemaker::local::OperationTable table;
  for (const char* operation : {"CreateEndpointConfig", "ListTrainingJobs"})
    table.emplace(operation, [&](const sagemaker::local::CallContext&, const json& input) {
      seen = input;
      return json::object();
    });
  const auto checked =
      sagemaker::local::wire::checked(sagemaker::local::wire::Model::sagemaker, std::move(table));
  checked.at("CreateEndpointConfig")({}, {{"EndpointConfigName", "a"},
                                          {"ProductionVariants",
                                           {{{"VariantName", "v"},
                                             {"ModelName", "m"},
                                             {"InstanceType", "ml.m5.large"},
                                             {"InitialInstanceCount", 1.5},
                                             {"InitialVariantWeight", 0.5}}}}});
  CHECK(seen["ProductionVariants"][0]["InitialInstanceCount"].dump() == "1");
  CHECK(seen["ProductionVariants"][0]["InitialVariantWeight"].dump() == "0.5");
  checked.at("ListTrainingJobs")({}, {{"MaxResults", 2.5}, {"CreationTimeAfter", 1000.5}});
  CHECK(seen["MaxResults"].dump() == "2");
  CHECK(seen["CreationTimeAfter"].dump() == "1000.5");
}
