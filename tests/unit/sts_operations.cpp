#include <doctest/doctest.h>

#include "emulator/services/service_error.hpp"
#include "emulator/services/sts/operations.hpp"
#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::local::CallContext;
using sagemaker::local::OperationTable;
using sagemaker::local::ServiceFault;
using namespace sagemaker::local::services;

namespace {

struct Sts {
  json call(const std::string& operation, const json& input, const std::string& access_key = "test") {
    return operations.find(operation)->second({"123456789012", "us-east-1", "aws", access_key, "id"}, input);
  }
  std::string fault(const std::string& operation, const json& input, const std::string& access_key = "test") {
    try {
      call(operation, input, access_key);
      return "";
    } catch (const ServiceFault& thrown) {
      return thrown.code() + ": " + thrown.message();
    }
  }

  std::shared_ptr<sagemaker::tests::ManualClock> clock =
      std::make_shared<sagemaker::tests::ManualClock>(1'700'000'000'000);
  TemporaryCredentials credentials{clock};
  OperationTable operations = sts_operations(credentials);
};

const json role = {{"RoleArn", "arn:aws:iam::123456789012:role/service-role/Trainer"},
                   {"RoleSessionName", "me"}};

}  // namespace

TEST_CASE("GetCallerIdentity names the account's root user") {
  Sts sts;
  CHECK(sts.call("GetCallerIdentity", json::object()) == json{{"Account", "123456789012"},
                                                              {"Arn", "arn:aws:iam::123456789012:root"},
                                                              {"UserId", "123456789012"}});
}

TEST_CASE("an assumed role has credentials of its own, and an identity") {
  Sts sts;
  const json output = sts.call("AssumeRole", role);
  const json& credentials = output.at("Credentials");
  const std::string key = credentials.at("AccessKeyId");
  CHECK(key.size() == 20);
  CHECK(key.starts_with("ASIA"));
  CHECK(credentials.at("SecretAccessKey").get<std::string>().size() == 40);
  CHECK(credentials.at("Expiration") == "2023-11-14T23:13:20Z");
  CHECK(output.at("AssumedRoleUser").at("Arn") == "arn:aws:sts::123456789012:assumed-role/Trainer/me");
  const std::string id = output.at("AssumedRoleUser").at("AssumedRoleId");
  CHECK(id.starts_with("AROA"));
  CHECK(id.size() == 24);
  CHECK(id.ends_with(":me"));
  CHECK(sts.call("GetCallerIdentity", json::object(), key) ==
        json{{"Account", "123456789012"}, {"Arn", output.at("AssumedRoleUser").at("Arn")}, {"UserId", id}});
  CHECK(sts.call("AssumeRole", role).at("Credentials").at("AccessKeyId") != key);
  CHECK(sts.call("AssumeRole", role).at("AssumedRoleUser").at("AssumedRoleId") == id);
}

TEST_CASE("issued credentials are good with their own token, until they expire") {
  Sts sts;
  json request = role;
  request["DurationSeconds"] = 900;
  const json issued = sts.call("AssumeRole", request).at("Credentials");
  const std::string key = issued.at("AccessKeyId"), token = issued.at("SessionToken");
  CHECK(sts.credentials.secret_for(key, token) == issued.at("SecretAccessKey").get<std::string>());
  CHECK_FALSE(sts.credentials.secret_for(key, ""));
  CHECK_FALSE(sts.credentials.secret_for(key, token + "x"));
  CHECK_FALSE(sts.credentials.secret_for("ASIAUNKNOWN", token));
  sts.clock->sleep_for(std::chrono::seconds(899));
  CHECK(sts.credentials.secret_for(key, token));
  sts.clock->sleep_for(std::chrono::seconds(1));
  CHECK_FALSE(sts.credentials.secret_for(key, token));
  REQUIRE(sts.credentials.find(key));  // so that a caller can be told that they expired
  CHECK(*sts.credentials.find(key)->expiration <= sts.clock->now());
  sts.clock->sleep_for(std::chrono::hours(2));
  sts.call("AssumeRole", role);
  CHECK_FALSE(sts.credentials.find(key));
}

TEST_CASE("GetSessionToken gives the caller's own identity for half a day") {
  Sts sts;
  const json issued = sts.call("GetSessionToken", json::object()).at("Credentials");
  CHECK(issued.at("Expiration") == "2023-11-15T10:13:20Z");
  CHECK(sts.call("GetCallerIdentity", json::object(), issued.at("AccessKeyId")).at("Arn") ==
        "arn:aws:iam::123456789012:root");
  CHECK(sts.fault("GetSessionToken", json::object(), issued.at("AccessKeyId")) ==
        "AccessDenied: Cannot call GetSessionToken with session credentials");
}

TEST_CASE("role ARNs that are none, in AWS's words") {
  Sts sts;
  for (const char* arn : {"nothing-valid-in-here", "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:",
                          "arn:aws:iam::123456789012:user/x", "arn:aws:iam::1234:role/x",
                          "arn:aws:iam::123456789012:role/", "arn:aws:s3::123456789012:role/x"}) {
    CHECK(sts.fault("AssumeRole", {{"RoleArn", arn}, {"RoleSessionName", "me"}}) ==
          "ValidationError: " + std::string(arn) + " is invalid");
  }
  CHECK(sts.fault("AssumeRole", {{"RoleArn", "arn:aws:iam::123456789012:role/x"}}) ==
        "ValidationError: 1 validation error detected: Value null at 'roleSessionName' failed to satisfy "
        "constraint: "
        "Member must not be null");
}
