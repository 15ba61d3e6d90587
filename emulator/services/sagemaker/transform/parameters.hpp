// How the records of a transform job are sent: what the request says, what the container says, the defaults.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/transform/record_format.hpp"

namespace sagemaker::local::services::transform {

// What GET /execution-parameters of a container answers, and what a request may say itself.
// https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
struct ExecutionParameters {
  std::optional<int> concurrent_transforms;
  std::optional<int> payload_mb;
  std::optional<Strategy> strategy;
};

// Of a CreateTransformJob request. MaxConcurrentTransforms 0 leaves it to the container.
ExecutionParameters requested_parameters(const json& request);
// Of the body of a container's answer; what cannot be understood is not set.
ExecutionParameters container_parameters(std::string_view body);

struct Parameters {
  int concurrent_transforms = 1;
  int payload_mb = 6;  // 0: an object is streamed
  Strategy strategy = Strategy::multi_record;
  // The first line of the data log: "MaxConcurrentTransforms=1, MaxPayloadInMB=6,
  // BatchStrategy=MULTI_RECORD".
  std::string text() const;
};
// The request's own win over the container's, and those over the defaults.
Parameters effective_parameters(const ExecutionParameters& request, const ExecutionParameters& container);

// SAGEMAKER_BATCH and its like: what every container of a transform job gets, and only what the request says.
std::map<std::string, std::string> batch_environment(const json& request);

// ModelClientConfig, or its defaults.
struct ClientSettings {
  std::chrono::seconds timeout{600};
  int retries_max = 3;
};
ClientSettings client_settings(const json& request);

Split split_of(const json& request);
Assembly assembly_of(const json& request);

}  // namespace sagemaker::local::services::transform
