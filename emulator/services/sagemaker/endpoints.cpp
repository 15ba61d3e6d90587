#include "emulator/services/sagemaker/endpoints.hpp"

#include "emulator/services/sagemaker/endpoint_configs.hpp"
#include "emulator/services/sagemaker/endpoint_fleet.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/models.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// Configuration and models as they are now: the endpoint lives on when they are deleted.
json deployment_of(Platform& platform, const std::string& config_name) {
  json deployment = {{"Config", find_endpoint_config(platform, config_name).document},
                     {"Models", json::object()}};
  for (const json& variant : deployment["Config"].at("ProductionVariants")) {
    const std::string name = variant.at("ModelName");
    const auto model = platform.records.find(model_kind, name);
    if (!model) throw validation_fault("Could not find model \"" + platform.arn("model", name) + "\".");
    deployment["Models"][name] = model->document;
  }
  return deployment;
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

json create(Platform& platform, EndpointFleet& fleet, const json& input) {
  store::Record endpoint;
  endpoint.name = input.at("EndpointName");
  endpoint.arn = platform.arn("endpoint", endpoint.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing endpoint \"" + endpoint.arn + "\".");
  };
  if (platform.records.find(endpoint_kind, endpoint.name)) throw taken();
  const std::string config = input.at("EndpointConfigName");
  endpoint.created_ms = platform.now_ms();
  endpoint.document = {{"EndpointName", endpoint.name},
                       {"EndpointArn", endpoint.arn},
                       {"EndpointConfigName", config},
                       {"CreationTime", timestamp(endpoint.created_ms)},
                       {"_deployment", deployment_of(platform, config)}};
  set_status(endpoint, "Creating", endpoint.created_ms);
  if (!platform.records.insert(endpoint_kind, endpoint)) throw taken();
  try {
    set_tags(platform, endpoint.arn, input.value("Tags", json::array()));
    fleet.create(endpoint);
  } catch (...) {  // what nobody starts would be Creating until the next start
    platform.records.erase(endpoint_kind, endpoint.name);
    erase_tags(platform, endpoint.arn);
    throw;
  }
  return {{"EndpointArn", endpoint.arn}};
}

json update(Platform& platform, EndpointFleet& fleet, const json& input) {
  for (const char* member : {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties",
                             "DeploymentConfig", "RetainDeploymentConfig"})
    if (input.contains(member) && input[member] != false)
      throw validation_fault(std::string(member) + " is not implemented by sagemaker-local yet.");
  const store::Record endpoint = find(platform, input);
  const json deployment = deployment_of(platform, input.at("EndpointConfigName"));
  const auto updated = platform.records.update(endpoint_kind, endpoint.name, [&](store::Record& record) {
    require_idle(record);
    if (record.status != "InService")
      throw validation_fault("Cannot update endpoint \"" + record.arn + "\" in status " + record.status +
                             ".");
    set_status(record, "Updating", platform.now_ms());
  });
  if (!updated) throw not_found(platform, endpoint.name);  // deleted meanwhile
  fleet.update(endpoint, deployment);
  return {{"EndpointArn", endpoint.arn}};
}

json erase(Platform& platform, EndpointFleet& fleet, const json& input) {
  const store::Record endpoint = find(platform, input);
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
  document.erase("_deployment");
  return document;
}

}  // namespace

void add_endpoint_operations(OperationTable& table, Platform& platform, EndpointFleet& fleet) {
  table["CreateEndpoint"] = [&](const CallContext&, const json& input) {
    return create(platform, fleet, input);
  };
  table["UpdateEndpoint"] = [&](const CallContext&, const json& input) {
    return update(platform, fleet, input);
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
