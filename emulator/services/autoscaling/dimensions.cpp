#include "emulator/services/autoscaling/dimensions.hpp"

#include "emulator/services/sagemaker/hosting/endpoints.hpp"
#include "emulator/services/sagemaker/hosting/inference_components.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::autoscaling {
namespace {

constexpr const char* variant_form = "endpoint/my-end-point/variant/my-variant";

// The variant as DescribeEndpoint tells of it; null: there is none.
std::optional<json> find_variant(const Platform& platform, const std::string& resource_id, bool& settled) {
  const auto name = variant_of(resource_id);
  if (!name) return std::nullopt;
  const auto endpoint = platform.records.find(endpoint_kind, name->endpoint);
  if (!endpoint) return std::nullopt;
  settled = endpoint->status == "InService";
  // While an endpoint is created it has no more than its configuration.
  const json* const list = endpoint->document.contains("ProductionVariants")
                               ? &endpoint->document["ProductionVariants"]
                               : &endpoint->document.at("_deployment").at("Config").at("ProductionVariants");
  for (const json& variant : *list)
    if (variant.at("VariantName") == name->variant) return variant;
  return std::nullopt;
}

std::optional<Capacity> instances_of(const Platform& platform, const std::string& resource_id) {
  Capacity capacity;
  const auto variant = find_variant(platform, resource_id, capacity.settled);
  if (!variant || variant->contains("CurrentServerlessConfig") || variant->contains("ServerlessConfig"))
    return std::nullopt;
  capacity.current = variant->value("CurrentInstanceCount", variant->value("InitialInstanceCount", 0));
  return capacity;
}

std::optional<Capacity> provisioned_of(const Platform& platform, const std::string& resource_id) {
  Capacity capacity;
  const auto variant = find_variant(platform, resource_id, capacity.settled);
  if (!variant) return std::nullopt;
  for (const char* member : {"CurrentServerlessConfig", "ServerlessConfig"}) {
    if (!variant->contains(member)) continue;
    capacity.current = variant->at(member).value("ProvisionedConcurrency", 0);
    return capacity;
  }
  return std::nullopt;
}

// "inference-component/NAME" -> NAME; empty: it is something else.
std::string component_of(const std::string& resource_id) {
  constexpr std::string_view prefix = "inference-component/";
  return resource_id.starts_with(prefix) ? resource_id.substr(prefix.size()) : std::string();
}

std::optional<Capacity> copies_of(const Platform& platform, const std::string& resource_id) {
  const auto component = platform.records.find(inference_component_kind, component_of(resource_id));
  if (!component) return std::nullopt;
  const json runtime = component->document.value("RuntimeConfig", json::object());
  return Capacity{runtime.value("CurrentCopyCount", 0), component->status == "InService"};
}

}  // namespace

std::optional<VariantName> variant_of(const std::string& resource_id) {
  constexpr std::string_view first = "endpoint/", second = "/variant/";
  const std::size_t at = resource_id.find(second);
  if (!resource_id.starts_with(first) || at == std::string::npos || at < first.size()) return std::nullopt;
  VariantName name{resource_id.substr(first.size(), at - first.size()),
                   resource_id.substr(at + second.size())};
  if (name.endpoint.empty() || name.variant.empty()) return std::nullopt;
  return name;
}

Dimensions sagemaker_dimensions(Platform& platform, hosting::Fleet& fleet) {
  const auto change = [&platform, &fleet](const std::string& resource_id, const char* member, json value) {
    const auto name = variant_of(resource_id);
    if (!name) throw validation_fault("There is no variant " + resource_id + ".");
    change_weights_and_capacities(
        platform, fleet, name->endpoint,
        json::array({{{"VariantName", name->variant}, {member, std::move(value)}}}));
  };
  Dimensions dimensions;
  dimensions["sagemaker:variant:DesiredInstanceCount"] = {
      variant_form, "instance count",
      [&platform](const std::string& resource_id) { return instances_of(platform, resource_id); },
      [change](const std::string& resource_id, int count) {
        change(resource_id, "DesiredInstanceCount", count);
      }};
  dimensions["sagemaker:variant:DesiredProvisionedConcurrency"] = {
      variant_form, "provisioned concurrency",
      [&platform](const std::string& resource_id) { return provisioned_of(platform, resource_id); },
      [change](const std::string& resource_id, int count) {
        change(resource_id, "ServerlessUpdateConfig", {{"ProvisionedConcurrency", count}});
      }};
  dimensions["sagemaker:inference-component:DesiredCopyCount"] = {
      "inference-component/my-inference-component", "copy count",
      [&platform](const std::string& resource_id) { return copies_of(platform, resource_id); },
      [&platform, &fleet](const std::string& resource_id, int count) {
        change_copy_count(platform, fleet, component_of(resource_id), count);
      }};
  return dimensions;
}

}  // namespace sagemaker::local::services::autoscaling
