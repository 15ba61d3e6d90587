// The order in which credentials are looked for, the keys in environment and files, and what an endpoint on
// this machine changes.
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::CredentialMachine;
using tests::sts_answer;

namespace {

const char* const container_answer =
    R"({"AccessKeyId":"CONTAINER","SecretAccessKey":"s","Token":"t","Expiration":"2013-05-24T06:00:00Z"})";

}  // namespace

TEST_CASE("the chain has botocore's order") {
  const CredentialMachine machine;
  const auto chain = std::dynamic_pointer_cast<CredentialsChain>(machine.provider());
  REQUIRE(chain);
  CHECK(chain->names() == std::vector<std::string>{"env", "assume-role", "assume-role-with-web-identity",
                                                   "sso", "shared-credentials-file", "login",
                                                   "custom-process", "config-file", "container-role",
                                                   "iam-role"});
}

TEST_CASE("each place wins over those behind it") {
  CredentialMachine machine;
  machine.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role");
  machine.transport->then(200, container_answer);
  CHECK(machine.access_key() == "CONTAINER");
  machine.config("[default]\naws_access_key_id = CONFIG\naws_secret_access_key = s\n");
  CHECK(machine.access_key() == "CONFIG");
  machine.config(
      "[default]\naws_access_key_id = CONFIG\naws_secret_access_key = s\ncredential_process = get-keys\n");
  machine.runner->result = {0, R"({"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"})", ""};
  CHECK(machine.access_key() == "PROCESS");
  machine.keys("[default]\naws_access_key_id = SHARED\naws_secret_access_key = s\n");
  CHECK(machine.access_key() == "SHARED");
  machine.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token").set("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
  machine.environment->files["/token"] = "jwt";
  machine.transport->then(200, sts_answer("AssumeRoleWithWebIdentity", "WEB"));
  CHECK(machine.access_key() == "WEB");
  machine.keys(
      "[default]\naws_access_key_id = SHARED\naws_secret_access_key = s\n"
      "role_arn = arn:aws:iam::1:role/r\nsource_profile = default\n");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  machine.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  CHECK(machine.access_key() == "ENV");
  CHECK(machine.transport->used_up());
}

TEST_CASE("a profile named in code takes the environment out of the chain, its web identity too") {
  CredentialMachine machine;
  machine.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  machine.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token").set("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
  machine.keys("[dev]\naws_access_key_id = DEV\naws_secret_access_key = s\n");
  CHECK(machine.access_key({.profile = "dev"}) == "DEV");
  machine.set("AWS_PROFILE", "dev");
  CHECK(machine.access_key() == "ENV");
}

TEST_CASE("nothing anywhere is no credentials, and no error") {
  CHECK(CredentialMachine().access_key() == "none");
}

TEST_CASE("keys in the environment that have expired are an error") {
  CredentialMachine machine;
  machine.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  machine.set("AWS_CREDENTIAL_EXPIRATION", "2013-05-24T00:10:00Z");
  const auto provider = machine.provider();
  CHECK(provider->load()->access_key_id == "ENV");
  machine.clock->sleep_for(11min);
  CHECK_THROWS_AS(provider->load(), CredentialsError);
  machine.set("AWS_ACCESS_KEY_ID", "NEW").set("AWS_CREDENTIAL_EXPIRATION", "2013-05-24T02:00:00Z");
  CHECK(provider->load()->access_key_id == "NEW");
  machine.set("AWS_CREDENTIAL_EXPIRATION", "tomorrow");
  CHECK(machine.error() == "AWS_CREDENTIAL_EXPIRATION is not an ISO 8601 time: tomorrow");
}

TEST_CASE("a profile of aws login is refused by name") {
  CredentialMachine machine;
  machine.config(
      "[default]\nlogin_session = arn:aws:sts::1:assumed-role/x/y\n"
      "aws_access_key_id = CONFIG\naws_secret_access_key = s\n");
  CHECK(machine.error().starts_with(
      "The profile (default) gets its credentials by 'login_session' (aws login)"));
}

TEST_CASE("an emulator on this machine gets its own credentials where the chain fails") {
  const char* const expired_sso =
      "[default]\nsso_start_url = https://corp\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = "
      "r\n"
      "[profile sso]\nsso_start_url = https://corp\nsso_region = us-east-1\nsso_account_id = 1\n"
      "sso_role_name = r\n";
  CredentialMachine machine;
  machine.config(expired_sso).set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
  CHECK(machine.access_key() == "test");
  CHECK(machine.error({.profile = "sso"}).starts_with("Error loading SSO Token"));
  machine.set("AWS_PROFILE", "sso");
  CHECK(machine.error().starts_with("Error loading SSO Token"));
}

TEST_CASE("half of the credentials in the environment is a mistake for an emulator too") {
  CredentialMachine machine;
  machine.set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566").set("AWS_ACCESS_KEY_ID", "ENV");
  CHECK(machine.error() == "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY");
}

TEST_CASE("for an endpoint on this machine nobody elsewhere is asked") {
  CredentialMachine machine;
  machine.environment->variables.erase("AWS_EC2_METADATA_DISABLED");
  machine.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role");
  machine.config(
      "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n"
      "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
  CHECK(machine.access_key({.endpoint_url = "http://localhost:4566"}) == "test");
  CHECK(machine.transport->requests.empty());
  // An emulator's own STS is on this machine: roles of the profile work there.
  machine.set("AWS_ENDPOINT_URL", "http://localhost:4566");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  CHECK(machine.transport->last().origin == "http://localhost:4566");
  CHECK(tests::signer(machine.transport->last()) == "BASE");
}

TEST_CASE("a search that failed for an emulator is not repeated for every request") {
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = broken\n").set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  machine.runner->result = {1, "", "no"};
  const auto provider = machine.provider();
  for (int i = 0; i < 3; ++i) CHECK(provider->load()->access_key_id == "test");
  CHECK(machine.runner->commands.size() == 1);
}

TEST_CASE("an emulator's client does not become somebody else where its credentials cannot be renewed") {
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = get-keys\n").set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  machine.runner->result = {
      0, R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","Expiration":"2013-05-24T01:00:00Z"})", ""};
  const auto provider = machine.provider();
  CHECK(provider->load()->access_key_id == "P");
  machine.clock->sleep_for(55min);
  machine.runner->result = {1, "", "not now"};
  CHECK_THROWS_WITH(provider->load(), "Error when retrieving credentials from custom-process: not now");
  machine.runner->result = {
      0, R"({"Version":1,"AccessKeyId":"Q","SecretAccessKey":"s","Expiration":"2013-05-24T03:00:00Z"})", ""};
  CHECK(provider->load()->access_key_id == "Q");
}

TEST_CASE("clients that share a cache look for credentials once") {
  CredentialMachine machine;
  machine.config("[default]\ncredential_process = get-keys\n");
  machine.runner->result = {0, R"({"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"})", ""};
  ClientConfig config;
  config.credentials_cache = std::make_shared<CredentialsCache>();
  for (int i = 0; i < 3; ++i) CHECK(machine.access_key(config) == "PROCESS");
  CHECK(machine.runner->commands.size() == 1);
  CHECK(machine.access_key() == "PROCESS");
  CHECK(machine.runner->commands.size() == 2);
}

TEST_CASE("broken files are reported for every kind of breakage") {
  CredentialMachine machine;
  const auto parse = [&](const std::string& text) {
    machine.keys(text);
    return machine.error();
  };
  const std::string start = "Unable to parse config file: " + std::string(tests::credentials_path);
  CHECK(parse("[default]\naws_access_key_id = \xff\xfe\n").starts_with(start));
  CHECK(parse("aws_access_key_id = A\n").starts_with(start));
  CHECK(parse("[default]\ns3 =\n  foo\n").starts_with(start));
  CHECK(parse("[default]\naws_access_key_id A\n").starts_with(start));
  CHECK(parse("[default]\naws_access_key_id = A\n[default]\n").starts_with(start));
}
