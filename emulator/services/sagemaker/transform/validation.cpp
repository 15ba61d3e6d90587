#include "emulator/services/sagemaker/transform/validation.hpp"

#include <cstdint>
#include <string>

#include "emulator/services/sagemaker/hosting/plan.hpp"
#include "emulator/services/sagemaker/quota.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr std::int64_t payload_mb_max = 100;  // AWS: of one request, and of all that are under way at once

void check_payload(const json& input) {
  const auto payload = input.value("MaxPayloadInMB", std::int64_t{0});
  if (payload > payload_mb_max)
    throw validation_fault("The value of MaxPayloadInMB cannot be greater than 100 MB.");
  const auto concurrent = input.value("MaxConcurrentTransforms", std::int64_t{0});
  if (concurrent > 0 && payload > payload_mb_max / concurrent)
    throw validation_fault("The value of (MaxConcurrentTransforms * MaxPayloadInMB) cannot exceed 100 MB: " +
                           std::to_string(concurrent) + " * " + std::to_string(payload) + ".");
}

}  // namespace

void check_request(const Platform& platform, const json& input) {
  const json& source = input.at("TransformInput").at("DataSource").at("S3DataSource");
  const std::string type = source.at("S3DataType");
  if (type != "S3Prefix" && type != "ManifestFile")
    throw validation_fault("S3DataType " + type +
                           " is not compatible with batch transform. Use ManifestFile or S3Prefix.");
  const json& resources = input.at("TransformResources");
  check_quota(resources.at("InstanceType"), "transform job usage", resources.at("InstanceCount"),
              platform.limits.runner.transform_instances_max);
  if (resources.contains("TransformAmiVersion"))
    throw validation_fault("TransformAmiVersion is not implemented by sagemaker-local: there are no AMIs.");
  check_payload(input);
  parse_s3_uri(input.at("TransformOutput").at("S3OutputPath").get<std::string>());
  if (const auto capture = input.find("DataCaptureConfig"); capture != input.end())
    parse_s3_uri(capture->at("DestinationS3Uri").get<std::string>());
  DataProcessing::of(input);
}

void check_model(const json& model) {
  const json execution = model.value("InferenceExecutionConfig", json::object());
  if (execution.value("Mode", "Serial") == "Direct")
    throw validation_fault(
        "Batch transform does not support models with InferenceExecutionConfig Mode Direct.");
  for (const json& container : hosting::container_definitions(model))
    if (container.value("Mode", "SingleModel") == "MultiModel")
      throw validation_fault("Batch transform does not support containers with Mode MultiModel.");
}

}  // namespace sagemaker::local::services::transform
