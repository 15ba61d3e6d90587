#include "emulator/services/sagemaker/transform/parameters.hpp"

#include <algorithm>

namespace sagemaker::local::services::transform {
namespace {

constexpr int concurrent_max = 100;  // each is a thread here; AWS allows 100 MB at once
constexpr int payload_mb_max = 100;

const char* name_of(Strategy strategy) {
  return strategy == Strategy::single_record ? "SINGLE_RECORD" : "MULTI_RECORD";
}

std::optional<int> number(const json& object, const char* member, int minimum, int maximum) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  const auto value = found->get<std::int64_t>();
  if (value < minimum) return std::nullopt;
  return static_cast<int>(std::min<std::int64_t>(value, maximum));
}

}  // namespace

ExecutionParameters requested_parameters(const json& request) {
  ExecutionParameters parameters;
  parameters.concurrent_transforms = number(request, "MaxConcurrentTransforms", 1, concurrent_max);
  parameters.payload_mb = number(request, "MaxPayloadInMB", 0, payload_mb_max);
  if (const auto strategy = request.find("BatchStrategy"); strategy != request.end())
    parameters.strategy = *strategy == "SingleRecord" ? Strategy::single_record : Strategy::multi_record;
  return parameters;
}

ExecutionParameters container_parameters(std::string_view body) {
  ExecutionParameters parameters;
  json said;
  try {
    said = aws::parse_json(body);
  } catch (const aws::JsonError&) {
    return parameters;
  }
  if (!said.is_object()) return parameters;
  parameters.concurrent_transforms = number(said, "MaxConcurrentTransforms", 1, concurrent_max);
  parameters.payload_mb = number(said, "MaxPayloadInMB", 0, payload_mb_max);
  const auto strategy = said.find("BatchStrategy");
  if (strategy == said.end()) return parameters;
  if (*strategy == "SINGLE_RECORD") parameters.strategy = Strategy::single_record;
  if (*strategy == "MULTI_RECORD") parameters.strategy = Strategy::multi_record;
  return parameters;
}

std::string Parameters::text() const {
  return "MaxConcurrentTransforms=" + std::to_string(concurrent_transforms) +
         ", MaxPayloadInMB=" + std::to_string(payload_mb) + ", BatchStrategy=" + name_of(strategy);
}

Parameters effective_parameters(const ExecutionParameters& request, const ExecutionParameters& container) {
  Parameters parameters;
  for (const ExecutionParameters* one : {&container, &request}) {
    parameters.concurrent_transforms = one->concurrent_transforms.value_or(parameters.concurrent_transforms);
    parameters.payload_mb = one->payload_mb.value_or(parameters.payload_mb);
    parameters.strategy = one->strategy.value_or(parameters.strategy);
  }
  // AWS holds no more than 100 MB of requests at once. A request that asks for more was refused; a container
  // gets what fits.
  if (parameters.payload_mb > 0)
    parameters.concurrent_transforms =
        std::min(parameters.concurrent_transforms, std::max(1, payload_mb_max / parameters.payload_mb));
  return parameters;
}

std::map<std::string, std::string> batch_environment(const json& request) {
  std::map<std::string, std::string> environment = {{"SAGEMAKER_BATCH", "true"}};
  const ExecutionParameters parameters = requested_parameters(request);
  if (parameters.payload_mb)
    environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = std::to_string(*parameters.payload_mb);
  if (parameters.strategy) environment["SAGEMAKER_BATCH_STRATEGY"] = name_of(*parameters.strategy);
  if (parameters.concurrent_transforms)
    environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = std::to_string(*parameters.concurrent_transforms);
  const json variables = request.value("Environment", json::object());
  for (const auto& [name, value] : variables.items()) environment[name] = value;
  return environment;
}

ClientSettings client_settings(const json& request) {
  ClientSettings settings;
  const json config = request.value("ModelClientConfig", json::object());
  settings.timeout =
      std::chrono::seconds(config.value("InvocationsTimeoutInSeconds", settings.timeout.count()));
  settings.retries_max = config.value("InvocationsMaxRetries", settings.retries_max);
  return settings;
}

Split split_of(const json& request) {
  const std::string type = request.at("TransformInput").value("SplitType", "None");
  if (type == "Line") return Split::line;
  if (type == "RecordIO") return Split::record_io;
  if (type == "TFRecord") return Split::tf_record;
  return Split::none;
}

Assembly assembly_of(const json& request) {
  return request.at("TransformOutput").value("AssembleWith", "None") == "Line" ? Assembly::line
                                                                               : Assembly::none;
}

}  // namespace sagemaker::local::services::transform
