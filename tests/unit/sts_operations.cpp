// STS: who calls, sessions and their limits, in AWS's words.
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/identity_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::Identities;

namespace {

const json role = {{"RoleArn", "arn:aws:iam::123456789012:role/service-role/Trainer"},
                   {"RoleSessionName", "me"}};

json with(json document, const char* name, const json& value) {
  document[name] = value;
  return document;
}

json tag(const char* key, const char* value) { return {{"Key", key}, {"Value", value}}; }

const std::string policy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})";

}  // namespace

TEST_CASE("GetCallerIdentity names the account's root user, or the identity of the key") {
  Identities sts;
  CHECK(sts.call("GetCallerIdentity", json::object()) == json{{"Account", "123456789012"},
                                                              {"Arn", "arn:aws:iam::123456789012:root"},
                                                              {"UserId", "123456789012"}});
  const json alice = sts.call("GetCallerIdentity", json::object(), "alice");
  CHECK(alice.at("Account") == "111122223333");
  CHECK(alice.at("Arn") == "arn:aws:iam::111122223333:user/team/alice");
  const std::string id = alice.at("UserId");
  CHECK(id.starts_with("AIDA"));
  CHECK(id.size() == 21);
}

TEST_CASE("an assumed role has credentials of its own, and an identity") {
  Identities sts;
  const json output = sts.call("AssumeRole", role);
  const json& credentials = output.at("Credentials");
  const std::string key = credentials.at("AccessKeyId");
  CHECK(key.size() == 20);
  CHECK(key.starts_with("ASIA"));
  CHECK(credentials.at("SecretAccessKey").get<std::string>().size() == 40);
  CHECK(credentials.at("Expiration") == "2023-11-14T23:13:20Z");
  CHECK_FALSE(output.contains("PackedPolicySize"));
  CHECK(output.at("AssumedRoleUser").at("Arn") == "arn:aws:sts::123456789012:assumed-role/Trainer/me");
  const std::string id = output.at("AssumedRoleUser").at("AssumedRoleId");
  CHECK(id.starts_with("AROA"));
  CHECK(id.size() == 24);
  CHECK(id.ends_with(":me"));
  CHECK(sts.call("GetCallerIdentity", json::object(), key) ==
        json{{"Account", "123456789012"}, {"Arn", output.at("AssumedRoleUser").at("Arn")}, {"UserId", id}});
  CHECK(sts.call("AssumeRole", role).at("Credentials").at("AccessKeyId") != key);
  CHECK(sts.call("AssumeRole", role).at("AssumedRoleUser").at("AssumedRoleId") == id);
  CHECK(sts.call("AssumeRole", with(role, "SourceIdentity", "bob")).at("SourceIdentity") == "bob");
}

TEST_CASE(
    "issued credentials outlive a restart, are found until an hour behind their expiry, and no longer") {
  Identities sts;
  const json issued = sts.call("AssumeRole", with(role, "DurationSeconds", 900)).at("Credentials");
  const std::string key = issued.at("AccessKeyId");
  sts.restart();
  const auto session = sts.credentials->find(key);
  REQUIRE(session);
  CHECK(session->credentials.secret_access_key == issued.at("SecretAccessKey").get<std::string>());
  CHECK(session->credentials.session_token == issued.at("SessionToken").get<std::string>());
  CHECK(*session->credentials.expiration == sts.clock->now() + std::chrono::seconds(900));
  CHECK(session->principal.arn == "arn:aws:sts::123456789012:assumed-role/Trainer/me");
  sts.clock->sleep_for(std::chrono::seconds(900) + std::chrono::minutes(59));
  sts.restart();
  CHECK(sts.credentials->find(key));  // so that a caller can be told that they expired
  sts.clock->sleep_for(std::chrono::minutes(2));
  sts.call("AssumeRole", role);
  CHECK_FALSE(sts.credentials->find(key));
  CHECK_FALSE(sts.records.find("sts-session", key));
}

TEST_CASE("a session that cannot be read back is dropped, and the others stay") {
  Identities sts;
  const std::string key = sts.call("AssumeRole", role).at("Credentials").at("AccessKeyId");
  sts.records.insert("sts-session", {"ASIABROKEN", "arn", "", 0, 0, {{"SecretAccessKey", 5}}});
  sts.restart();
  CHECK(sts.credentials->find(key));
  CHECK_FALSE(sts.records.find("sts-session", "ASIABROKEN"));
}

TEST_CASE("GetSessionToken gives the caller's own identity: half a day for a user, an hour for root") {
  Identities sts;
  json issued = sts.call("GetSessionToken", json::object(), "alice").at("Credentials");
  CHECK(issued.at("Expiration") == "2023-11-15T10:13:20Z");
  CHECK(sts.call("GetCallerIdentity", json::object(), issued.at("AccessKeyId")).at("Arn") ==
        "arn:aws:iam::111122223333:user/team/alice");
  CHECK(sts.fault("GetSessionToken", json::object(), issued.at("AccessKeyId")) ==
        "AccessDenied 403: Cannot call GetSessionToken with session credentials");
  issued = sts.call("GetSessionToken", {{"DurationSeconds", 7200}}).at("Credentials");
  CHECK(issued.at("Expiration") == "2023-11-14T23:13:20Z");
}

TEST_CASE("GetFederationToken names a federated user") {
  Identities sts;
  const json output = sts.call("GetFederationToken", {{"Name", "bob"}, {"Policy", policy}}, "alice");
  CHECK(output.at("FederatedUser") == json{{"Arn", "arn:aws:sts::111122223333:federated-user/bob"},
                                           {"FederatedUserId", "111122223333:bob"}});
  CHECK(output.at("PackedPolicySize") == 3);
  const std::string key = output.at("Credentials").at("AccessKeyId");
  CHECK(sts.call("GetCallerIdentity", json::object(), key) ==
        json{{"Account", "111122223333"},
             {"Arn", "arn:aws:sts::111122223333:federated-user/bob"},
             {"UserId", "111122223333:bob"}});
  CHECK(sts.fault("GetFederationToken", {{"Name", "bob"}}, key) ==
        "AccessDenied 403: Cannot call GetFederationToken with session credentials");
}

TEST_CASE("GetAccessKeyInfo tells the account of a key") {
  Identities sts;
  const json input = with(role, "RoleArn", "arn:aws:iam::999988887777:role/Elsewhere");
  const std::string key = sts.call("AssumeRole", input).at("Credentials").at("AccessKeyId");
  CHECK(sts.call("GetAccessKeyInfo", {{"AccessKeyId", key}}) == json{{"Account", "999988887777"}});
  // An access key id of AWS's own making has its account in it; this one is published with its account.
  CHECK(sts.call("GetAccessKeyInfo", {{"AccessKeyId", "ASIAQNZGKIQY56JQ7WML"}}) ==
        json{{"Account", "029608264753"}});
  for (const char* account : {"000000000000", "123456789012", "999999999999"}) {
    for (int i = 0; i < 50; ++i)
      CHECK(sagemaker::local::services::account_of_access_key(
                sagemaker::local::services::random_access_key("ASIA", account)) == account);
  }
  CHECK(sts.fault("GetAccessKeyInfo", {{"AccessKeyId", "short"}})
            .starts_with("ValidationError 400: 1 validation"));
}

TEST_CASE("role ARNs that are none, in AWS's words") {
  Identities sts;
  for (const char* arn : {"nothing-valid-in-here", "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:aa",
                          "arn:aws:iam::123456789012:user/x", "arn:aws:iam::1234:role/x",
                          "arn:aws:iam::123456789012:role/", "arn:aws:s3::123456789012:role/x"}) {
    CHECK(sts.fault("AssumeRole", with(role, "RoleArn", arn)) ==
          "ValidationError 400: " + std::string(arn) + " is invalid");
  }
}

TEST_CASE("constraints of the request, in AWS's words") {
  Identities sts;
  const std::string start = "ValidationError 400: 1 validation error detected: Value ";
  CHECK(sts.fault("AssumeRole", {{"RoleArn", "arn:aws:iam::123456789012:role/x"}}) ==
        start + "null at 'roleSessionName' failed to satisfy constraint: Member must not be null");
  CHECK(sts.fault("AssumeRole", with(role, "RoleSessionName", "Session1:2")) ==
        start +
            "'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: [\\w+=,.@-]*");
  CHECK(sts.fault("AssumeRole", with(role, "DurationSeconds", 899)) ==
        start +
            "'899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or "
            "equal "
            "to 900");
  CHECK(sts.fault("AssumeRole", with(role, "DurationSeconds", 43'201)) ==
        start +
            "'43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or "
            "equal "
            "to 43200");
}

TEST_CASE("a role assumed by a role lasts an hour at most") {
  Identities sts;
  const std::string key = sts.call("AssumeRole", role).at("Credentials").at("AccessKeyId");
  CHECK(sts.fault("AssumeRole", with(role, "DurationSeconds", 3600), key) == "");
  CHECK(sts.fault("AssumeRole", with(role, "DurationSeconds", 3601), key) ==
        "ValidationError 400: The requested DurationSeconds exceeds the 1 hour session limit for roles "
        "assumed by "
        "role chaining");
}

TEST_CASE("a role that IAM knows has its own id and its own limit") {
  Identities sts;
  const json made =
      sts.call("CreateRole",
               {{"RoleName", "Trainer"},
                {"Path", "/service-role/"},
                {"MaxSessionDuration", 7200},
                {"AssumeRolePolicyDocument",
                 R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]})"}})
          .at("Role");
  CHECK(made.at("Arn") == role.at("RoleArn"));
  CHECK(sts.call("AssumeRole", role).at("AssumedRoleUser").at("AssumedRoleId") ==
        made.at("RoleId").get<std::string>() + ":me");
  CHECK(sts.fault("AssumeRole", with(role, "DurationSeconds", 7200)) == "");
  CHECK(
      sts.fault("AssumeRole", with(role, "DurationSeconds", 7201)) ==
      "ValidationError 400: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
}

TEST_CASE("session tags: no key twice, transitive keys among them, and handed on") {
  Identities sts;
  CHECK(
      sts.fault("AssumeRole", with(role, "Tags", {tag("team", "a"), tag("Team", "b")})) ==
      "InvalidParameterValue 400: Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  CHECK(
      sts.fault("AssumeRole", with(with(role, "Tags", json::array({tag("team", "a")})), "TransitiveTagKeys",
                                   json::array({"other"}))) ==
      "InvalidParameterValue 400: The specified transitive tag key must be included in the requested tags.");
  const json tagged =
      with(with(role, "Tags", json::array({tag("team", "a")})), "TransitiveTagKeys", json::array({"TEAM"}));
  const json output = sts.call("AssumeRole", tagged);
  CHECK(output.at("PackedPolicySize") == 1);
  std::string key = output.at("Credentials").at("AccessKeyId");
  for (int hop = 0; hop < 2; ++hop) {  // inherited, also by the session behind the next
    CHECK(sts.fault("AssumeRole", with(role, "Tags", json::array({tag("TEAM", "b")})), key) ==
          "InvalidParameterValue 400: One of the specified transitive tag keys can't be set because it "
          "conflicts "
          "with a transitive tag key from the calling session.");
    key = sts.call("AssumeRole", role, key).at("Credentials").at("AccessKeyId");
    sts.restart();
  }
}

TEST_CASE("session policies are read, measured and refused when they are none or too long") {
  Identities sts;
  CHECK(sts.call("AssumeRole", with(role, "Policy", policy)).at("PackedPolicySize") == 3);
  CHECK(sts.fault("AssumeRole", with(role, "Policy", "{")) ==
        "MalformedPolicyDocument 400: This policy contains invalid Json");
  json arns = json::array();
  for (int i = 0; i < 11; ++i) arns.push_back({{"arn", "arn:aws:iam::aws:policy/P" + std::to_string(i)}});
  CHECK(sts.fault("AssumeRole", with(role, "PolicyArns", arns)).starts_with("ValidationError 400: "));
  std::string wide = policy;
  wide.insert(1, std::string(5000, ' '));
  CHECK(sts.fault("AssumeRole", with(role, "Policy", wide)).starts_with("PackedPolicyTooLarge 400: "));
}
