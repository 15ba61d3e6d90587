// IAM's roles: made, read, changed, listed and deleted, with IAM's errors.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/identity_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::Identities;

namespace {

const std::string trust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},)"
    R"("Action":"sts:AssumeRole"}]})";
const std::string policy =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"*"}})";
const std::string managed = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

json named(const std::string& name) { return {{"RoleName", name}}; }

json create(const std::string& name, const std::string& path = "/") {
  return {{"RoleName", name}, {"Path", path}, {"AssumeRolePolicyDocument", trust}};
}

std::string decoded(const json& text) { return sagemaker::aws::uri_decode(text.get<std::string>()).value(); }

}  // namespace

TEST_CASE("a role is made and read back") {
  Identities iam;
  json input = create("Trainer", "/service-role/");
  input["Description"] = "trains";
  input["Tags"] = {{{"Key", "team"}, {"Value", "a"}}};
  const json made = iam.call("CreateRole", input).at("Role");
  CHECK(made.at("Arn") == "arn:aws:iam::123456789012:role/service-role/Trainer");
  CHECK(made.at("RoleId").get<std::string>().starts_with("AROA"));
  CHECK(made.at("RoleId").get<std::string>().size() == 21);
  CHECK(made.at("CreateDate") == "2023-11-14T22:13:20Z");
  CHECK(made.at("MaxSessionDuration") == 3600);
  CHECK(decoded(made.at("AssumeRolePolicyDocument")) == trust);
  iam.restart();
  json read = iam.call("GetRole", named("Trainer")).at("Role");
  CHECK(read.at("Tags") == input.at("Tags"));
  CHECK(read.at("Description") == "trains");
  read.erase("RoleLastUsed");
  CHECK(read == made);
}

TEST_CASE("roles that are there twice, or not at all") {
  Identities iam;
  iam.call("CreateRole", create("Trainer"));
  CHECK(iam.fault("CreateRole", create("Trainer")) ==
        "EntityAlreadyExists 409: Role with name Trainer already exists.");
  CHECK(iam.fault("CreateRole", create("TRAINER")).starts_with("EntityAlreadyExists 409: "));
  for (const char* operation : {"GetRole", "DeleteRole", "ListRolePolicies", "ListAttachedRolePolicies",
                                "ListRoleTags", "UpdateRole"})
    CHECK(iam.fault(operation, named("Nobody")) ==
          "NoSuchEntity 404: The role with name Nobody cannot be found.");
  CHECK(iam.fault("AttachRolePolicy", {{"RoleName", "Nobody"}, {"PolicyArn", managed}})
            .starts_with("NoSuchEntity"));
  CHECK(iam.fault("CreateRole", create("a b")) ==
        "ValidationError 400: 1 validation error detected: Value 'a b' at 'roleName' failed to satisfy "
        "constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+");
}

TEST_CASE("managed policies are attached, listed and detached") {
  Identities iam;
  iam.call("CreateRole", create("Trainer"));
  const json input = {{"RoleName", "Trainer"}, {"PolicyArn", managed}};
  CHECK(iam.call("AttachRolePolicy", input).is_null());
  iam.call("AttachRolePolicy", input);  // again: no change
  const json listed = iam.call("ListAttachedRolePolicies", named("Trainer"));
  CHECK(listed ==
        json{{"AttachedPolicies", {{{"PolicyName", "AmazonSageMakerFullAccess"}, {"PolicyArn", managed}}}},
             {"IsTruncated", false}});
  CHECK(iam.fault("DeleteRole", named("Trainer")) ==
        "DeleteConflict 409: Cannot delete entity, must detach all policies first.");
  iam.call("DetachRolePolicy", input);
  CHECK(iam.fault("DetachRolePolicy", input) == "NoSuchEntity 404: Policy " + managed + " was not found.");
  CHECK(iam.fault("AttachRolePolicy", {{"RoleName", "Trainer"}, {"PolicyArn", "arn:aws:s3:::bucket/name"}}) ==
        "InvalidInput 400: ARN arn:aws:s3:::bucket/name is not valid.");
  for (int i = 0; i < 10; ++i)
    iam.call("AttachRolePolicy", {{"RoleName", "Trainer"}, {"PolicyArn", managed + std::to_string(i)}});
  CHECK(iam.fault("AttachRolePolicy", input) ==
        "LimitExceeded 409: Cannot exceed quota for PoliciesPerRole: 10");
}

TEST_CASE("inline policies are put, read, listed and deleted") {
  Identities iam;
  iam.call("CreateRole", create("Trainer"));
  const json put = {{"RoleName", "Trainer"}, {"PolicyName", "own"}, {"PolicyDocument", policy}};
  CHECK(iam.call("PutRolePolicy", put).is_null());
  const json name = {{"RoleName", "Trainer"}, {"PolicyName", "own"}};
  CHECK(decoded(iam.call("GetRolePolicy", name).at("PolicyDocument")) == policy);
  CHECK(iam.call("ListRolePolicies", named("Trainer")).at("PolicyNames") == json{"own"});
  CHECK(iam.fault("DeleteRole", named("Trainer")) ==
        "DeleteConflict 409: Cannot delete entity, must delete policies first.");
  iam.call("DeleteRolePolicy", name);
  for (const char* operation : {"GetRolePolicy", "DeleteRolePolicy"})
    CHECK(iam.fault(operation, name) == "NoSuchEntity 404: The role policy with name own cannot be found.");
  iam.call("DeleteRole", named("Trainer"));
  CHECK(iam.fault("GetRole", named("Trainer")).starts_with("NoSuchEntity"));

  iam.call("CreateRole", create("Full"));
  json large = put;
  large["RoleName"] = "Full";
  const std::string filler(10'240, 'x');
  large["PolicyDocument"] =
      R"({"Statement":[{"Sid":")" + filler + R"(","Effect":"Allow","Action":"*","Resource":"*"}]})";
  CHECK(iam.fault("PutRolePolicy", large) ==
        "LimitExceeded 409: Maximum policy size of 10240 bytes exceeded for role Full");
  CHECK(iam.call("ListRolePolicies", named("Full")).at("PolicyNames").empty());
}

TEST_CASE("roles and policies are listed in pages, by path") {
  Identities iam;
  for (int i = 0; i < 7; ++i)
    iam.call("CreateRole", create("role" + std::to_string(i), i % 2 ? "/odd/" : "/even/"));
  const auto names = [&](const json& input) {
    std::vector<std::string> seen;
    json request = input;
    for (int pages = 0; pages < 10; ++pages) {
      const json page = iam.call("ListRoles", request);
      CHECK(page.at("Roles").size() <= input.value("MaxItems", 100));
      for (const json& role : page.at("Roles")) seen.push_back(role.at("RoleName"));
      if (!page.at("IsTruncated").get<bool>()) return seen;
      request["Marker"] = page.at("Marker");
    }
    return seen;
  };
  CHECK(names(json::object()).size() == 7);
  CHECK(names({{"MaxItems", 2}}) == names(json::object()));
  CHECK(names({{"MaxItems", 2}, {"PathPrefix", "/odd/"}}) ==
        std::vector<std::string>{"role1", "role3", "role5"});
  CHECK(iam.fault("ListRoles", {{"Marker", "nonsense"}}) == "ValidationError 400: Invalid Marker.");

  for (const char* name : {"c", "a", "b"})
    iam.call("PutRolePolicy", {{"RoleName", "role1"}, {"PolicyName", name}, {"PolicyDocument", policy}});
  json page = iam.call("ListRolePolicies", {{"RoleName", "role1"}, {"MaxItems", 2}});
  CHECK(page.at("PolicyNames") == json{"a", "b"});
  CHECK(page.at("IsTruncated") == true);
  page =
      iam.call("ListRolePolicies", {{"RoleName", "role1"}, {"MaxItems", 2}, {"Marker", page.at("Marker")}});
  CHECK(page == json{{"PolicyNames", {"c"}}, {"IsTruncated", false}});
  CHECK(iam.fault("ListRolePolicies", {{"RoleName", "role1"}, {"Marker", "%"}}) ==
        "ValidationError 400: Invalid Marker.");
}

TEST_CASE("a role's trust policy, limits and tags change") {
  Identities iam;
  iam.call("CreateRole", create("Trainer"));
  const std::string other =
      R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]})";
  iam.call("UpdateAssumeRolePolicy", {{"RoleName", "Trainer"}, {"PolicyDocument", other}});
  CHECK(iam.call("UpdateRole", {{"RoleName", "Trainer"}, {"MaxSessionDuration", 7200}}) == json::object());
  const json role = iam.call("GetRole", named("Trainer")).at("Role");
  CHECK(decoded(role.at("AssumeRolePolicyDocument")) == other);
  CHECK(role.at("MaxSessionDuration") == 7200);

  const auto tags = [](std::vector<std::pair<std::string, std::string>> pairs) {
    json list = json::array();
    for (const auto& [key, value] : pairs) list.push_back({{"Key", key}, {"Value", value}});
    return list;
  };
  iam.call("TagRole", {{"RoleName", "Trainer"}, {"Tags", tags({{"team", "a"}, {"cost", "1"}})}});
  iam.call("TagRole", {{"RoleName", "Trainer"}, {"Tags", tags({{"Team", "b"}})}});
  CHECK(iam.call("ListRoleTags", named("Trainer")).at("Tags") == tags({{"Team", "b"}, {"cost", "1"}}));
  iam.call("UntagRole", {{"RoleName", "Trainer"}, {"TagKeys", {"TEAM"}}});
  CHECK(iam.call("ListRoleTags", named("Trainer")).at("Tags") == tags({{"cost", "1"}}));
  CHECK(iam.fault("TagRole", {{"RoleName", "Trainer"}, {"Tags", tags({{"x", "1"}, {"X", "2"}})}}) ==
        "InvalidInput 400: Duplicate tag keys found. Please note that Tag keys are case insensitive.");
}

TEST_CASE("policy documents that are none, in IAM's words") {
  Identities iam;
  iam.call("CreateRole", create("Trainer"));
  const auto refusal = [&](const std::string& document) {
    const std::string fault = iam.fault(
        "PutRolePolicy", {{"RoleName", "Trainer"}, {"PolicyName", "p"}, {"PolicyDocument", document}});
    constexpr std::string_view start = "MalformedPolicyDocument 400: ";
    return fault.starts_with(start) ? fault.substr(start.size()) : fault;
  };
  const auto statement = [](const std::string& members) { return R"({"Statement":[{)" + members + "}]}"; };
  CHECK(refusal("not json") == "This policy contains invalid Json");
  CHECK(refusal("[]") == "Syntax errors in policy.");
  CHECK(refusal("{}") == "Missing required field Statement");
  CHECK(refusal(R"({"Version":"2020-01-01","Statement":[]})") ==
        "Policy document must be version 2012-10-17 or greater.");
  CHECK(refusal(R"({"Statement":[],"Extra":1})") == "Syntax errors in policy.");
  CHECK(refusal(statement(R"("Action":"*","Resource":"*")")) == "Missing required field Effect");
  CHECK(refusal(statement(R"("Effect":"Maybe","Action":"*","Resource":"*")")) == "Invalid effect: Maybe");
  CHECK(refusal(statement(R"("Effect":"Allow","Resource":"*")")) == "Policy statement must contain actions.");
  CHECK(refusal(statement(R"("Effect":"Allow","Action":"*")")) == "Policy statement must contain resources.");
  CHECK(refusal(statement(R"("Effect":"Allow","Action":"read","Resource":"*")")) ==
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  CHECK(refusal(statement(R"("Effect":"Allow","Action":"*","Resource":"bucket")")) ==
        "Resource bucket must be in ARN format or \"*\".");
  CHECK(refusal(statement(R"("Effect":"Allow","Action":"*","Resource":"*","Principal":"*")")) ==
        "Policy document should not specify a principal.");
  CHECK(refusal(statement(R"("Effect":"Allow","Action":"*","NotAction":"*","Resource":"*")")) ==
        "Syntax errors in policy.");
  CHECK(refusal(statement(
            R"("Effect":"Deny","NotAction":["iam:*"],"NotResource":["*"],"Condition":{"Bool":{"a":"b"}})")) ==
        "");
  const auto trust_refusal = [&](const std::string& document) {
    return iam.fault("UpdateAssumeRolePolicy", {{"RoleName", "Trainer"}, {"PolicyDocument", document}});
  };
  CHECK(trust_refusal(policy) ==
        "MalformedPolicyDocument 400: AssumeRole policy may only specify STS AssumeRole actions.");
  CHECK(trust_refusal(
            statement(R"("Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*")")) ==
        "MalformedPolicyDocument 400: Has prohibited field Resource");
  CHECK(trust_refusal(statement(R"("Effect":"Allow","Action":"sts:AssumeRole")")) ==
        "MalformedPolicyDocument 400: Missing required field Principal");
}

TEST_CASE("GetUser shows the identity of the credentials file") {
  Identities iam;
  CHECK(iam.call("GetUser", json::object()).at("User").at("Arn") == "arn:aws:iam::123456789012:root");
  const json alice = iam.call("GetUser", json::object(), "alice").at("User");
  CHECK(alice.at("UserName") == "alice");
  CHECK(alice.at("Path") == "/team/");
  CHECK(alice.at("Arn") == "arn:aws:iam::111122223333:user/team/alice");
  CHECK(iam.call("GetUser", {{"UserName", "alice"}}).at("User") == alice);
  CHECK(iam.fault("GetUser", {{"UserName", "bob"}}) ==
        "NoSuchEntity 404: The user with name bob cannot be found.");
  const std::string key =
      iam.call("AssumeRole", {{"RoleArn", "arn:aws:iam::123456789012:role/x"}, {"RoleSessionName", "me"}})
          .at("Credentials")
          .at("AccessKeyId");
  CHECK(iam.fault("GetUser", json::object(), key) ==
        "ValidationError 400: Must specify userName when calling with non-User credentials");
}

TEST_CASE("a role may do everything, as far as the simulator knows") {
  Identities iam;
  const std::string arn = iam.call("CreateRole", create("Trainer")).at("Role").at("Arn");
  const json simulated = iam.call(
      "SimulatePrincipalPolicy",
      {{"PolicySourceArn", arn}, {"ActionNames", {"sagemaker:CreateTrainingJob", "s3:ListAllMyBuckets"}}});
  CHECK(simulated.at("IsTruncated") == false);
  CHECK(simulated.at("EvaluationResults").size() == 2);
  CHECK(simulated.at("EvaluationResults").at(1).at("EvalActionName") == "s3:ListAllMyBuckets");
  CHECK(simulated.at("EvaluationResults").at(1).at("EvalResourceName") == "*");
  CHECK(simulated.at("EvaluationResults").at(1).at("EvalDecision") == "allowed");
  CHECK(iam.fault("SimulatePrincipalPolicy", {{"PolicySourceArn", "arn:aws:iam::123456789012:role/Nobody"},
                                              {"ActionNames", {"s3:GetObject"}}}) ==
        "NoSuchEntity 404: The role with name Nobody cannot be found.");
}
