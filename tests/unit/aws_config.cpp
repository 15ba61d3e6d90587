// Where settings and credentials come from: code, environment, files; and what happens when these are wrong.
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/config.hpp>

using namespace sagemaker;
using namespace sagemaker::aws;

namespace {

constexpr ServiceDescription sagemaker_service{"SageMaker", "api.sagemaker", "sagemaker", Protocol::json,
                                               "SageMaker"};
constexpr ServiceDescription runtime_service{"SageMaker Runtime", "runtime.sagemaker", "sagemaker",
                                             Protocol::rest_json};
constexpr ServiceDescription logs_service{"CloudWatch Logs", "logs", "logs", Protocol::json};

const char* const config_path = "/home/user/.aws/config";
const char* const credentials_path = "/home/user/.aws/credentials";

struct Machine {
  std::shared_ptr<FixedEnvironment> environment = std::make_shared<FixedEnvironment>();

  Machine& set(const std::string& name, const std::string& value) {
    environment->variables[name] = value;
    return *this;
  }
  Machine& file(const std::string& path, const std::string& text) {
    environment->files[path] = text;
    return *this;
  }
  ResolvedConfig resolve(ClientConfig config = {},
                         const ServiceDescription& service = sagemaker_service) const {
    config.environment = environment;
    return resolve_config(config, service);
  }
  std::string endpoint(const ServiceDescription& service = sagemaker_service) const {
    return resolve({}, service).endpoint.origin();
  }
  std::optional<Credentials> credentials(ClientConfig config = {}) const {
    return resolve(std::move(config)).credentials->load();
  }
};

template <typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_error(const std::string& text) {
  FixedEnvironment environment;
  environment.files[config_path] = text;
  return message_of([&] { Profiles::load(environment); });
}

}  // namespace

TEST_CASE("with only a region set a client talks to AWS") {
  Machine machine;
  machine.set("AWS_REGION", "eu-central-1");
  CHECK(machine.endpoint() == "https://api.sagemaker.eu-central-1.amazonaws.com");
  CHECK(machine.endpoint(runtime_service) == "https://runtime.sagemaker.eu-central-1.amazonaws.com");
  CHECK(machine.endpoint(logs_service) == "https://logs.eu-central-1.amazonaws.com");
  machine.set("AWS_REGION", "cn-north-1");
  CHECK(machine.endpoint() == "https://api.sagemaker.cn-north-1.amazonaws.com.cn");
  CHECK_FALSE(machine.resolve().custom_endpoint);
}

TEST_CASE("the region comes from code, environment, profile, in this order") {
  Machine machine;
  machine.file(config_path, "[default]\nregion = us-west-1\n[profile other]\nregion = us-west-2\n");
  CHECK(machine.resolve().region == "us-west-1");
  CHECK(machine.resolve({.profile = "other"}).region == "us-west-2");
  machine.set("AWS_PROFILE", "other");
  CHECK(machine.resolve().region == "us-west-2");
  machine.set("AWS_DEFAULT_REGION", "eu-west-2");
  CHECK(machine.resolve().region == "eu-west-2");
  machine.set("AWS_REGION", "eu-west-1");
  CHECK(machine.resolve().region == "eu-west-1");
  CHECK(machine.resolve({.region = "ap-south-1"}).region == "ap-south-1");
}

TEST_CASE("no region is an error that says what to do, and so is one that is no host label") {
  CHECK(message_of([] { Machine().resolve(); }).starts_with("You must specify a region."));
  for (const char* bad : {"us east", "us-east-1.evil.com", "-x", "a/b", "x@y"}) {
    CHECK(message_of([&] { Machine().resolve({.region = bad}); }) ==
          "Provided region_name '" + std::string(bad) + "' doesn't match a supported format.");
  }
}

TEST_CASE("endpoints: code, variable of the service, general variable, services section, profile") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  machine.file(config_path,
               "[default]\nservices = local\nendpoint_url = http://profile:1\n"
               "[services local]\nsagemaker_runtime =\n  endpoint_url = http://services:2\n"
               "cloudwatch_logs=\n    endpoint_url=http://logs:3/base/\n");
  CHECK(machine.endpoint(runtime_service) == "http://services:2");
  CHECK(machine.endpoint(logs_service) == "http://logs:3");
  CHECK(machine.resolve({}, logs_service).endpoint.path == "/base");
  CHECK(machine.endpoint() == "http://profile:1");
  machine.set("AWS_ENDPOINT_URL", "http://general:4");
  CHECK(machine.endpoint(runtime_service) == "http://general:4");
  machine.set("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://own:5");
  CHECK(machine.endpoint(runtime_service) == "http://own:5");
  CHECK(machine.endpoint() == "http://general:4");
  CHECK(machine.resolve({.endpoint_url = "http://code:6"}, runtime_service).endpoint.origin() ==
        "http://code:6");
  CHECK(machine.resolve().custom_endpoint);
  machine.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
  CHECK(machine.endpoint() == "https://api.sagemaker.us-east-1.amazonaws.com");
  CHECK(machine.resolve({.endpoint_url = "http://code:6"}).endpoint.origin() == "http://code:6");
}

TEST_CASE("an endpoint that is no URL, or a services section that is not there, is named") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  for (const char* bad : {"localhost:4566", "ftp://x", "http://", "http://a b"}) {
    CHECK(message_of([&] {
            machine.resolve({.endpoint_url = bad});
          }).starts_with("Invalid endpoint: " + std::string(bad)));
  }
  machine.file(config_path, "[default]\nservices = missing\n");
  CHECK(message_of([&] { machine.resolve(); }) ==
        "The profile (default) is configured to use the services section but the \"missing\" services "
        "configuration "
        "does not exist.");
}

TEST_CASE("an emulator on this machine needs neither a region nor credentials, AWS needs both") {
  Machine machine;
  machine.set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
  CHECK(machine.resolve().region == "us-east-1");
  CHECK(machine.credentials()->access_key_id == "test");
  machine.set("AWS_ACCESS_KEY_ID", "AKIA").set("AWS_SECRET_ACCESS_KEY", "secret");
  CHECK(machine.credentials()->access_key_id == "AKIA");
  Machine far;
  far.set("AWS_ENDPOINT_URL", "http://example.com").set("AWS_REGION", "us-east-1");
  far.set("AWS_EC2_METADATA_DISABLED", "true");
  CHECK_FALSE(far.credentials());
  for (const char* host : {"localhost", "bucket.localhost", "127.0.0.1", "127.1.2.3", "::1"})
    CHECK(is_loopback(host));
  for (const char* host : {"127.evil.com", "localhost.evil.com", "10.0.0.1", "notlocalhost"}) {
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("credentials: the environment comes first, with all its variables") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  machine.file(credentials_path, "[default]\naws_access_key_id = FILE\naws_secret_access_key = filesecret\n");
  CHECK(machine.credentials()->access_key_id == "FILE");
  machine.set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "envsecret");
  machine.set("AWS_SESSION_TOKEN", "new").set("AWS_CREDENTIAL_EXPIRATION", "2030-01-01T00:00:00Z");
  auto credentials = machine.credentials();
  CHECK(credentials->access_key_id == "ENV");
  CHECK(credentials->secret_access_key == "envsecret");
  CHECK(credentials->session_token == "new");
  CHECK(credentials->expiration == parse_iso8601("2030-01-01T00:00:00Z"));
  machine.set("AWS_SECURITY_TOKEN", "old");
  CHECK(machine.credentials()->session_token == "old");
  CHECK(machine.credentials({.credentials = Credentials{"CODE", "x", "", std::nullopt}})->access_key_id ==
        "CODE");
}

TEST_CASE("a profile named in code takes the environment's keys out of the chain, AWS_PROFILE does not") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1").set("AWS_ACCESS_KEY_ID", "ENV").set("AWS_SECRET_ACCESS_KEY", "s");
  machine.file(credentials_path, "[dev]\naws_access_key_id = DEV\naws_secret_access_key = s\n");
  CHECK(machine.credentials({.profile = "dev"})->access_key_id == "DEV");
  machine.set("AWS_PROFILE", "dev");
  CHECK(machine.credentials()->access_key_id == "ENV");
}

TEST_CASE("half of the credentials is an error, wherever it stands") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1").set("AWS_ACCESS_KEY_ID", "ENV");
  machine.file(credentials_path, "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
  CHECK(message_of([&] { machine.credentials(); }) ==
        "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY");
  Machine shared;
  shared.set("AWS_REGION", "us-east-1").file(credentials_path, "[default]\naws_access_key_id = FILE\n");
  CHECK(message_of([&] { shared.credentials(); }) ==
        "Partial credentials found in shared-credentials-file, missing: aws_secret_access_key");
  Machine config;
  config.set("AWS_REGION", "us-east-1").file(config_path, "[default]\naws_access_key_id = FILE\n");
  CHECK(message_of([&] { config.credentials(); }) ==
        "Partial credentials found in config-file, missing: aws_secret_access_key");
}

TEST_CASE("a profile's keys are not merged across the two files") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  machine.file(credentials_path, "[default]\naws_access_key_id = A\n");
  machine.file(config_path, "[default]\naws_access_key_id = B\naws_secret_access_key = b\n");
  CHECK(message_of([&] {
          machine.credentials();
        }).starts_with("Partial credentials found in shared-credentials-file"));
  machine.file(credentials_path, "[other]\naws_access_key_id = A\naws_secret_access_key = a\n");
  CHECK(machine.credentials()->access_key_id == "B");
}

TEST_CASE("a profile that was asked for must exist, the default one need not") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  CHECK_NOTHROW(machine.resolve());
  CHECK(message_of([&] { machine.resolve({.profile = "nobody"}); }) ==
        "The config profile (nobody) could not be found");
  machine.set("AWS_PROFILE", "nobody");
  CHECK_THROWS_AS(machine.resolve(), ConfigError);
}

TEST_CASE("the files' places can be moved, and ~ is the home folder") {
  Machine machine;
  machine.set("AWS_CONFIG_FILE", "~/conf").set("AWS_SHARED_CREDENTIALS_FILE", "/etc/keys");
  machine.file("/home/user/conf", "[default]\nregion=us-west-2\n");
  machine.file("/etc/keys", "[default]\naws_access_key_id=K\naws_secret_access_key=S\n");
  CHECK(machine.resolve().region == "us-west-2");
  CHECK(machine.credentials()->access_key_id == "K");
}

TEST_CASE("max attempts and the addressing style come from where AWS's SDKs look for them") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  CHECK(machine.resolve().max_attempts == 3);
  machine.file(config_path, "[default]\nmax_attempts = 7\ns3 =\n  addressing_style = virtual\n");
  CHECK(machine.resolve().max_attempts == 7);
  CHECK(machine.resolve().s3_addressing_style == "virtual");
  machine.set("AWS_MAX_ATTEMPTS", "5");
  CHECK(machine.resolve().max_attempts == 5);
  CHECK(machine.resolve({.max_attempts = 1}).max_attempts == 1);
  for (const char* bad : {"0", "-1", "x", "3.5", "99999999999"}) {
    machine.set("AWS_MAX_ATTEMPTS", bad);
    CHECK_THROWS_AS(machine.resolve(), ConfigError);
  }
}

TEST_CASE("profile files: comments, colons, case, quoted names, nesting and continued lines") {
  FixedEnvironment environment;
  environment.files[config_path] =
      "# a comment\r\n; another\r\n\r\n[default]\r\nRegion: us-east-1\r\noutput =\r\n"
      "s3 =\n    max_concurrent_requests = 10\n\n    # inside\n    addressing_style = path\n"
      "long = one\n  two\n"
      "[profile \"with space\"]\nregion=a=b\n[profile 'single']\nregion=c\n[sso-session corp]\nsso_region = "
      "x\n"
      "[unknown section]\nkey = value\n";
  const Profiles profiles = Profiles::load(environment);
  CHECK(profiles.get("default", "region") == "us-east-1");
  CHECK_FALSE(profiles.get("default", "output"));
  CHECK(profiles.get_nested("default", "s3", "max_concurrent_requests") == "10");
  CHECK(profiles.get_nested("default", "s3", "addressing_style") == "path");
  CHECK(profiles.get("default", "long") == "one\ntwo");
  CHECK(profiles.get("with space", "region") == "a=b");
  CHECK(profiles.get("single", "region") == "c");
  REQUIRE(profiles.sso_session("corp"));
  CHECK(profiles.sso_session("corp")->get("sso_region") == "x");
  CHECK_FALSE(profiles.contains("unknown section"));
}

TEST_CASE("settings of the credentials file are laid over those of the config file") {
  FixedEnvironment environment;
  environment.files[config_path] = "[default]\nregion = a\noutput = json\n";
  environment.files[credentials_path] = "[default]\nregion = b\n[only here]\nregion = c\n";
  const Profiles profiles = Profiles::load(environment);
  CHECK(profiles.get("default", "region") == "b");
  CHECK(profiles.get("default", "output") == "json");
  CHECK(profiles.contains("only here"));
}

TEST_CASE("files that cannot be parsed are named with the line") {
  const std::string start = "Unable to parse config file: " + std::string(config_path);
  CHECK(parse_error("region = x\n") == start + " (line 1: there is no section header above it)");
  CHECK(parse_error("[default]\nregion\n") == start + " (line 2: expected KEY = VALUE)");
  CHECK(parse_error("[default\nregion = x\n") ==
        start + " (line 1: the section name is not closed with ']')");
  CHECK(parse_error("[]\n") == start + " (line 1: the section has no name)");
  CHECK(parse_error("[default]\na = 1\nA = 2\n") == start + " (line 3: 'a' is there twice)");
  CHECK(parse_error("[default]\n[default]\n") == start + " (line 2: section [default] is there twice)");
  CHECK(parse_error("[default]\ns3 =\n  no equals sign\n").starts_with(start));
  CHECK(parse_error("[default]\nregion = \xff\xfe\n") == start + " (it is not UTF-8 text)");
  CHECK(parse_error("[default]\nregion = \xe2\x82\n") == start + " (it is not UTF-8 text)");
  CHECK(parse_error("") == "no error");
  CHECK(parse_error("\xef\xbb\xbf[default]\nregion = x\n") == "no error");
}

TEST_CASE("the chain stays with the provider that it found") {
  Machine machine;
  machine.set("AWS_REGION", "us-east-1");
  machine.file(credentials_path, "[default]\naws_access_key_id = A\naws_secret_access_key = a\n");
  const auto chain = machine.resolve().credentials;
  CHECK(chain->load()->access_key_id == "A");
  machine.set("AWS_ACCESS_KEY_ID", "LATER").set("AWS_SECRET_ACCESS_KEY", "x");
  CHECK(chain->load()->access_key_id == "A");
}
