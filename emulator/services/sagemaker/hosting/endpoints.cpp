#include "emulator/services/sagemaker/hosting/endpoints.hpp"

#include <algorithm>

#include "emulator/services/sagemaker/hosting/deployment_config.hpp"
#include "emulator/services/sagemaker/hosting/deployment_progress.hpp"
#include "emulator/services/sagemaker/hosting/endpoint_configs.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/hosting/inference_components.hpp"
#include "emulator/services/sagemaker/hosting/models.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/quota.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// Configuration and models as they are now: the endpoint lives on when they are deleted.
json deployment_of(Platform& platform, const std::string& config_name) {
  json deployment = {{"Config", find_endpoint_config(platform, config_name).document},
                     {"Models", json::object()}};
  const json none = json::array();
  for (const char* member : {"ProductionVariants", "ShadowProductionVariants"})
    for (const json& variant : deployment["Config"].value(member, none)) {
      if (!variant.contains("ModelName")) continue;  // for inference components
      const std::string name = variant["ModelName"];
      const auto model = platform.records.find(model_kind, name);
      if (!model) throw validation_fault("Could not find model \"" + platform.arn("model", name) + "\".");
      deployment["Models"][name] = model->document;
    }
  return deployment;
}

// What the variants of a configuration begin with, all together.
void check_instances(const Platform& platform, const json& config) {
  const json none = json::array();
  std::int64_t instances = 0;
  for (const char* member : {"ProductionVariants", "ShadowProductionVariants"})
    for (const json& variant : config.value(member, none)) {
      if (!variant.contains("InitialInstanceCount")) continue;
      instances += variant["InitialInstanceCount"].get<std::int64_t>();
      check_quota(variant.value("InstanceType", ""), "endpoint usage", instances,
                  platform.limits.runner.endpoint_instances_max);
    }
}

ServiceFault not_found(const Platform& platform, const std::string& name) {
  return validation_fault("Could not find endpoint \"" + platform.arn("endpoint", name) + "\".");
}

store::Record find(Platform& platform, const json& input) {
  const std::string name = input.at("EndpointName");
  const auto endpoint = platform.records.find(endpoint_kind, name);
  if (!endpoint) throw not_found(platform, name);
  return *endpoint;
}

bool busy(const store::Record& endpoint) {
  for (const char* status : {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
    if (endpoint.status == status) return true;
  return false;
}

void set_status(store::Record& endpoint, const std::string& status, std::int64_t now_ms) {
  endpoint.status = status;
  endpoint.modified_ms = now_ms;
  endpoint.document["EndpointStatus"] = status;
  endpoint.document["LastModifiedTime"] = timestamp(now_ms);
}

void require_idle(const store::Record& endpoint) {
  if (busy(endpoint)) throw validation_fault("Cannot update in-progress endpoint \"" + endpoint.arn + "\".");
}

json create(Platform& platform, hosting::Fleet& fleet, const json& input) {
  store::Record endpoint;
  endpoint.name = input.at("EndpointName");
  endpoint.arn = platform.arn("endpoint", endpoint.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing endpoint \"" + endpoint.arn + "\".");
  };
  if (platform.records.find(endpoint_kind, endpoint.name)) throw taken();
  const std::string config = input.at("EndpointConfigName");
  const json deployment = deployment_of(platform, config);
  check_instances(platform, deployment["Config"]);
  const json policy = input.value("DeploymentConfig", json::object());
  hosting::check_deployment_config(policy, deployment["Config"], nullptr);
  endpoint.created_ms = platform.now_ms();
  endpoint.document = {
      {"EndpointName", endpoint.name},
      {"EndpointArn", endpoint.arn},
      {"EndpointConfigName", config},
      {"CreationTime", timestamp(endpoint.created_ms)},
      {"PendingDeploymentSummary", hosting::pending_deployment(deployment["Config"], endpoint.created_ms)},
      {"_deployment", deployment}};
  if (!policy.empty()) endpoint.document["LastDeploymentConfig"] = policy;  // for updates that retain it
  set_status(endpoint, "Creating", endpoint.created_ms);
  if (!insert_tagged(platform, endpoint_kind, endpoint, input.value("Tags", json::array()))) throw taken();
  try {
    fleet.create(endpoint);
  } catch (...) {  // what nobody starts would be Creating until the next start
    erase_tagged(platform, endpoint_kind, endpoint);
    throw;
  }
  return {{"EndpointArn", endpoint.arn}};
}

// The variants of the new configuration that are there already keep what they have, and the endpoint its data
// capture, but for what `input` excludes.
void retain_properties(const json& input, const json& before, json& after) {
  const json none = json::array();
  const auto excluded = [&](const char* property) {
    for (const json& entry : input.value("ExcludeRetainedVariantProperties", none))
      if (entry.at("VariantPropertyType") == property) return true;
    return false;
  };
  for (json& variant : after.at("ProductionVariants"))
    for (const json& old : before.at("ProductionVariants")) {
      if (old.at("VariantName") != variant.at("VariantName")) continue;
      if (!excluded("DesiredWeight")) variant["InitialVariantWeight"] = old.at("InitialVariantWeight");
      if (!excluded("DesiredInstanceCount") && old.contains("InitialInstanceCount") &&
          variant.contains("InitialInstanceCount"))
        variant["InitialInstanceCount"] = old["InitialInstanceCount"];
    }
  if (excluded("DataCaptureConfig")) return;
  after.erase("DataCaptureConfig");
  if (before.contains("DataCaptureConfig")) after["DataCaptureConfig"] = before["DataCaptureConfig"];
}

// The record says that something is under way, or this throws. `whole`: of the whole endpoint, which also
// mends one whose last update neither went through nor could be rolled back.
store::Record begin_update(Platform& platform, const store::Record& endpoint, bool whole,
                           const std::function<void(json& document)>& note) {
  const auto updated = platform.records.update(endpoint_kind, endpoint.name, [&](store::Record& record) {
    require_idle(record);
    if (record.status != "InService" && !(whole && record.status == "UpdateRollbackFailed"))
      throw validation_fault("Cannot update endpoint \"" + record.arn + "\" in status " + record.status +
                             ".");
    set_status(record, "Updating", platform.now_ms());
    note(record.document);
  });
  if (!updated) throw not_found(platform, endpoint.name);  // deleted meanwhile
  return *updated;
}

bool serverless(const json& config) {
  const json& variants = config.at("ProductionVariants");
  return std::any_of(variants.begin(), variants.end(),
                     [](const json& variant) { return variant.contains("ServerlessConfig"); });
}

json update(Platform& platform, hosting::Fleet& fleet, const json& input) {
  const store::Record endpoint = find(platform, input);
  json deployment = deployment_of(platform, input.at("EndpointConfigName"));
  json policy = input.value("DeploymentConfig", json::object());
  if (input.value("RetainDeploymentConfig", false)) {
    if (input.contains("DeploymentConfig"))
      throw validation_fault(
          "You cannot specify DeploymentConfig in the request when RetainDeploymentConfig is set to true.");
    policy = endpoint.document.value("LastDeploymentConfig", json::object());
  }
  check_components_fit(platform, fleet, endpoint.name, deployment["Config"]);
  const store::Record updating = begin_update(platform, endpoint, true, [&](json& document) {
    const json& before = document.at("_deployment").at("Config");
    // The other way around is possible: see "Model deployment with serverless inference".
    if (serverless(deployment["Config"]) && !serverless(before))
      throw validation_fault("Cannot update endpoint \"" + endpoint.arn +
                             "\": an instance-based endpoint cannot be converted to a serverless endpoint.");
    if (input.value("RetainAllVariantProperties", false))
      retain_properties(input, before, deployment["Config"]);
    check_instances(platform, deployment["Config"]);
    hosting::check_deployment_config(policy, deployment["Config"], &before);
    document["PendingDeploymentSummary"] =
        hosting::pending_deployment(deployment["Config"], platform.now_ms());
    document.erase("FailureReason");
    document.erase("LastDeploymentConfig");
    if (!policy.empty()) document["LastDeploymentConfig"] = policy;
  });
  fleet.update(updating, deployment, policy);
  return {{"EndpointArn", endpoint.arn}};
}

// One entry of DesiredWeightsAndCapacities, checked against the variant as the endpoint has it.
hosting::VariantChange change_of(const json& entry, json& config, json& variants, const std::string& arn,
                                 std::int64_t now_ms) {
  const std::string name = entry.at("VariantName");
  json* known = nullptr;
  for (json& variant : config.at("ProductionVariants"))
    if (variant.at("VariantName") == name) known = &variant;
  if (known == nullptr)
    throw validation_fault("Could not find variant \"" + name + "\" of endpoint \"" + arn + "\".");
  const bool serverless = known->contains("ServerlessConfig");
  hosting::VariantChange change;
  if (entry.contains("DesiredWeight")) change.weight = entry["DesiredWeight"].get<double>();
  if (entry.contains("DesiredInstanceCount")) {
    if (serverless)
      throw validation_fault("DesiredInstanceCount cannot be given for the serverless variant \"" + name +
                             "\".");
    change.instances = entry["DesiredInstanceCount"].get<int>();
    if (*change.instances < 1 && !config.contains("AsyncInferenceConfig"))
      throw validation_fault(
          "Value '" + std::to_string(*change.instances) +
          "' at 'desiredWeightsAndCapacities.1.member.desiredInstanceCount' failed to satisfy "
          "constraint: Member must have value greater than or equal to 1");
  }
  if (entry.contains("ServerlessUpdateConfig")) {
    if (!serverless) throw validation_fault("The variant \"" + name + "\" is not serverless.");
    const json& update = entry["ServerlessUpdateConfig"];
    json& current = (*known)["ServerlessConfig"];
    for (const char* member : {"MaxConcurrency", "ProvisionedConcurrency"})
      if (update.contains(member)) current[member] = update[member];
    if (current.value("ProvisionedConcurrency", 0) > current.at("MaxConcurrency").get<int>())
      throw validation_fault("ProvisionedConcurrency cannot be greater than MaxConcurrency.");
    if (update.contains("MaxConcurrency")) change.max_concurrency = update["MaxConcurrency"].get<int>();
    if (update.contains("ProvisionedConcurrency"))
      change.provisioned_concurrency = update["ProvisionedConcurrency"].get<int>();
  }
  for (json& variant : variants) {
    if (variant.at("VariantName") != name) continue;
    if (change.weight) variant["DesiredWeight"] = *change.weight;
    if (change.instances) variant["DesiredInstanceCount"] = *change.instances;
    variant["VariantStatus"] = hosting::variant_status("Updating", "", now_ms);
  }
  return change;
}

json update_weights_and_capacities(Platform& platform, hosting::Fleet& fleet, const json& input) {
  const std::string name = input.at("EndpointName");
  const store::Record endpoint =
      change_weights_and_capacities(platform, fleet, name, input.at("DesiredWeightsAndCapacities"));
  return {{"EndpointArn", endpoint.arn}};
}

json erase(Platform& platform, hosting::Fleet& fleet, const json& input) {
  const store::Record endpoint = find(platform, input);
  if (const auto components = components_of(platform, endpoint.name); !components.empty())
    throw validation_fault(
        "Cannot delete endpoint \"" + endpoint.arn +
        "\" because it has inference components attached. Delete the inference component \"" +
        components.front().name + "\" first.");
  platform.records.update(endpoint_kind, endpoint.name, [&](store::Record& record) {
    require_idle(record);
    set_status(record, "Deleting", platform.now_ms());
  });
  erase_tags(platform, endpoint.arn);
  fleet.remove(endpoint.name);
  return json::object();
}

json describe(Platform& platform, const CallContext& context, const json& input) {
  const std::string name = input.at("EndpointName");
  const auto endpoint = find_settled(platform, context, endpoint_kind, name, busy);
  if (!endpoint) throw not_found(platform, name);
  json document = endpoint->document;
  for (const char* member : {"_deployment", "_committed"}) document.erase(member);
  return document;
}

}  // namespace

store::Record change_weights_and_capacities(Platform& platform, hosting::Fleet& fleet,
                                            const std::string& name, const json& desired) {
  const auto endpoint = platform.records.find(endpoint_kind, name);
  if (!endpoint) throw not_found(platform, name);
  json wanted = endpoint->document.at("_deployment").at("Config");
  for (json& variant : wanted.at("ProductionVariants"))
    for (const json& entry : desired)
      if (entry.at("VariantName") == variant.at("VariantName") && entry.contains("DesiredInstanceCount"))
        variant["InitialInstanceCount"] = entry["DesiredInstanceCount"];
  check_instances(platform, wanted);
  check_components_fit(platform, fleet, name, wanted);
  hosting::VariantChanges changes;
  const store::Record updating = begin_update(platform, *endpoint, false, [&](json& document) {
    json& config = document.at("_deployment").at("Config");
    for (const json& entry : desired) {
      const std::string variant = entry.at("VariantName");
      if (!changes
               .emplace(variant, change_of(entry, config, document.at("ProductionVariants"), endpoint->arn,
                                           platform.now_ms()))
               .second)
        throw validation_fault("Variant names must be unique: \"" + variant + "\".");
    }
  });
  fleet.change(updating, changes);
  return updating;
}

void add_endpoint_operations(OperationTable& table, Platform& platform, hosting::Fleet& fleet) {
  table["CreateEndpoint"] = [&](const CallContext&, const json& input) {
    return create(platform, fleet, input);
  };
  table["UpdateEndpoint"] = [&](const CallContext&, const json& input) {
    return update(platform, fleet, input);
  };
  table["UpdateEndpointWeightsAndCapacities"] = [&](const CallContext&, const json& input) {
    return update_weights_and_capacities(platform, fleet, input);
  };
  table["DeleteEndpoint"] = [&](const CallContext&, const json& input) {
    return erase(platform, fleet, input);
  };
  table["DescribeEndpoint"] = [&](const CallContext& context, const json& input) {
    return describe(platform, context, input);
  };
  table["ListEndpoints"] = [&](const CallContext&, const json& input) {
    return list_records(platform.records, endpoint_kind, input, "Endpoints",
                        [](const store::Record& endpoint) {
                          return json{{"EndpointName", endpoint.name},
                                      {"EndpointArn", endpoint.arn},
                                      {"CreationTime", timestamp(endpoint.created_ms)},
                                      {"LastModifiedTime", timestamp(endpoint.modified_ms)},
                                      {"EndpointStatus", endpoint.status}};
                        });
  };
}

}  // namespace sagemaker::local::services
