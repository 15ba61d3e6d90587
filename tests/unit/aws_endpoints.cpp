// Where AWS's endpoints are, by fixed cases and against botocore's own rules; and the settings that choose
// among them.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/endpoints.hpp>

#include "tests/support/support.hpp"
#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using tests::CredentialMachine;

namespace {

constexpr ServiceDescription s3_service{"S3", "s3", "s3", Protocol::rest_xml};
constexpr ServiceDescription sts_service{"STS", "sts", "sts", Protocol::query, "", "2011-06-15"};
constexpr ServiceDescription logs_service{"CloudWatch Logs", "logs", "logs", Protocol::json};

ResolvedConfig resolve(const CredentialMachine& machine, const ServiceDescription& service,
                       ClientConfig config = {}) {
  return resolve_config(machine.client(std::move(config)), service);
}

template <typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("partitions: domains and names of regions that exist, of pseudo regions, of regions to come") {
  const auto facts = [](std::string_view region) {
    const Partition& found = partition(region);
    return std::string(found.id) + " " + std::string(found.dns_suffix);
  };
  CHECK(facts("eu-central-1") == "aws amazonaws.com");
  CHECK(facts("cn-north-1") == "aws-cn amazonaws.com.cn");
  CHECK(facts("us-gov-east-1") == "aws-us-gov amazonaws.com");
  CHECK(facts("us-iso-east-1") == "aws-iso c2s.ic.gov");
  CHECK(facts("us-isob-east-1") == "aws-iso-b sc2s.sgov.gov");
  CHECK(facts("eu-isoe-west-1") == "aws-iso-e cloud.adc-e.uk");
  CHECK(facts("us-isof-south-1") == "aws-iso-f csp.hci.ic.gov");
  CHECK(facts("eusc-de-east-1") == "aws-eusc amazonaws.eu");
  CHECK(facts("aws-global") == "aws amazonaws.com");
  CHECK(facts("aws-us-gov-global") == "aws-us-gov amazonaws.com");
  CHECK(facts("aws-iso-b-global") == "aws-iso-b sc2s.sgov.gov");
  CHECK(facts("moon-east-1") == "aws amazonaws.com");
  CHECK(partition_of("cn-north-1") == "aws-cn");
  CHECK(dns_suffix("cn-north-1") == "amazonaws.com.cn");
}

TEST_CASE("SageMaker's older spelling of FIPS hosts, and the newer one with IPv6") {
  const auto host = [](std::string_view prefix, std::string_view region, bool fips, bool dual) {
    return aws_endpoint(prefix, region, {.fips = fips, .dual_stack = dual}).host;
  };
  CHECK(host("api.sagemaker", "us-east-1", true, false) == "api-fips.sagemaker.us-east-1.amazonaws.com");
  CHECK(host("api.sagemaker", "us-east-1", true, true) == "api.sagemaker-fips.us-east-1.api.aws");
  CHECK(host("runtime.sagemaker", "us-west-2", true, false) ==
        "runtime-fips.sagemaker.us-west-2.amazonaws.com");
  CHECK(host("runtime.sagemaker", "us-gov-west-1", true, false) ==
        "runtime.sagemaker.us-gov-west-1.amazonaws.com");
  CHECK(host("api.sagemaker", "cn-north-1", false, true) ==
        "api.sagemaker.cn-north-1.api.amazonwebservices.com.cn");
  CHECK(host("s3", "eu-west-1", true, true) == "s3-fips.dualstack.eu-west-1.amazonaws.com");
  CHECK(aws_endpoint("iam", "eu-west-1").host == "iam.amazonaws.com");
  CHECK(aws_endpoint("iam", "eu-west-1").signing_region == "us-east-1");
  CHECK(message_of([&] { host("s3", "cn-north-1", true, false); }) == "Partition does not support FIPS");
}

TEST_CASE("every host is the one that botocore's rules give") {
  const char* const source = std::getenv("SAGEMAKER_SOURCE_DIR");
  if (source == nullptr) return tests::skip("SAGEMAKER_SOURCE_DIR is not set");
  const std::string command = "python3 '" + std::string(source) + "/tests/unit/aws_endpoints.py' 2>/dev/null";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string output;
  std::array<char, 65536> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), count);
  }
  if (::pclose(pipe) != 0) return tests::skip("botocore's endpoint rules: " + output);
  std::istringstream lines(output);
  std::string prefix, region, host, signing, wrong;
  int fips = 0, dual = 0, legacy = 0, count = 0;
  while (lines >> prefix >> region >> fips >> dual >> legacy >> host >> signing) {
    ++count;
    const EndpointOptions options{fips != 0, dual != 0, legacy != 0, legacy != 0};
    Endpoint found{"error", "error"};
    try {
      found = aws_endpoint(prefix, region, options);
    } catch (const ConfigError&) {
      // There is no such endpoint: "error".
    }
    if (found.host == host && found.signing_region == signing) continue;
    wrong += prefix + " " + region + (fips ? " fips" : "") + (dual ? " dual" : "") +
             (legacy ? " legacy" : "") + ": " + found.host + " " + found.signing_region + " instead of " +
             host + " " + signing + "\n";
  }
  CHECK(wrong == "");
  CHECK(count > 1500);
}

TEST_CASE("FIPS and IPv6 come from code, environment, profile") {
  CredentialMachine machine;
  const auto host = [&](ClientConfig config = {}) {
    return resolve(machine, tests::sagemaker_service, std::move(config)).endpoint.host;
  };
  machine.config("[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n");
  CHECK(host() == "api.sagemaker-fips.eu-central-1.api.aws");
  machine.set("AWS_USE_DUALSTACK_ENDPOINT", "false");
  CHECK(host() == "api-fips.sagemaker.eu-central-1.amazonaws.com");
  machine.set("AWS_USE_FIPS_ENDPOINT", "FALSE");
  CHECK(host() == "api.sagemaker.eu-central-1.amazonaws.com");
  CHECK(host({.use_fips_endpoint = true}) == "api-fips.sagemaker.eu-central-1.amazonaws.com");
  CHECK(host({.use_dualstack_endpoint = true}) == "api.sagemaker.eu-central-1.api.aws");
}

TEST_CASE("neither goes together with an endpoint of one's own") {
  CredentialMachine machine;
  machine.set("AWS_ENDPOINT_URL", "http://127.0.0.1:4566").set("AWS_USE_FIPS_ENDPOINT", "true");
  CHECK(message_of([&] { resolve(machine, logs_service); }) ==
        "Invalid Configuration: FIPS and custom endpoint are not supported (http://127.0.0.1:4566)");
  machine.set("AWS_USE_FIPS_ENDPOINT", "").set("AWS_USE_DUALSTACK_ENDPOINT", "true");
  CHECK(message_of([&] { resolve(machine, logs_service); }) ==
        "Invalid Configuration: Dualstack and custom endpoint are not supported (http://127.0.0.1:4566)");
}

TEST_CASE("S3 has settings of its own for its endpoint") {
  CredentialMachine machine;
  const auto found = [&] { return resolve(machine, s3_service); };
  CHECK(found().endpoint.host == "s3.eu-central-1.amazonaws.com");
  machine.config("[default]\ns3 =\n  use_dualstack_endpoint = true\n");
  CHECK(found().endpoint.host == "s3.dualstack.eu-central-1.amazonaws.com");
  CHECK(resolve(machine, logs_service).endpoint.host == "logs.eu-central-1.amazonaws.com");
  machine.config("[default]\ns3_us_east_1_regional_endpoint = legacy\n").set("AWS_REGION", "us-east-1");
  CHECK(found().endpoint.host == "s3.amazonaws.com");
  machine.set("AWS_REGION", "aws-global");
  CHECK(found().signing_region == "us-east-1");
  machine.config("[default]\ns3 =\n  use_accelerate_endpoint = true\n");
  CHECK(message_of(found).starts_with("The profile (default) sets use_accelerate_endpoint = true below s3"));
  CHECK(message_of([&] { resolve(machine, logs_service); }) == "no error");
}

TEST_CASE("STS may share one endpoint for the old regions") {
  CredentialMachine machine;
  machine.config("[default]\nsts_regional_endpoints = legacy\n");
  CHECK(resolve(machine, sts_service).endpoint.host == "sts.amazonaws.com");
  CHECK(resolve(machine, sts_service).signing_region == "us-east-1");
  CHECK(resolve(machine, sts_service).region == "eu-central-1");
  machine.set("AWS_REGION", "eu-south-2");
  CHECK(resolve(machine, sts_service).endpoint.host == "sts.eu-south-2.amazonaws.com");
}

TEST_CASE("the settings of S3's transfers") {
  CredentialMachine machine;
  const auto s3 = [&] { return resolve(machine, s3_service).s3; };
  CHECK(s3().addressing_style == "auto");
  CHECK(s3().multipart_threshold == 8u << 20);
  CHECK(s3().multipart_chunksize == 8u << 20);
  CHECK(s3().max_concurrent_requests == 10);
  CHECK_FALSE(s3().payload_signing);
  machine.config(
      "[default]\ns3 =\n  multipart_threshold = 64MB\n  multipart_chunksize = 16 MiB\n"
      "  max_concurrent_requests = 4\n  payload_signing_enabled = true\n  addressing_style = path\n");
  CHECK(s3().multipart_threshold == 64u << 20);
  CHECK(s3().multipart_chunksize == 16u << 20);
  CHECK(s3().max_concurrent_requests == 4);
  CHECK(s3().payload_signing);
  CHECK(resolve(machine, s3_service).s3_addressing_style == "path");
  for (const char* bad :
       {"multipart_threshold = 8 apples", "multipart_chunksize = 0", "multipart_chunksize = -1",
        "multipart_threshold = 99999999999999999999", "max_concurrent_requests = none",
        "multipart_chunksize = 99999999999TB", "addressing_style = sideways"}) {
    machine.config("[default]\ns3 =\n  " + std::string(bad) + "\n");
    CHECK_THROWS_AS(s3(), ConfigError);
  }
}

TEST_CASE("retry modes, checksum modes and the application's id") {
  CredentialMachine machine;
  const auto found = [&](ClientConfig config = {}) {
    return resolve(machine, logs_service, std::move(config));
  };
  CHECK(found().retry_mode == RetryMode::standard);
  CHECK(found().max_attempts == 3);
  CHECK(found().request_checksums == ChecksumMode::when_supported);
  machine.config(
      "[default]\nretry_mode = legacy\nsdk_ua_app_id = my app/1\n"
      "request_checksum_calculation = when_required\n");
  CHECK(found().retry_mode == RetryMode::legacy);
  CHECK(found().max_attempts == 5);
  CHECK(found().app_id == "my-app-1");
  CHECK(found().request_checksums == ChecksumMode::when_required);
  CHECK(found().response_checksums == ChecksumMode::when_supported);
  machine.set("AWS_RETRY_MODE", "Adaptive").set("AWS_SDK_UA_APP_ID", "env");
  machine.set("AWS_RESPONSE_CHECKSUM_VALIDATION", "WHEN_REQUIRED");
  CHECK(found().retry_mode == RetryMode::adaptive);
  CHECK(found().app_id == "env");
  CHECK(found().response_checksums == ChecksumMode::when_required);
  CHECK(found({.retry_mode = "standard"}).retry_mode == RetryMode::standard);
  CHECK(message_of([&] { found({.retry_mode = "often"}); }) ==
        "Invalid value provided to \"mode\": \"often\" must be one of: legacy, standard, adaptive");
  machine.set("AWS_REQUEST_CHECKSUM_CALCULATION", "never");
  CHECK(
      message_of(found) ==
      "Unsupported configuration value for request_checksum_calculation. Expected one of ('when_supported', "
      "'when_required') but got never.");
}
