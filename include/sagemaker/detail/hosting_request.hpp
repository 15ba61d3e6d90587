// The documents of hosting requests, as the SageMaker Python SDK makes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/hosting_options.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker::detail {

template <class Value>
void set_if(json& document, const char* member, const std::optional<Value>& value) {
  if (value) document[member] = *value;
}
inline void set_if(json& document, const char* member, const std::string& value) {
  if (!value.empty()) document[member] = value;
}

inline std::string capture_mode(const std::string& option) {
  const std::string name = aws::to_lower(option);
  return name == "request" ? "Input" : name == "response" ? "Output" : option;
}

inline json capture_document(const Session& session, const DataCaptureConfig& config) {
  json document = object(
      {{"EnableCapture", config.enable_capture}, {"InitialSamplingPercentage", config.sampling_percentage}});
  document["DestinationS3Uri"] = !config.destination_s3_uri.empty()
                                     ? config.destination_s3_uri
                                     : (session.default_location() / "model-monitor/data-capture").text();
  json& modes = document["CaptureOptions"] = json::array();
  for (const std::string& option : config.capture_options)
    modes.push_back(object({{"CaptureMode", capture_mode(option)}}));
  set_if(document, "KmsKeyId", config.kms_key_id);
  json headers = json::object();
  if (!config.csv_content_types.empty()) headers["CsvContentTypes"] = text_array(config.csv_content_types);
  if (!config.json_content_types.empty()) headers["JsonContentTypes"] = text_array(config.json_content_types);
  if (!headers.empty()) document["CaptureContentTypeHeader"] = std::move(headers);
  return document;
}

// `name` is the model's: where no paths are given, the answers of each deployment have a folder of their own.
inline json async_document(const Session& session, const AsyncInferenceConfig& config,
                           const std::string& name) {
  const auto& client = session.sagemaker().service().config();
  const std::string folder = unique_name_from_base(name, session.clock().now(), client.random());
  const auto path = [&](const std::string& given, const char* usual) {
    return !given.empty() ? given : (session.default_location() / usual / folder).text();
  };
  json output = object({{"S3OutputPath", path(config.output_path, "async-endpoint-outputs")},
                        {"S3FailurePath", path(config.failure_path, "async-endpoint-failures")}});
  set_if(output, "KmsKeyId", config.kms_key_id);
  if (!config.notification_config.is_null()) output["NotificationConfig"] = config.notification_config;
  json document = object({{"OutputConfig", std::move(output)}});
  if (config.max_concurrent_invocations_per_instance) {
    document["ClientConfig"]["MaxConcurrentInvocationsPerInstance"] =
        *config.max_concurrent_invocations_per_instance;
  }
  return document;
}

inline json serverless_document(const ServerlessInferenceConfig& config) {
  json document =
      object({{"MemorySizeInMB", config.memory_size_in_mb}, {"MaxConcurrency", config.max_concurrency}});
  set_if(document, "ProvisionedConcurrency", config.provisioned_concurrency);
  return document;
}

// One production variant, "AllTraffic". Without a model it is the home of inference components.
inline json variant_document(const std::string& model, const DeployOptions& options) {
  json variant = object({{"VariantName", "AllTraffic"}});
  if (!model.empty()) {
    variant["ModelName"] = model;
    variant["InitialVariantWeight"] = 1;
  }
  if (options.serverless_inference_config) {
    variant["ServerlessConfig"] = serverless_document(*options.serverless_inference_config);
  } else {
    variant["InitialInstanceCount"] = options.initial_instance_count;
    variant["InstanceType"] = options.instance_type;
    set_if(variant, "VolumeSizeInGB", options.volume_size);
    set_if(variant, "ModelDataDownloadTimeoutInSeconds", options.model_data_download_timeout);
    set_if(variant, "ContainerStartupHealthCheckTimeoutInSeconds",
           options.container_startup_health_check_timeout);
    if (!options.routing_strategy.empty())
      variant["RoutingConfig"] = object({{"RoutingStrategy", options.routing_strategy}});
  }
  set_if(variant, "InferenceAmiVersion", options.inference_ami_version);
  return variant;
}

inline json scaling_document(const ManagedInstanceScaling& scaling, int initial_instance_count) {
  json document = object({{"Status", "ENABLED"},
                          {"MinInstanceCount", scaling.min_instance_count.value_or(initial_instance_count)}});
  set_if(document, "MaxInstanceCount", scaling.max_instance_count);
  return document;
}

inline json resource_document(const ResourceRequirements& resources) {
  const auto count = [](double value) -> json {  // fractions are allowed; whole numbers look like them
    const auto whole = static_cast<std::int64_t>(value);
    return static_cast<double>(whole) == value ? json(whole) : json(value);
  };
  json document = object({{"MinMemoryRequiredInMb", resources.requests.memory}});
  set_if(document, "MaxMemoryRequiredInMb", resources.limits.memory);
  if (resources.requests.num_cpus) document["NumberOfCpuCoresRequired"] = count(*resources.requests.num_cpus);
  if (resources.requests.num_accelerators)
    document["NumberOfAcceleratorDevicesRequired"] = count(*resources.requests.num_accelerators);
  return document;
}

// For what is known before anything is sent.
inline void check_deploy(const DeployOptions& options) {
  if (!options.explainer_config.is_null())
    throw ConfigError("explainer_config is not supported: there is no SageMaker Clarify here");
  if (options.serverless_inference_config && options.resources)
    throw ConfigError("serverless_inference_config and resources cannot go together");
  if (!options.serverless_inference_config && options.instance_type.empty()) {
    throw ConfigError(
        "instance_type is missing: deploy({.instance_type = \"ml.m5.large\"}), or name a "
        "serverless_inference_config");
  }
  if (options.resources && options.update_endpoint)
    throw ConfigError("Currently update_endpoint is supported for single model endpoints");
  if (options.resources && options.resources->requests.memory <= 0)
    throw ConfigError("resources.requests.memory is missing: the megabytes that each copy needs");
  if (!options.resources && options.managed_instance_scaling)
    throw ConfigError("managed_instance_scaling is for inference components: name their resources");
}

// CreateEndpointConfig of one variant. Tags of an update are sent also where there are none, as the SDK does.
inline json endpoint_config_document(const Session& session, const std::string& name, json variant,
                                     const DeployOptions& options) {
  json config = object({{"EndpointConfigName", name}});
  config["ProductionVariants"].push_back(std::move(variant));
  if (!options.tags.empty() || options.update_endpoint) config["Tags"] = tag_documents(options.tags);
  set_if(config, "KmsKeyId", options.kms_key);
  if (options.data_capture_config)
    config["DataCaptureConfig"] = capture_document(session, *options.data_capture_config);
  return config;
}

}  // namespace sagemaker::detail
