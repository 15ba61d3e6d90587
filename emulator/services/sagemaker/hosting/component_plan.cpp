#include "emulator/services/sagemaker/hosting/component_plan.hpp"

#include <cmath>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::services::hosting {
namespace {

// The container in the words of a model's.
json container_definition(const json& definition) {
  if (definition.contains("Model")) return container_definitions(definition["Model"]).front();
  const json& container = definition.at("Specification").at("Container");
  json model = {{"Image", container.at("Image")}};
  if (container.contains("ArtifactUrl")) model["ModelDataUrl"] = container["ArtifactUrl"];
  if (container.contains("Environment")) model["Environment"] = container["Environment"];
  return model;
}

}  // namespace

json specification_summary(const Platform& platform, const json& specification) {
  json summary = specification;
  if (!summary.contains("Container")) return summary;
  json& container = summary["Container"];
  const std::string image = container.at("Image");
  container.erase("Image");
  container["DeployedImage"] = {
      {"SpecifiedImage", image}, {"ResolvedImage", image}, {"ResolutionTime", timestamp(platform.now_ms())}};
  return summary;
}

CopyNeed copy_need(const std::string& pool, const json& specification) {
  const json scheduling = specification.value("SchedulingConfig", json::object());
  return {pool, resources_of(specification.value("ComputeResourceRequirements", json::object())),
          scheduling.value("PlacementStrategy", "SPREAD") == "BINPACK"};
}

VariantPlan plan_component(Platform& platform, const std::string& component, const json& definition,
                           const VariantPlan& host, const std::filesystem::path& kept) {
  const json& specification = definition.at("Specification");
  VariantPlan plan;
  plan.endpoint = host.endpoint;
  plan.name = host.name;
  plan.component = component;
  plan.model_name = specification.value("ModelName", "");
  plan.instance_type = host.instance_type;
  plan.random_routing = host.random_routing;
  plan.response_bytes_max = host.response_bytes_max;
  plan.isolated_network = host.isolated_network ||
                          definition.value("Model", json::object()).value("EnableNetworkIsolation", false);
  const json startup = specification.value("StartupParameters", json::object());
  plan.startup_timeout = std::chrono::seconds(
      startup.value("ContainerStartupHealthCheckTimeoutInSeconds",
                    static_cast<std::int64_t>(platform.limits.runner.startup_timeout.count())));
  plan.download_timeout = std::chrono::seconds(startup.value("ModelDataDownloadTimeoutInSeconds", 3600));
  const Resources need = resources_of(specification.value("ComputeResourceRequirements", json::object()));
  plan.share = CopyShare{.cpus = static_cast<int>(std::ceil(need.cpus)),
                         .gpus = static_cast<int>(std::ceil(need.accelerators))};
  const json container = container_definition(definition);
  const std::string version = aws::sha256_hex(definition.dump()).substr(0, 16);
  plan.containers.push_back(plan_container(platform, container, "primary", kept / ("model-" + version)));
  plan.document = {{"VariantName", host.name}};
  const std::string& image = plan.containers.front().image_name;
  plan.deployed_images = json::array({{{"SpecifiedImage", image},
                                       {"ResolvedImage", image},
                                       {"ResolutionTime", timestamp(platform.now_ms())}}});
  return plan;
}

}  // namespace sagemaker::local::services::hosting
