// Roles of profiles and of web identities: what STS is asked, with whose credentials, and the profiles that
// cannot work.
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::CredentialMachine;
using tests::parameter;
using tests::signer;
using tests::sts_answer;

namespace {

const char* const base_keys = "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n";

CredentialMachine with_role(const std::string& more) {
  CredentialMachine machine;
  machine.keys(base_keys);
  machine.config("[default]\nrole_arn = arn:aws:iam::1:role/r\n" + more);
  return machine;
}

}  // namespace

TEST_CASE("a role is assumed with the source profile's keys and all that the profile says") {
  CredentialMachine machine = with_role(
      "source_profile = base\nrole_session_name = me\nexternal_id = ext\nduration_seconds = 1800\n");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  const auto credentials = machine.load();
  CHECK(credentials->access_key_id == "ROLE");
  CHECK(credentials->session_token == "token-ROLE");
  CHECK(credentials->expiration == parse_iso8601("2013-05-24T01:00:00Z"));
  const HttpRequest& request = machine.transport->last();
  CHECK(request.origin == "https://sts.eu-central-1.amazonaws.com");
  CHECK(signer(request) == "BASE");
  CHECK(request.headers.get("Authorization").find("/eu-central-1/sts/aws4_request") != std::string::npos);
  CHECK(parameter(request, "Action") == "AssumeRole");
  CHECK(parameter(request, "RoleArn") == "arn:aws:iam::1:role/r");
  CHECK(parameter(request, "RoleSessionName") == "me");
  CHECK(parameter(request, "ExternalId") == "ext");
  CHECK(parameter(request, "DurationSeconds") == "1800");
  CHECK(parameter(request, "SerialNumber") == "absent");
}

TEST_CASE("what a profile leaves out is not sent, and sessions get a name") {
  CredentialMachine machine = with_role("source_profile = base\nduration_seconds = an hour\n");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  machine.load();
  CHECK(parameter(machine.transport->last(), "RoleSessionName") == "sagemaker-cpp-1369353600");
  CHECK(parameter(machine.transport->last(), "ExternalId") == "absent");
  CHECK(parameter(machine.transport->last(), "DurationSeconds") == "absent");
}

TEST_CASE("STS is asked where it is configured") {
  CredentialMachine machine = with_role("source_profile = base\n");
  const auto origin = [&] {
    machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
    machine.load();
    return machine.transport->last().origin;
  };
  machine.set("AWS_STS_REGIONAL_ENDPOINTS", "legacy");
  CHECK(origin() == "https://sts.amazonaws.com");
  CHECK(machine.transport->last().headers.get("Authorization").find("/us-east-1/sts/") != std::string::npos);
  machine.set("AWS_STS_REGIONAL_ENDPOINTS", "regional");
  CHECK(origin() == "https://sts.eu-central-1.amazonaws.com");
  machine.set("AWS_USE_FIPS_ENDPOINT", "true");
  CHECK(origin() == "https://sts-fips.eu-central-1.amazonaws.com");
  machine.set("AWS_USE_FIPS_ENDPOINT", "false").set("AWS_REGION", "cn-north-1");
  CHECK(origin() == "https://sts.cn-north-1.amazonaws.com.cn");
  machine.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
  CHECK(origin() == "http://127.0.0.1:9");
  machine.environment->variables.erase("AWS_ENDPOINT_URL_STS");
  machine.set("AWS_STS_REGIONAL_ENDPOINTS", "global");
  CHECK(machine.error() ==
        "STS regional endpoints option global is invalid. Valid options are: \"legacy\", \"regional\"");
}

TEST_CASE("a chain of profiles assumes one role after the other") {
  CredentialMachine machine;
  machine.keys(base_keys);
  machine.config(
      "[default]\nrole_arn = arn:aws:iam::3:role/third\nsource_profile = second\n"
      "[profile second]\nrole_arn = arn:aws:iam::2:role/second\nsource_profile = base\n");
  machine.transport->then(200, sts_answer("AssumeRole", "SECOND"))
      .then(200, sts_answer("AssumeRole", "THIRD"));
  CHECK(machine.access_key() == "THIRD");
  REQUIRE(machine.transport->requests.size() == 2);
  CHECK(parameter(machine.transport->requests[0], "RoleArn") == "arn:aws:iam::2:role/second");
  CHECK(signer(machine.transport->requests[0]) == "BASE");
  CHECK(parameter(machine.transport->requests[1], "RoleArn") == "arn:aws:iam::3:role/third");
  CHECK(signer(machine.transport->requests[1]) == "SECOND");
}

TEST_CASE("static keys of a source profile win over its role") {
  CredentialMachine machine;
  machine.config(
      "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = both\n"
      "[profile both]\nrole_arn = arn:aws:iam::2:role/never\nsource_profile = nowhere\n"
      "aws_access_key_id = BOTH\naws_secret_access_key = s\n");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  CHECK(signer(machine.transport->last()) == "BOTH");
}

TEST_CASE("a source profile may get its credentials in any way of its own, but not from the environment") {
  CredentialMachine machine;
  machine.config(
      "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = tool\n"
      "[profile tool]\ncredential_process = get-keys\n[profile none]\nregion = x\n"
      "[profile empty]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = none\n");
  machine.runner->result = {0, R"({"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"})", ""};
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  CHECK(signer(machine.transport->last()) == "PROCESS");
  machine.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  CHECK(machine.error({.profile = "empty"}) == "The source profile \"none\" must have credentials.");
}

TEST_CASE("a profile may name itself for its static keys only") {
  CredentialMachine machine;
  machine.config(
      "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n"
      "aws_access_key_id = OWN\naws_secret_access_key = s\n"
      "[profile bare]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = bare\n");
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  CHECK(signer(machine.transport->last()) == "OWN");
  CHECK(machine.error({.profile = "bare"}) ==
        "Infinite loop in credential configuration detected. Attempting to load from profile bare which has "
        "already been visited. Visited profiles: ['bare']");
}

TEST_CASE("a cycle of profiles is found, however long it is") {
  CredentialMachine machine;
  machine.config(
      "[default]\nrole_arn = a\nsource_profile = one\n[profile one]\nrole_arn = b\n"
      "source_profile = two\n[profile two]\nrole_arn = c\nsource_profile = default\n");
  CHECK(
      machine.error() ==
      "Infinite loop in credential configuration detected. Attempting to load from profile default which has "
      "already been visited. Visited profiles: ['default', 'one', 'two']");
  CHECK(machine.transport->requests.empty());
}

TEST_CASE("profiles that contradict themselves are named") {
  CHECK(with_role("source_profile = base\ncredential_source = Environment\n").error() ==
        "The profile \"default\" contains both source_profile and credential_source.");
  CHECK(with_role("").error() ==
        "Partial credentials found in assume-role, missing: source_profile or credential_source");
  CHECK(with_role("source_profile = nobody\n").error() ==
        "The source_profile \"nobody\" referenced in the profile \"default\" does not exist.");
  CHECK(with_role("credential_source = Cloud\n").error() ==
        "The credential source \"Cloud\" referenced in profile \"default\" is not valid.");
}

TEST_CASE("credential_source: environment, container, instance") {
  CredentialMachine environment = with_role("credential_source = Environment\n");
  CHECK(environment.error() ==
        "Error when retrieving credentials from Environment: No credentials found in credential_source "
        "referenced in profile default");
  environment.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  environment.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  environment.config("[profile p]\nrole_arn = a\ncredential_source = Environment\n");
  CHECK(environment.access_key({.profile = "p"}) == "ROLE");
  CHECK(signer(environment.transport->last()) == "ENV");

  const char* const metadata =
      R"({"AccessKeyId":"META","SecretAccessKey":"s","Token":"t","Expiration":"2013-05-24T06:00:00Z"})";
  CredentialMachine container = with_role("credential_source = EcsContainer\n");
  container.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/r");
  container.transport->then(200, metadata).then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(container.access_key() == "ROLE");
  CHECK(signer(container.transport->last()) == "META");

  CredentialMachine instance = with_role("credential_source = Ec2InstanceMetadata\n");
  instance.set("AWS_EC2_METADATA_DISABLED", "false");
  instance.transport->then(200, "tok").then(200, "role").then(200, metadata);
  instance.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(instance.access_key() == "ROLE");
  CHECK(signer(instance.transport->last()) == "META");
}

TEST_CASE("a role with a multi-factor device asks the program for a code, once") {
  CredentialMachine machine = with_role("source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me\n");
  CHECK(machine.error() ==
        "The profile (default) needs a code of the MFA device arn:aws:iam::1:mfa/me, and the program has no "
        "way "
        "to ask for one: set ClientConfig::mfa_token");
  ClientConfig config;
  int asked = 0;
  config.mfa_token = [&](const std::string& serial) {
    CHECK(serial == "arn:aws:iam::1:mfa/me");
    ++asked;
    return std::string("123456");
  };
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  const auto provider = machine.provider(config);
  CHECK(provider->load()->access_key_id == "ROLE");
  CHECK(parameter(machine.transport->last(), "SerialNumber") == "arn:aws:iam::1:mfa/me");
  CHECK(parameter(machine.transport->last(), "TokenCode") == "123456");
  machine.clock->sleep_for(55min);
  try {
    provider->load();
    FAIL("no error");
  } catch (const CredentialsError& error) {
    CHECK(std::string(error.what()) == "Cannot refresh credentials: MFA token required.");
  }
  CHECK(asked == 1);
}

TEST_CASE("STS's refusal reaches the user in its own words") {
  CredentialMachine machine = with_role("source_profile = base\n");
  machine.transport->then(
      403,
      "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not "
      "authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>");
  CHECK(machine.error() ==
        "An error occurred (AccessDenied) when calling the AssumeRole operation: User is not authorized to "
        "perform: sts:AssumeRole");
  machine.transport->then(200, "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>");
  CHECK(machine.error() ==
        "Error when retrieving credentials from assume-role: Credential refresh failed, response did not "
        "contain: AccessKeyId, SecretAccessKey, SessionToken, Expiration");
  machine.transport->then(200, "not XML");
  CHECK(machine.error().starts_with("invalid XML"));
}

TEST_CASE("transient failures of STS are retried") {
  CredentialMachine machine = with_role("source_profile = base\n");
  machine.transport->then(503, "").fail(TransportError::Kind::reset);
  machine.transport->then(200, sts_answer("AssumeRole", "ROLE"));
  CHECK(machine.access_key() == "ROLE");
  CHECK(machine.transport->used_up());
}

TEST_CASE("a web identity is exchanged without a signature") {
  CredentialMachine machine;
  machine.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token").set("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
  machine.set("AWS_ROLE_SESSION_NAME", "session");
  machine.environment->files["/token"] = "jwt-1\n";
  machine.transport->then(200, sts_answer("AssumeRoleWithWebIdentity", "WEB"));
  const auto provider = machine.provider();
  CHECK(provider->load()->access_key_id == "WEB");
  const HttpRequest& request = machine.transport->last();
  CHECK(signer(request) == "unsigned");
  CHECK(request.origin == "https://sts.eu-central-1.amazonaws.com");
  CHECK(parameter(request, "WebIdentityToken") == "jwt-1");
  CHECK(parameter(request, "RoleArn") == "arn:aws:iam::1:role/web");
  CHECK(parameter(request, "RoleSessionName") == "session");
  // Kubernetes replaces the token meanwhile.
  machine.environment->files["/token"] = "jwt-2";
  machine.clock->sleep_for(55min);
  machine.transport->then(200, sts_answer("AssumeRoleWithWebIdentity", "WEB2", "2013-05-24T03:00:00Z"));
  CHECK(provider->load()->access_key_id == "WEB2");
  CHECK(parameter(machine.transport->last(), "WebIdentityToken") == "jwt-2");
}

TEST_CASE("a web identity of a profile, and one that is incomplete") {
  CredentialMachine machine;
  machine.config(
      "[default]\nweb_identity_token_file = ~/token\nrole_arn = arn:aws:iam::1:role/web\n"
      "[profile half]\nweb_identity_token_file = /token\n");
  machine.environment->files["/home/user/token"] = "jwt";
  machine.transport->then(200, sts_answer("AssumeRoleWithWebIdentity", "WEB"));
  CHECK(machine.access_key() == "WEB");
  CHECK(machine.error({.profile = "half"})
            .starts_with("The provided profile or the current environment is "
                         "configured to assume role with web identity but has no "
                         "role ARN configured."));
  machine.environment->files.erase("/home/user/token");
  CHECK(machine.error() ==
        "Error when retrieving credentials from assume-role-with-web-identity: cannot read the token file "
        "~/token");
  machine.environment->files["/home/user/token"] = "jwt";
  machine.transport->then(400,
                          "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token expired"
                          "</Message></Error></ErrorResponse>");
  CHECK(
      machine.error() ==
      "An error occurred (ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation: Token "
      "expired");
}
