#include "emulator/services/sagemaker/hosting/endpoint_configs.hpp"

#include <algorithm>
#include <set>

#include "emulator/services/sagemaker/hosting/models.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

void refuse_unimplemented(const json& input) {
  const auto refuse = [](const std::string& what) {
    throw validation_fault(what + " is not implemented by sagemaker-local yet.");
  };
  for (const char* member : {"ExplainerConfig", "MetricsConfig"})
    if (input.contains(member)) refuse(member);
  const json none = json::array();
  for (const char* list : {"ProductionVariants", "ShadowProductionVariants"})
    for (const json& variant : input.value(list, none))
      for (const char* member :
           {"AcceleratorType", "InstancePools", "CoreDumpConfig", "CapacityReservationConfig"})
        if (variant.contains(member)) refuse(std::string(list) + "." + member);
}

void check_serverless(const std::string& name, const json& variant, const json& input) {
  const json& serverless = variant["ServerlessConfig"];
  for (const char* member : {"InstanceType", "InitialInstanceCount"})
    if (variant.contains(member))
      throw validation_fault(std::string(member) + " cannot be given together with ServerlessConfig.");
  const int memory = serverless.at("MemorySizeInMB");
  if (memory % 1024 != 0)
    throw validation_fault(
        "1 validation error detected: Value '" + std::to_string(memory) +
        "' at 'productionVariants.1.member.serverlessConfig.memorySizeInMB' failed to satisfy "
        "constraint: Member must satisfy enum value set: [1024, 2048, 3072, 4096, 5120, 6144]");
  if (serverless.value("ProvisionedConcurrency", 0) > serverless.at("MaxConcurrency").get<int>())
    throw validation_fault("ProvisionedConcurrency cannot be greater than MaxConcurrency.");
  for (const char* member : {"AsyncInferenceConfig", "ShadowProductionVariants"})
    if (input.contains(member))
      throw validation_fault(std::string(member) + " is not supported with the serverless variant \"" + name +
                             "\".");
  if (input.value("DataCaptureConfig", json::object()).value("EnableCapture", false))
    throw validation_fault("DataCaptureConfig is not supported with the serverless variant \"" + name +
                           "\".");
}

void check_model(Platform& platform, const json& variant, bool serverless) {
  const std::string name = variant["ModelName"];
  const auto model = platform.records.find(model_kind, name);
  if (!model) throw validation_fault("Could not find model \"" + platform.arn("model", name) + "\".");
  if (!serverless) return;
  const auto containers = hosting::container_definitions(model->document);
  if (containers.size() > 1 || containers.front().value("Mode", "SingleModel") == "MultiModel")
    throw validation_fault("Serverless inference supports models with one container and one model only.");
}

void check_variant(Platform& platform, const json& variant, const json& input) {
  const std::string name = variant.at("VariantName");
  const bool serverless = variant.contains("ServerlessConfig");
  if (serverless) {
    check_serverless(name, variant, input);
  } else {
    for (const char* member : {"InstanceType", "InitialInstanceCount"})
      if (!variant.contains(member))
        throw validation_fault("Production variant \"" + name + "\" must contain " + member + ".");
  }
  if (variant.contains("ModelName")) return check_model(platform, variant, serverless);
  // Inference components bring the models, and the role of their containers is the configuration's.
  if (serverless) throw validation_fault("Production variant \"" + name + "\" must contain ModelName.");
  if (!input.contains("ExecutionRoleArn"))
    throw validation_fault("ExecutionRoleArn is required when a production variant has no ModelName.");
}

void check_managed_scaling(const std::string& name, const json& variant) {
  const json scaling = variant.value("ManagedInstanceScaling", json::object());
  if (scaling.value("Status", "") != "ENABLED") return;
  if (variant.contains("ModelName"))
    throw validation_fault("ManagedInstanceScaling is not supported for the production variant \"" + name +
                           "\", which has a ModelName: only inference components are scaled with it.");
  const int initial = variant.at("InitialInstanceCount");
  const int least = scaling.value("MinInstanceCount", 1), most = scaling.value("MaxInstanceCount", initial);
  if (initial < least || initial > most)
    throw validation_fault("InitialInstanceCount of the production variant \"" + name +
                           "\" must be between MinInstanceCount and MaxInstanceCount of its "
                           "ManagedInstanceScaling.");
}

// All models are the configuration's own, or all of them are inference components.
void check_models_or_components(const json& input) {
  const json& variants = input["ProductionVariants"];
  const auto with_model = std::count_if(variants.begin(), variants.end(),
                                        [](const json& variant) { return variant.contains("ModelName"); });
  if (with_model == 0 &&
      (input.contains("ShadowProductionVariants") || input.contains("AsyncInferenceConfig")))
    throw validation_fault(
        "ShadowProductionVariants and AsyncInferenceConfig are not supported for production variants without "
        "ModelName.");
  if (with_model != 0 && static_cast<std::size_t>(with_model) != variants.size())
    throw validation_fault("Either all production variants must contain ModelName, or none.");
}

void check_variants(Platform& platform, const json& input) {
  const json none = json::array();
  std::set<std::string> names;
  for (const char* list : {"ProductionVariants", "ShadowProductionVariants"})
    for (const json& variant : input.value(list, none)) {
      const std::string name = variant.at("VariantName");
      if (!names.insert(name).second)
        throw validation_fault("Variant names must be unique: \"" + name + "\".");
      check_variant(platform, variant, input);
      check_managed_scaling(name, variant);
    }
  check_models_or_components(input);
  if (!input.contains("ShadowProductionVariants")) return;
  if (input["ProductionVariants"].size() != 1 || input["ShadowProductionVariants"].size() != 1)
    throw validation_fault(
        "An endpoint configuration with ShadowProductionVariants must have exactly one production variant "
        "and one "
        "shadow variant.");
}

void check_s3_path(const json& parent, const char* member) {
  if (parent.contains(member)) parse_s3_uri(parent[member].get<std::string>());
}

void check_async(const json& input) {
  if (!input.contains("AsyncInferenceConfig")) return;
  const json& output = input["AsyncInferenceConfig"].at("OutputConfig");
  check_s3_path(output, "S3OutputPath");
  check_s3_path(output, "S3FailurePath");
  if (input["ProductionVariants"].size() != 1)
    throw validation_fault("An asynchronous endpoint must have exactly one production variant.");
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
  check_variants(platform, input);
  check_async(input);
  check_s3_path(input.value("DataCaptureConfig", json::object()), "DestinationS3Uri");
  config.created_ms = platform.now_ms();
  config.document = input;
  config.document.erase("Tags");
  config.document["EndpointConfigArn"] = config.arn;
  config.document["CreationTime"] = timestamp(config.created_ms);
  config.document.emplace("EnableNetworkIsolation", false);
  for (const char* list : {"ProductionVariants", "ShadowProductionVariants"})
    if (config.document.contains(list))
      for (json& variant : config.document[list]) variant.emplace("InitialVariantWeight", 1.0);
  if (!insert_tagged(platform, endpoint_config_kind, config, input.value("Tags", json::array())))
    throw taken();
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
    erase_tagged(platform, endpoint_config_kind, config);
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
