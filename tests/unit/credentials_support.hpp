// A machine made up for tests of credentials: its files, its variables, and a transport that answers from a
// script.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/config.hpp>

#include "tests/unit/aws_support.hpp"

namespace sagemaker::tests {

constexpr aws::ServiceDescription sagemaker_service{"SageMaker", "api.sagemaker", "sagemaker",
                                                    aws::Protocol::json, "SageMaker"};
const char* const config_path = "/home/user/.aws/config";
const char* const credentials_path = "/home/user/.aws/credentials";

// Programs that only pretend to run.
struct FakeRunner final : aws::ProcessRunner {
  std::vector<std::vector<std::string>> commands;
  aws::ProcessOutput result;
  aws::ProcessOutput run(const std::vector<std::string>& arguments) override {
    commands.push_back(arguments);
    return result;
  }
};

struct CredentialMachine {
  std::shared_ptr<aws::FixedEnvironment> environment = std::make_shared<aws::FixedEnvironment>();
  std::shared_ptr<ScriptedTransport> transport = std::make_shared<ScriptedTransport>();
  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
  std::shared_ptr<FakeRunner> runner = std::make_shared<FakeRunner>();

  CredentialMachine() {
    set("AWS_REGION", "eu-central-1");
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  CredentialMachine& set(const std::string& name, const std::string& value) {
    environment->variables[name] = value;
    return *this;
  }
  CredentialMachine& config(const std::string& text) {
    environment->files[config_path] = text;
    return *this;
  }
  CredentialMachine& keys(const std::string& text) {
    environment->files[credentials_path] = text;
    return *this;
  }

  ClientConfig client(ClientConfig config = {}) const {
    config.environment = environment;
    config.transport = transport;
    config.clock = clock;
    config.random = [] { return 1.0; };
    config.process_runner = runner;
    return config;
  }
  std::shared_ptr<aws::CredentialsProvider> provider(ClientConfig config = {}) const {
    return aws::resolve_config(client(std::move(config)), sagemaker_service).credentials;
  }
  std::optional<aws::Credentials> load(ClientConfig config = {}) const {
    return provider(std::move(config))->load();
  }
  std::string access_key(ClientConfig config = {}) const {
    const auto found = load(std::move(config));
    return found ? found->access_key_id : "none";
  }
  // What the search for credentials complains about.
  std::string error(ClientConfig config = {}) const {
    try {
      return "no error, but the key " + access_key(std::move(config));
    } catch (const Error& error) {
      return error.what();
    }
  }
};

// STS's answer to AssumeRole and AssumeRoleWithWebIdentity; FakeClock starts at 2013-05-24T00:00:00Z.
inline std::string sts_answer(const std::string& operation, const std::string& key,
                              const std::string& expiration = "2013-05-24T01:00:00Z") {
  return "<" + operation + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + operation +
         "Result><Credentials><AccessKeyId>" + key +
         "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token-" + key +
         "</SessionToken><Expiration>" + expiration + "</Expiration></Credentials></" + operation +
         "Result><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></" + operation + "Response>";
}

// The value of one parameter of a query request; "absent" where it is not there.
inline std::string parameter(const aws::HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : aws::parse_query(request.body)) {
    if (key == name) return value;
  }
  return "absent";
}

// The access key in a request's Authorization header; "unsigned" where there is none.
inline std::string signer(const aws::HttpRequest& request) {
  const std::string header = request.headers.get("Authorization");
  const std::size_t start = header.find("Credential=");
  if (start == std::string::npos) return "unsigned";
  return header.substr(start + 11, header.find('/', start) - start - 11);
}

}  // namespace sagemaker::tests
