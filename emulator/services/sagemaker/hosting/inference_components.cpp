#include "emulator/services/sagemaker/hosting/inference_components.hpp"

#include "emulator/services/sagemaker/hosting/component_fleet.hpp"
#include "emulator/services/sagemaker/hosting/component_plan.hpp"
#include "emulator/services/sagemaker/hosting/models.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr const char* no_room =
    "There is not enough hardware resources on the instances for this endpoint to hold the copies of its "
    "inference components. Remove existing inference components, or increase the number of instances for "
    "this "
    "endpoint.";

ServiceFault not_found(const Platform& platform, const std::string& name) {
  return validation_fault("Could not find inference component \"" +
                          platform.arn(inference_component_kind, name) + "\".");
}

store::Record find(const Platform& platform, const std::string& name) {
  const auto component = platform.records.find(inference_component_kind, name);
  if (!component) throw not_found(platform, name);
  return *component;
}

std::string name_of(const json& input) { return input.at("InferenceComponentName"); }

bool busy(const store::Record& component) {
  return component.status == "Creating" || component.status == "Updating" || component.status == "Deleting";
}

void set_status(store::Record& component, const std::string& status, std::int64_t now_ms) {
  component.status = status;
  component.modified_ms = now_ms;
  component.document["InferenceComponentStatus"] = status;
  component.document["LastModifiedTime"] = timestamp(now_ms);
}

void require_idle(const store::Record& component) {
  if (busy(component))
    throw validation_fault("Cannot update in-progress inference component \"" + component.arn + "\".");
}

void refuse(const std::string& what) {
  throw validation_fault(what + " is not implemented by sagemaker-local yet.");
}

void refuse_unimplemented(const json& input) {
  if (input.contains("Specifications")) refuse("Specifications");
  const json specification = input.value("Specification", json::object());
  for (const char* member : {"BaseInferenceComponentName", "InstanceType"})
    if (specification.contains(member)) refuse(std::string("Specification.") + member);
  if (specification.value("Container", json::object()).contains("ContainerMetricsConfig"))
    refuse("Specification.Container.ContainerMetricsConfig");
}

void check_requirements(const json& specification) {
  if (!specification.contains("ComputeResourceRequirements"))
    throw validation_fault("ComputeResourceRequirements is required for an inference component.");
  const json& requirements = specification["ComputeResourceRequirements"];
  if (requirements.value("MaxMemoryRequiredInMb", requirements.at("MinMemoryRequiredInMb").get<int>()) <
      requirements["MinMemoryRequiredInMb"])
    throw validation_fault("MaxMemoryRequiredInMb cannot be less than MinMemoryRequiredInMb.");
}

void check_container(const Platform& platform, const json& container) {
  if (!container.contains("Image")) throw validation_fault("Container must contain Image.");
  const std::string image = container["Image"];
  if (!platform.images.resolve(image))
    throw validation_fault("ECR image \"" + image + "\" is invalid. " +
                           platform.images.explain_unknown(image));
  if (!container.contains("ArtifactUrl")) return;
  const std::string uri = container["ArtifactUrl"];
  const S3Location location = parse_s3_uri(uri);
  if (!platform.objects.find(location.bucket, location.key))
    throw validation_fault("Could not find model data at " + uri + ".");
}

// What the copies are made of, as it is now: the component lives on when the model is deleted.
json definition_of(const Platform& platform, const json& specification) {
  const bool model = specification.contains("ModelName"), container = specification.contains("Container");
  if (model == container)
    throw validation_fault("Specification must contain exactly one of ModelName and Container.");
  check_requirements(specification);
  json definition = {{"Specification", specification}};
  if (container) {
    check_container(platform, specification["Container"]);
    return definition;
  }
  const std::string name = specification["ModelName"];
  const auto found = platform.records.find(model_kind, name);
  if (!found) throw validation_fault("Could not find model \"" + platform.arn("model", name) + "\".");
  const auto containers = hosting::container_definitions(found->document);
  if (containers.size() > 1 || containers.front().value("Mode", "SingleModel") == "MultiModel")
    throw validation_fault("Inference components support models with one container and one model only.");
  definition["Model"] = found->document;
  return definition;
}

// The variant of an endpoint in service that takes inference components.
std::string host_variant(const Platform& platform, const json& input) {
  const std::string name = input.at("EndpointName");
  const std::string arn = platform.arn("endpoint", name);
  const auto endpoint = platform.records.find(endpoint_kind, name);
  if (!endpoint) throw validation_fault("Could not find endpoint \"" + arn + "\".");
  const json& variants = endpoint->document.at("_deployment").at("Config").at("ProductionVariants");
  if (variants.front().contains("ModelName") || variants.front().contains("ServerlessConfig"))
    throw validation_fault(
        "Inference Components are not supported in this Endpoint. Please make sure this endpoint can deploy "
        "inference components.");
  if (endpoint->status != "InService")
    throw validation_fault("Cannot create an inference component on endpoint \"" + arn + "\" in status " +
                           endpoint->status + ".");
  if (!input.contains("VariantName")) {
    if (variants.size() == 1) return variants.front().at("VariantName");
    throw validation_fault("VariantName is required: endpoint \"" + arn + "\" has several variants.");
  }
  const std::string wanted = input["VariantName"];
  for (const json& variant : variants)
    if (variant.at("VariantName") == wanted) return wanted;
  throw validation_fault("Could not find variant \"" + wanted + "\" of endpoint \"" + arn + "\".");
}

json create(Platform& platform, hosting::Fleet& fleet, const json& input) {
  refuse_unimplemented(input);
  store::Record component;
  component.name = name_of(input);
  component.arn = platform.arn(inference_component_kind, component.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing inference component \"" + component.arn + "\".");
  };
  if (platform.records.find(inference_component_kind, component.name)) throw taken();
  const std::string variant = host_variant(platform, input);
  if (!input.contains("Specification")) throw validation_fault("Specification is required.");
  const json definition = definition_of(platform, input["Specification"]);
  const json runtime = input.value("RuntimeConfig", json{{"CopyCount", 1}});
  component.created_ms = platform.now_ms();
  component.document = {
      {"InferenceComponentName", component.name},
      {"InferenceComponentArn", component.arn},
      {"EndpointName", input["EndpointName"]},
      {"EndpointArn", platform.arn("endpoint", input["EndpointName"].get<std::string>())},
      {"VariantName", variant},
      {"Specification", hosting::specification_summary(platform, input["Specification"])},
      {"RuntimeConfig", {{"DesiredCopyCount", runtime.at("CopyCount")}, {"CurrentCopyCount", 0}}},
      {"CreationTime", timestamp(component.created_ms)},
      {"_definition", definition}};
  set_status(component, "Creating", component.created_ms);
  if (!insert_tagged(platform, inference_component_kind, component, input.value("Tags", json::array())))
    throw taken();
  fleet.components().create(component);
  return {{"InferenceComponentArn", component.arn}};
}

// The record says that something is under way, or this throws.
store::Record begin_update(Platform& platform, const std::string& name,
                           const std::function<void(json& document)>& note) {
  const auto updated = platform.records.update(inference_component_kind, name, [&](store::Record& component) {
    require_idle(component);
    component.document["_before"] = component.status;
    set_status(component, "Updating", platform.now_ms());
    component.document.erase("FailureReason");
    note(component.document);
  });
  if (!updated) throw not_found(platform, name);
  return *updated;
}

json update(Platform& platform, hosting::Fleet& fleet, const json& input) {
  refuse_unimplemented(input);
  const store::Record component = find(platform, name_of(input));
  const bool replaces = input.contains("Specification");
  if (!replaces && !input.contains("RuntimeConfig"))
    throw validation_fault("Specification or RuntimeConfig is required to update an inference component.");
  const json definition = replaces ? definition_of(platform, input["Specification"]) : json();
  const json config = input.value("DeploymentConfig", json::object());
  const store::Record updating = begin_update(platform, component.name, [&](json& document) {
    if (input.contains("RuntimeConfig"))
      document["RuntimeConfig"]["DesiredCopyCount"] = input["RuntimeConfig"].at("CopyCount");
    document.erase("LastDeploymentConfig");
    if (!config.empty()) document["LastDeploymentConfig"] = config;
    if (replaces) document["_replacing"] = true;
  });
  if (replaces)
    fleet.components().update(updating, definition, config);
  else
    fleet.components().scale(updating);
  return {{"InferenceComponentArn", component.arn}};
}

json erase(Platform& platform, hosting::Fleet& fleet, const json& input) {
  const std::string name = name_of(input);
  const auto deleting =
      platform.records.update(inference_component_kind, name, [&](store::Record& component) {
        require_idle(component);
        set_status(component, "Deleting", platform.now_ms());
      });
  if (!deleting) throw not_found(platform, name);
  erase_tags(platform, deleting->arn);
  fleet.components().remove(*deleting);
  return json::object();
}

json describe(Platform& platform, const hosting::Fleet& fleet, const CallContext& context,
              const json& input) {
  const std::string name = name_of(input);
  const auto component = find_settled(platform, context, inference_component_kind, name, busy);
  if (!component) throw not_found(platform, name);
  json document = component->document;
  for (const char* member : {"_definition", "_before", "_replacing"}) document.erase(member);
  json& runtime = document["RuntimeConfig"];
  if (const auto live = fleet.components().find(name)) {
    int copies = 0;
    std::string instance_type;
    for (const auto& part : live->split.parts()) {
      copies += part.target->count();
      instance_type = part.target->plan().instance_type;
    }
    runtime["CurrentCopyCount"] = copies;
    if (copies > 0)
      runtime["PlacementStatus"] =
          json::array({{{"InstanceType", instance_type}, {"CurrentCopyCount", copies}}});
  }
  return document;
}

json list(const Platform& platform, const json& input) {
  const std::string endpoint = input.value("EndpointNameEquals", "");
  const std::string variant = input.value("VariantNameEquals", "");
  const auto wanted = [&](const store::Record& component) {
    return (endpoint.empty() || component.document.at("EndpointName") == endpoint) &&
           (variant.empty() || component.document.at("VariantName") == variant);
  };
  return list_records(
      platform.records, inference_component_kind, input, "InferenceComponents",
      [](const store::Record& component) {
        json summary = {{"CreationTime", timestamp(component.created_ms)},
                        {"LastModifiedTime", timestamp(component.modified_ms)},
                        {"InferenceComponentStatus", component.status}};
        for (const char* member : {"InferenceComponentName", "InferenceComponentArn", "EndpointName",
                                   "EndpointArn", "VariantName"})
          summary[member] = component.document.at(member);
        return summary;
      },
      wanted);
}

}  // namespace

store::Record change_copy_count(Platform& platform, hosting::Fleet& fleet, const std::string& name,
                                int copies) {
  const store::Record updating = begin_update(
      platform, name, [&](json& document) { document["RuntimeConfig"]["DesiredCopyCount"] = copies; });
  fleet.components().scale(updating);
  return updating;
}

std::vector<store::Record> components_of(const Platform& platform, const std::string& endpoint) {
  std::vector<store::Record> components = platform.records.with_status(
      inference_component_kind, {"Creating", "InService", "Updating", "Failed", "Deleting"});
  std::erase_if(components, [&](const store::Record& component) {
    return component.document.at("EndpointName") != endpoint;
  });
  return components;
}

void check_components_fit(const Platform& platform, const hosting::Fleet& fleet, const std::string& endpoint,
                          const json& config) {
  for (const store::Record& component : components_of(platform, endpoint)) {
    const std::string name = component.document.at("VariantName");
    const json* host = nullptr;
    for (const json& variant : config.at("ProductionVariants"))
      if (variant.at("VariantName") == name && !variant.contains("ModelName")) host = &variant;
    if (host == nullptr)
      throw validation_fault("The endpoint configuration has no variant \"" + name +
                             "\" for the inference component \"" + component.name + "\".");
    if (!fleet.components().fit(endpoint, name, host->value("InstanceType", ""),
                                host->value("InitialInstanceCount", 1)))
      throw validation_fault(no_room);
  }
}

void add_inference_component_operations(OperationTable& table, Platform& platform, hosting::Fleet& fleet) {
  table["CreateInferenceComponent"] = [&](const CallContext&, const json& input) {
    return create(platform, fleet, input);
  };
  table["UpdateInferenceComponent"] = [&](const CallContext&, const json& input) {
    return update(platform, fleet, input);
  };
  table["UpdateInferenceComponentRuntimeConfig"] = [&](const CallContext&, const json& input) {
    const int copies = input.at("DesiredRuntimeConfig").at("CopyCount");
    return json{{"InferenceComponentArn", change_copy_count(platform, fleet, name_of(input), copies).arn}};
  };
  table["DeleteInferenceComponent"] = [&](const CallContext&, const json& input) {
    return erase(platform, fleet, input);
  };
  table["DescribeInferenceComponent"] = [&](const CallContext& context, const json& input) {
    return describe(platform, fleet, context, input);
  };
  table["ListInferenceComponents"] = [&](const CallContext&, const json& input) {
    return list(platform, input);
  };
}

}  // namespace sagemaker::local::services
