#include "emulator/services/sagemaker/endpoint_configs.hpp"

#include <set>

#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/models.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

void refuse_unimplemented(const json& input) {
  const auto refuse = [](const std::string& what) {
    throw validation_fault(what + " is not implemented by sagemaker-local yet.");
  };
  for (const char* member :
       {"AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "MetricsConfig"})
    if (input.contains(member)) refuse(member);
  if (input.value("DataCaptureConfig", json::object()).value("EnableCapture", false))
    refuse("DataCaptureConfig");
  for (const json& variant : input.at("ProductionVariants"))
    for (const char* member :
         {"ServerlessConfig", "ManagedInstanceScaling", "CoreDumpConfig", "CapacityReservationConfig"})
      if (variant.contains(member)) refuse(std::string("ProductionVariants.") + member);
}

void check_variants(Platform& platform, const json& variants) {
  std::set<std::string> names;
  for (const json& variant : variants) {
    const std::string name = variant.at("VariantName");
    if (!names.insert(name).second) throw validation_fault("Variant names must be unique: \"" + name + "\".");
    if (!variant.contains("ModelName"))
      throw validation_fault(
          "A variant without ModelName (for inference components) is not implemented by sagemaker-local "
          "yet.");
    for (const char* member : {"InstanceType", "InitialInstanceCount"})
      if (!variant.contains(member))
        throw validation_fault("Production variant \"" + name + "\" must contain " + member + ".");
    const std::string model = variant["ModelName"];
    if (!platform.records.find(model_kind, model))
      throw validation_fault("Could not find model \"" + platform.arn("model", model) + "\".");
  }
}

json create(Platform& platform, const json& input) {
  refuse_unimplemented(input);
  store::Record config;
  config.name = input.at("EndpointConfigName");
  config.arn = platform.arn("endpoint-config", config.name);
  const auto taken = [&] {
    return validation_fault("Cannot create already existing endpoint configuration \"" + config.arn + "\".");
  };
  if (platform.records.find(endpoint_config_kind, config.name)) throw taken();
  check_variants(platform, input["ProductionVariants"]);
  config.created_ms = platform.now_ms();
  config.document = input;
  config.document.erase("Tags");
  config.document["EndpointConfigArn"] = config.arn;
  config.document["CreationTime"] = timestamp(config.created_ms);
  config.document.emplace("EnableNetworkIsolation", false);
  for (json& variant : config.document["ProductionVariants"]) variant.emplace("InitialVariantWeight", 1.0);
  if (!platform.records.insert(endpoint_config_kind, config)) throw taken();
  set_tags(platform, config.arn, input.value("Tags", json::array()));
  return {{"EndpointConfigArn", config.arn}};
}

}  // namespace

store::Record find_endpoint_config(Platform& platform, const std::string& name) {
  const auto config = platform.records.find(endpoint_config_kind, name);
  if (!config)
    throw validation_fault("Could not find endpoint configuration \"" +
                           platform.arn("endpoint-config", name) + "\".");
  return *config;
}

void add_endpoint_config_operations(OperationTable& table, Platform& platform) {
  const auto name_of = [](const json& input) { return input.at("EndpointConfigName").get<std::string>(); };
  table["CreateEndpointConfig"] = [&](const CallContext&, const json& input) {
    return create(platform, input);
  };
  table["DescribeEndpointConfig"] = [&platform, name_of](const CallContext&, const json& input) {
    return find_endpoint_config(platform, name_of(input)).document;
  };
  // An endpoint keeps what it was made from: deleting the configuration of a running endpoint is allowed, and
  // usual.
  table["DeleteEndpointConfig"] = [&platform, name_of](const CallContext&, const json& input) {
    const store::Record config = find_endpoint_config(platform, name_of(input));
    platform.records.erase(endpoint_config_kind, config.name);
    erase_tags(platform, config.arn);
    return json::object();
  };
  table["ListEndpointConfigs"] = [&](const CallContext&, const json& input) {
    return list_records(platform.records, endpoint_config_kind, input, "EndpointConfigs",
                        [](const store::Record& config) {
                          return json{{"EndpointConfigName", config.name},
                                      {"EndpointConfigArn", config.arn},
                                      {"CreationTime", timestamp(config.created_ms)}};
                        });
  };
}

}  // namespace sagemaker::local::services
