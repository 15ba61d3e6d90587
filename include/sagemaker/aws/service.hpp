// What a client knows about its service, and a configuration in which every question is answered. Config.hpp
// answers them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/retry.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/transport.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws {

enum class Protocol { json, rest_json, rest_xml, query };

// What distinguishes one service from another on the wire.
struct ServiceDescription {
  std::string_view id;            // AWS's service id: "SageMaker Runtime"
  std::string_view host_prefix;   // of the real endpoint: "runtime.sagemaker"
  std::string_view signing_name;  // of the credential scope: "sagemaker"
  Protocol protocol = Protocol::json;
  std::string_view target_prefix = "";  // json: "SageMaker"
  std::string_view version = "";        // query: "2011-06-15"
  std::string_view json_version = "1.1";
};

// When checksums of requests are computed and those of responses compared.
enum class ChecksumMode { when_supported, when_required };

// The `s3` section of the profile.
struct S3Settings {
  std::string addressing_style = "auto";  // "auto", "path" or "virtual"
  bool payload_signing = false;           // also over TLS; without TLS payloads are always signed
  // Of transfers in parts, with the AWS CLI's defaults.
  std::uint64_t multipart_threshold = 8u << 20;
  std::uint64_t multipart_chunksize = 8u << 20;
  int max_concurrent_requests = 10;
};

// A configuration with every question answered.
struct ResolvedConfig {
  std::string region;
  std::string signing_region;  // of the credential scope; another one where the endpoint is a global one
  Uri endpoint;
  bool custom_endpoint = false;  // not AWS's own
  std::shared_ptr<CredentialsProvider> credentials;
  std::chrono::milliseconds connect_timeout{60'000}, read_timeout{60'000};
  RetryMode retry_mode = RetryMode::standard;
  int max_attempts = 3;
  std::string app_id;  // AWS_SDK_UA_APP_ID
  std::string user_agent_extra;
  std::string s3_addressing_style;  // s3.addressing_style
  S3Settings s3;
  ChecksumMode request_checksums = ChecksumMode::when_supported;
  ChecksumMode response_checksums = ChecksumMode::when_supported;
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Clock> clock;
  RandomSource random;
};

}  // namespace sagemaker::aws
