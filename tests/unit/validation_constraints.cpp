// One case a constraint, against texts that AWS was seen to answer (issues and logs of public repositories).
#include <doctest/doctest.h>

#include "tests/unit/validation_cases.hpp"

using sagemaker::json;
using sagemaker::local::wire::Model;
using sagemaker::tests::answer;
using sagemaker::tests::Answer;
using sagemaker::tests::training_job;

namespace {

std::string message_with(const std::string& path, const json& value) {
  json request = training_job();
  request[json::json_pointer(path)] = value;
  const Answer given = answer("CreateTrainingJob", request);
  CHECK(given.code == "ValidationException");
  CHECK(given.http_status == 400);
  return given.message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a required member that is missing") {
  CHECK(answer("StopTrainingJob", json::object()).message ==
        "1 validation error detected: Value null at 'trainingJobName' failed to satisfy constraint: "
        "Member must not be null");
  CHECK(answer("StopTrainingJob", {{"TrainingJobName", nullptr}}).message ==
        "1 validation error detected: Value null at 'trainingJobName' failed to satisfy constraint: "
        "Member must not be null");
}

TEST_CASE("a required member inside a structure that is present; the structure itself may be absent") {
  CHECK(message_with("/OutputDataConfig", json::object()) ==
        "1 validation error detected: Value null at 'outputDataConfig.s3OutputPath' failed to satisfy "
        "constraint: "
        "Member must not be null");
  CHECK(
      message_with("/InputDataConfig/0/DataSource/S3DataSource", json::object()) ==
      "2 validation errors detected: "
      "Value null at 'inputDataConfig.1.member.dataSource.s3DataSource.s3DataType' failed to satisfy "
      "constraint: "
      "Member must not be null; "
      "Value null at 'inputDataConfig.1.member.dataSource.s3DataSource.s3Uri' failed to satisfy constraint: "
      "Member must not be null");
  json request = training_job();
  request.erase("VpcConfig");
  CHECK(answer("CreateTrainingJob", request).code.empty());
}

TEST_CASE("an enumeration lists its values") {
  const std::string message = message_with("/ResourceConfig/InstanceType", "local");
  CHECK(message.starts_with(
      "1 validation error detected: Value 'local' at 'resourceConfig.instanceType' failed to "
      "satisfy constraint: Member must satisfy enum value set: [ml."));
  CHECK(contains(message, "ml.c5.xlarge, "));
  CHECK(message.ends_with("]"));
  CHECK(message_with("/InputDataConfig/0/InputMode", "fastfile") ==
        "1 validation error detected: Value 'fastfile' at 'inputDataConfig.1.member.inputMode' failed to "
        "satisfy "
        "constraint: Member must satisfy enum value set: [Pipe, File, FastFile]");
}

TEST_CASE("length and pattern of one value are two errors, in this order") {
  const std::string name = std::string(70, 'a') + "_";
  CHECK(message_with("/TrainingJobName", name) ==
        "2 validation errors detected: "
        "Value '" +
            name +
            "' at 'trainingJobName' failed to satisfy constraint: "
            "Member must have length less than or equal to 63; "
            "Value '" +
            name +
            "' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
}

TEST_CASE("too short a text") {
  const std::string message = message_with("/RoleArn", "arn");
  CHECK(contains(message,
                 "Value 'arn' at 'roleArn' failed to satisfy constraint: "
                 "Member must have length greater than or equal to 20"));
}

TEST_CASE("lengths count characters, not bytes") {
  json request = training_job();
  std::string name;
  for (int i = 0; i < 128; ++i) name += "\xC3\xA9";  // the limit of a tag's key is 128
  request["Tags"][0]["Key"] = name;
  CHECK(answer("CreateTrainingJob", request).code.empty());
  request["Tags"][0]["Key"] = name + "\xC3\xA9";
  CHECK(contains(answer("CreateTrainingJob", request).message,
                 "Member must have length less than or equal to 128"));
}

TEST_CASE("numbers") {
  CHECK(message_with("/ResourceConfig/InstanceCount", -1) ==
        "1 validation error detected: Value '-1' at 'resourceConfig.instanceCount' failed to satisfy "
        "constraint: "
        "Member must have value greater than or equal to 0");
  CHECK(answer("ListTrainingJobs", {{"MaxResults", 101}}).message ==
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100");
  CHECK(answer("ListTrainingJobs", {{"MaxResults", 99999999999}}).message ==
        "1 validation error detected: Value '99999999999' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100");
}

TEST_CASE("fractions of an integer are cut off before it is compared") {
  CHECK(answer("ListTrainingJobs", {{"MaxResults", 100.9}}).code.empty());
  CHECK(answer("ListTrainingJobs", {{"MaxResults", 0.9}}).message ==
        "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1");
  CHECK(answer("ListTrainingJobs", {{"MaxResults", -0.5}}).message ==
        "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1");
}

TEST_CASE("bounds of floating point numbers are printed as such") {
  json request = sagemaker::tests::endpoint_config();
  request["ProductionVariants"][0]["InitialVariantWeight"] = -0.5;
  CHECK(answer("CreateEndpointConfig", request).message ==
        "1 validation error detected: Value '-0.5' at 'productionVariants.1.member.initialVariantWeight' "
        "failed to "
        "satisfy constraint: Member must have value greater than or equal to 0.0");
}

TEST_CASE("an integer that the service could not hold is refused where the model has no bound") {
  json request = {{"ImageName", "i"}, {"Version", std::int64_t{1} << 40}};
  CHECK(answer("DescribeImageVersion", request).message ==
        "1 validation error detected: Value '1099511627776' at 'version' failed to satisfy constraint: "
        "Member must have value less than or equal to 2147483647");
}

TEST_CASE("sizes of lists and maps") {
  CHECK(message_with("/InputDataConfig", json::array()) ==
        "1 validation error detected: Value '[]' at 'inputDataConfig' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1");
  json many = json::object();
  for (int i = 0; i < 101; ++i) many[sagemaker::tests::numbered("p", i)] = "v";
  const std::string message = message_with("/HyperParameters", many);
  CHECK(message.starts_with("1 validation error detected: Value '{p0=v, p1=v, "));
  CHECK(
      message.ends_with("' at 'hyperParameters' failed to satisfy constraint: "
                        "Member must have length less than or equal to 100"));
}

TEST_CASE("values of a map are reported once, at the map, with all that holds for a value") {
  const std::string text(2501, 'x');
  CHECK(message_with("/HyperParameters", {{"epochs", "5"}, {"classes", text}, {"more", text}}) ==
        "1 validation error detected: Value '{classes=" + text + ", epochs=5, more=" + text +
            "}' at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: "
            "[Member must have length less than or equal to 2500, Member must have length greater than or "
            "equal to 0, "
            "Member must satisfy regular expression pattern: .*]");
}

TEST_CASE("keys of a map") {
  CHECK(message_with("/Environment", {{"1 two", "x"}}) ==
        "1 validation error detected: Value '{1 two=x}' at 'environment' failed to satisfy constraint: "
        "Map keys must satisfy constraint: [Member must have length less than or equal to 512, "
        "Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]");
}

TEST_CASE("scalars in a list are reported once, at the list") {
  CHECK(message_with("/VpcConfig/Subnets", {"subnet-1", "under_score", "also_wrong"}) ==
        "1 validation error detected: Value '[subnet-1, under_score, also_wrong]' at 'vpcConfig.subnets' "
        "failed to "
        "satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to "
        "32, "
        "Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]");
}

TEST_CASE("structures in a list and in a map are reported at their place") {
  json request = training_job();
  request["InputDataConfig"].push_back(request["InputDataConfig"][0]);
  request["InputDataConfig"][1]["ChannelName"] = "no spaces";
  CHECK(answer("CreateTrainingJob", request).message ==
        "1 validation error detected: Value 'no spaces' at 'inputDataConfig.2.member.channelName' failed to "
        "satisfy "
        "constraint: Member must satisfy regular expression pattern: [A-Za-z0-9\\.\\-_]+");
  const json component = {{"TrialComponentName", "c"},
                          {"InputArtifacts", {{"data", {{"MediaType", "text/csv"}}}}}};
  CHECK(answer("CreateTrialComponent", component).message ==
        "1 validation error detected: Value null at 'inputArtifacts.data.member.value' failed to satisfy "
        "constraint: "
        "Member must not be null");
}

TEST_CASE("a list inside a list keeps both forms apart") {
  json request = {{"ResourceArn", "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e"}};
  json filter = {{"Resource", "TrainingJob"}};
  filter["SearchExpression"]["NestedFilters"] = {
      {{"NestedPropertyName", "Tags"}, {"Filters", json::array()}}};
  CHECK(answer("Search", filter).message ==
        "1 validation error detected: Value '[]' at 'searchExpression.nestedFilters.1.member.filters' failed "
        "to "
        "satisfy constraint: Member must have length greater than or equal to 1");
}

TEST_CASE("structures print in Java's form, with what is missing as null") {
  json request = sagemaker::tests::endpoint_config();
  const json variant = {{"VariantName", "v"}, {"InitialInstanceCount", 1}, {"EnableSSMAccess", true}};
  request["ProductionVariants"] = json::array();
  for (int i = 0; i < 11; ++i) request["ProductionVariants"].push_back(variant);
  const std::string message = answer("CreateEndpointConfig", request).message;
  CHECK(
      contains(message, "Value '[ProductionVariant(variantName=v, modelName=null, initialInstanceCount=1, "));
  CHECK(contains(message, "enableSSMAccess=true"));
  CHECK(contains(message,
                 "' at 'productionVariants' failed to satisfy constraint: "
                 "Member must have length less than or equal to 10"));
}

TEST_CASE("at most ten errors are listed") {
  json request = training_job();
  request["Tags"] = json::array();
  for (int i = 0; i < 20; ++i) request["Tags"].push_back(json::object());
  const std::string message = answer("CreateTrainingJob", request).message;
  CHECK(message.starts_with("10 validation errors detected: "));
  CHECK(contains(message, "'tags.5.member.value'"));
  CHECK_FALSE(contains(message, "'tags.6.member.key'"));
}

TEST_CASE("secret values are not repeated") {
  const json request = {{"WorkforceName", "w"},
                        {"OidcConfig",
                         {{"ClientId", "c"},
                          {"ClientSecret", std::string(1025, 's')},
                          {"Issuer", "https://a.example/x"},
                          {"AuthorizationEndpoint", "https://a.example/x"},
                          {"TokenEndpoint", "https://a.example/x"},
                          {"UserInfoEndpoint", "https://a.example/x"},
                          {"LogoutEndpoint", "https://a.example/x"},
                          {"JwksUri", "https://a.example/x"}}}};
  CHECK(answer("CreateWorkforce", request).message ==
        "1 validation error detected: Value at 'oidcConfig.clientSecret' failed to satisfy constraint: "
        "Member must have length less than or equal to 1024");
}

TEST_CASE("what is quoted has an end") {
  const std::string message = message_with("/TrainingJobName", std::string(1'000'000, 'a'));
  CHECK(message.size() < 100'000);
  CHECK(contains(message, "aaa...' at 'trainingJobName'"));
}

TEST_CASE("CloudWatch Logs and STS answer in the same words under their own codes") {
  const Answer logs = answer(Model::logs, "GetLogEvents", {{"logStreamName", "s"}, {"limit", 10001}});
  CHECK(logs.code == "InvalidParameterException");
  CHECK(logs.message ==
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000");
  const Answer sts =
      answer(Model::sts, "AssumeRole",
             {{"RoleArn", "arn:aws:iam::000000000000:role/r"}, {"RoleSessionName", "Session1:2"}});
  CHECK(sts.code == "ValidationError");
  CHECK(sts.message ==
        "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]*");
}
