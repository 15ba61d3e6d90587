#include "emulator/services/sagemaker/hosting/plan.hpp"

#include <stdexcept>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/sagemaker/hosting/model_data.hpp"

namespace sagemaker::local::services::hosting {
namespace {

ServerlessPlan serverless_plan(const json& config) {
  return {.memory_mb = config.at("MemorySizeInMB").get<int>(),
          .max_concurrency = config.at("MaxConcurrency").get<int>(),
          .provisioned_concurrency = config.value("ProvisionedConcurrency", 0)};
}

ContainerMode mode_of(const json& model, std::size_t containers) {
  if (containers < 2) return ContainerMode::single;
  const json execution = model.value("InferenceExecutionConfig", json::object());
  return execution.value("Mode", "Serial") == "Direct" ? ContainerMode::direct : ContainerMode::serial;
}

// Another definition of the model, after it was deleted and created again, has other files.
std::string version_of(const json& model, std::size_t container) {
  return aws::sha256_hex(model.at("ModelArn").get<std::string>() + model.at("CreationTime").dump() + "#" +
                         std::to_string(container))
      .substr(0, 16);
}

}  // namespace

std::string log_group(const VariantPlan& plan) {
  if (!plan.transform_job.empty()) return "/aws/sagemaker/TransformJobs";
  return plan.component.empty() ? "/aws/sagemaker/Endpoints/" + plan.endpoint
                                : "/aws/sagemaker/InferenceComponents/" + plan.component;
}

std::vector<json> container_definitions(const json& model) {
  if (model.contains("PrimaryContainer")) return {model["PrimaryContainer"]};
  return model.at("Containers").get<std::vector<json>>();
}

std::string container_name(const json& model, std::size_t index) {
  const std::vector<json> definitions = container_definitions(model);
  if (definitions.size() < 2) return "primary";
  return definitions.at(index).value("ContainerHostname", "container-" + std::to_string(index + 1));
}

ContainerPlan plan_container(Platform& platform, const json& definition, const std::string& name,
                             const std::filesystem::path& kept) {
  ContainerPlan plan;
  plan.name = name;
  plan.image_name = definition.at("Image");
  const auto image = platform.images.resolve(plan.image_name);
  if (!image)
    throw std::runtime_error("ECR image \"" + plan.image_name + "\" is invalid. " +
                             platform.images.explain_unknown(plan.image_name));
  plan.image = *image;
  const json variables = definition.value("Environment", json::object());
  for (const auto& [key, value] : variables.items()) plan.environment[key] = value;
  plan.model_uri = model_uri(definition);
  plan.multi_model = definition.value("Mode", "SingleModel") == "MultiModel";
  const json multi_model = definition.value("MultiModelConfig", json::object());
  plan.cache_models = multi_model.value("ModelCacheSetting", "Enabled") != "Disabled";
  if (!plan.multi_model) plan.model_data = keep_model(platform.objects, definition, kept);
  return plan;
}

VariantPlan plan_variant(Platform& platform, const std::string& endpoint, const json& config,
                         const json& variant, const json& models, const std::filesystem::path& kept) {
  VariantPlan plan;
  plan.endpoint = endpoint;
  plan.name = variant.at("VariantName");
  plan.model_name = variant.value("ModelName", "");
  plan.instance_type = variant.value("InstanceType", "");
  plan.initial_instances = variant.value("InitialInstanceCount", 1);
  plan.initial_weight = variant.value("InitialVariantWeight", 1.0);
  const json routing = variant.value("RoutingConfig", json::object());
  plan.random_routing = routing.value("RoutingStrategy", "RANDOM") == "RANDOM";
  plan.startup_timeout = std::chrono::seconds(
      variant.value("ContainerStartupHealthCheckTimeoutInSeconds",
                    static_cast<std::int64_t>(platform.limits.runner.startup_timeout.count())));
  plan.download_timeout = std::chrono::seconds(variant.value("ModelDataDownloadTimeoutInSeconds", 3600));
  plan.response_bytes_max = config.contains("AsyncInferenceConfig")
                                ? platform.limits.runner.async_payload_bytes_max
                                : platform.limits.wire.invocation_bytes_max;
  // A stream takes 8 minutes, an asynchronous invocation an hour.
  if (config.contains("AsyncInferenceConfig")) plan.drain_time = std::chrono::hours(1);
  if (variant.contains("ServerlessConfig")) {
    plan.serverless = serverless_plan(variant["ServerlessConfig"]);
    plan.startup_timeout = platform.limits.serverless.startup_timeout;
    plan.response_bytes_max = platform.limits.serverless.payload_bytes_max;
  }
  plan.document = variant;
  plan.deployed_images = json::array();
  plan.isolated_network = config.value("EnableNetworkIsolation", false);
  if (plan.model_name.empty()) return plan;  // inference components bring their own containers
  const json& model = models.at(plan.model_name);
  plan.isolated_network = plan.isolated_network || model.value("EnableNetworkIsolation", false);
  const std::vector<json> definitions = container_definitions(model);
  plan.mode = mode_of(model, definitions.size());
  for (std::size_t index = 0; index < definitions.size(); ++index) {
    plan.containers.push_back(plan_container(platform, definitions[index], container_name(model, index),
                                             kept / ("model-" + version_of(model, index))));
    const std::string& image = plan.containers.back().image_name;
    plan.deployed_images.push_back({{"SpecifiedImage", image},
                                    {"ResolvedImage", image},
                                    {"ResolutionTime", timestamp(platform.now_ms())}});
  }
  return plan;
}

}  // namespace sagemaker::local::services::hosting
