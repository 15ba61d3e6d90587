// SSO: the token that `aws sso login` left, what it is exchanged for, and how it is renewed.
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::CredentialMachine;

namespace {

const char* const login_again =
    "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO "
    "session run aws sso login with the corresponding profile.";

const char* const session_profile =
    "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Data Scientist\n"
    "[sso-session corp]\nsso_region = us-west-2\nsso_start_url = https://corp.awsapps.com/start\n"
    "sso_registration_scopes = sso:account:access\n";
const char* const legacy_profile =
    "[default]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = us-west-2\n"
    "sso_account_id = 123456789012\nsso_role_name = Admin\n";

std::string cache_file(const std::string& name) {
  Sha1 hash;
  hash.update(name);
  return "/home/user/.aws/sso/cache/" + to_hex(hash.finish()) + ".json";
}

const char* const role_credentials =
    R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s","sessionToken":"t","expiration":1369396800000}})";

std::string token(const std::string& expires, const std::string& more = "") {
  return R"({"startUrl":"https://corp.awsapps.com/start","region":"us-west-2","accessToken":"bearer","expiresAt":")" +
         expires + "\"" + more + "}";
}

const char* const registration =
    R"(,"refreshToken":"again","clientId":"id","clientSecret":"shh","registrationExpiresAt":"2013-06-24T00:00:00Z")";

}  // namespace

TEST_CASE("a token of an sso-session becomes credentials of account and role") {
  CredentialMachine machine;
  machine.config(session_profile);
  machine.environment->files[cache_file("corp")] = token("2013-05-24T08:00:00Z");
  machine.transport->then(200, role_credentials);
  const auto credentials = machine.load();
  CHECK(credentials->access_key_id == "SSO");
  CHECK(credentials->secret_access_key == "s");
  CHECK(credentials->session_token == "t");
  CHECK(credentials->expiration == parse_iso8601("2013-05-24T12:00:00Z"));
  const HttpRequest& request = machine.transport->last();
  CHECK(request.method == "GET");
  CHECK(request.origin == "https://portal.sso.us-west-2.amazonaws.com");
  CHECK(request.target == "/federation/credentials?role_name=Data%20Scientist&account_id=123456789012");
  CHECK(request.headers.get("x-amz-sso_bearer_token") == "bearer");
  CHECK(tests::signer(request) == "unsigned");
}

TEST_CASE("the cache file is named as AWS's tools name it") {
  Sha1 hash;
  hash.update("abc");
  CHECK(to_hex(hash.finish()) == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("a legacy profile keeps its token under its start URL") {
  CredentialMachine machine;
  machine.config(legacy_profile);
  std::string& file = machine.environment->files[cache_file("https://corp.awsapps.com/start")];
  file = token("2013-05-24T08:00:00CET");
  CHECK(machine.error() == "Error loading SSO Token: Token for https://corp.awsapps.com/start is invalid");
  // The second form is that of the AWS CLI's first versions with SSO.
  for (const char* expires : {"2013-05-24T08:00:00Z", "2013-05-24T08:00:00UTC"}) {
    file = token(expires);
    machine.transport->then(200, role_credentials);
    CHECK(machine.access_key() == "SSO");
  }
}

TEST_CASE("an expired token is told with the way out, and sends nothing") {
  for (const char* profile : {legacy_profile, session_profile}) {
    CredentialMachine machine;
    machine.config(profile);
    for (const char* name : {"corp", "https://corp.awsapps.com/start"}) {
      machine.environment->files[cache_file(name)] = token("2013-05-23T23:59:59Z");
    }
    CHECK(machine.error() == login_again);
    CHECK(machine.transport->requests.empty());
  }
}

TEST_CASE("a token that the service no longer takes is told in the same words") {
  CredentialMachine machine;
  machine.config(legacy_profile);
  machine.environment->files[cache_file("https://corp.awsapps.com/start")] = token("2013-05-24T08:00:00Z");
  machine.transport->then(401, R"({"message":"Session token not found or invalid"})",
                          {{"x-amzn-ErrorType", "UnauthorizedException:http://internal"}});
  CHECK(machine.error() == login_again);
  machine.transport->then(403, R"({"message":"No access"})", {{"x-amzn-ErrorType", "ForbiddenException"}});
  CHECK(machine.error() ==
        "An error occurred (ForbiddenException) when calling the GetRoleCredentials operation: No access");
  machine.transport->then(200, R"({"roleCredentials":{"accessKeyId":"A"}})");
  CHECK(machine.error() ==
        "Error when retrieving credentials from sso: the response did not contain: secretAccessKey, "
        "sessionToken");
}

TEST_CASE("no token, a token file that is damaged") {
  CredentialMachine machine;
  machine.config(session_profile);
  CHECK(machine.error().starts_with("Error loading SSO Token: Token for corp does not exist"));
  for (const char* text : {"", "not JSON", "[]", "{}", R"({"accessToken":"x"})", R"({"accessToken":5})"}) {
    machine.environment->files[cache_file("corp")] = text;
    CHECK(machine.error() == "Error loading SSO Token: Token for corp is invalid");
  }
}

TEST_CASE("a token is renewed in its last fifteen minutes, and kept for AWS's other tools") {
  CredentialMachine machine;
  machine.config(session_profile);
  std::string& file = machine.environment->files[cache_file("corp")];
  file = token("2013-05-24T00:14:00Z", registration);
  machine.transport->then(200, R"({"accessToken":"fresh","expiresIn":28800,"refreshToken":"next"})");
  machine.transport->then(200, role_credentials);
  CHECK(machine.access_key() == "SSO");
  const HttpRequest& create = machine.transport->requests.at(0);
  CHECK(create.method == "POST");
  CHECK(create.origin == "https://oidc.us-west-2.amazonaws.com");
  CHECK(create.target == "/token");
  CHECK(tests::signer(create) == "unsigned");
  CHECK(parse_json(create.body) == json{{"grantType", "refresh_token"},
                                        {"clientId", "id"},
                                        {"clientSecret", "shh"},
                                        {"refreshToken", "again"}});
  CHECK(machine.transport->last().headers.get("x-amz-sso_bearer_token") == "fresh");
  const json kept = parse_json(file);
  CHECK(kept.at("accessToken") == "fresh");
  CHECK(kept.at("refreshToken") == "next");
  CHECK(kept.at("expiresAt") == "2013-05-24T08:00:00Z");
  CHECK(kept.at("clientId") == "id");
  CHECK(kept.at("startUrl") == "https://corp.awsapps.com/start");
}

TEST_CASE("a renewal that fails leaves the token in use while it is good") {
  CredentialMachine machine;
  machine.config(session_profile);
  machine.environment->files[cache_file("corp")] = token("2013-05-24T00:14:00Z", registration);
  machine.transport->then(400, R"({"error":"invalid_grant"})",
                          {{"x-amzn-ErrorType", "InvalidGrantException"}});
  machine.transport->then(200, role_credentials);
  CHECK(machine.access_key() == "SSO");
  CHECK(machine.transport->last().headers.get("x-amz-sso_bearer_token") == "bearer");
  machine.environment->files[cache_file("corp")] = token("2013-05-23T00:00:00Z", registration);
  machine.transport->then(400, "{}", {{"x-amzn-ErrorType", "InvalidGrantException"}});
  CHECK(machine.error() == login_again);
}

TEST_CASE("a registration that has expired, or is not there, renews nothing") {
  CredentialMachine machine;
  machine.config(session_profile);
  std::string old = registration;
  old.replace(old.find("2013-06"), 7, "2013-04");
  for (const std::string& more : {old, std::string(), std::string(R"(,"refreshToken":"again")")}) {
    machine.environment->files[cache_file("corp")] = token("2013-05-24T00:14:00Z", more);
    machine.transport->then(200, role_credentials);
    CHECK(machine.access_key() == "SSO");
    CHECK(machine.transport->used_up());
  }
}

TEST_CASE("profiles that are incomplete or contradict their session are named") {
  const auto error = [](const std::string& text) { return CredentialMachine().config(text).error(); };
  CHECK(error("[default]\nsso_account_id = 1\nsso_region = x\n") ==
        "The profile \"default\" is configured to use SSO but is missing required configuration: "
        "sso_role_name, sso_start_url");
  CHECK(error("[default]\nsso_session = nowhere\nsso_account_id = 1\nsso_role_name = r\n") ==
        "The specified sso-session does not exist: \"nowhere\"");
  CHECK(error("[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\nsso_region = here\n"
              "[sso-session s]\nsso_region = there\nsso_start_url = u\n") ==
        "The value for sso_region is inconsistent between profile (here) and sso-session (there).");
  // Without account and role the settings serve another tool.
  CHECK(CredentialMachine().config("[default]\nsso_session = nowhere\n").access_key() == "none");
}

TEST_CASE("SSO's endpoints can be configured as any other service's") {
  CredentialMachine machine;
  machine.config(session_profile);
  machine.environment->files[cache_file("corp")] = token("2013-05-24T08:00:00Z");
  machine.set("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:7/base");
  machine.transport->then(200, role_credentials);
  machine.load();
  CHECK(machine.transport->last().origin == "http://127.0.0.1:7");
  CHECK(machine.transport->last().target.starts_with("/base/federation/credentials?"));
}
