// Creating and updating endpoints: what every kind of model does in the end.
#pragma once

#include <string>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/hosting_request.hpp>
#include <sagemaker/detail/tags.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker::detail {

// A model of that name that is there already is used as it is.
inline void create_model(const Session& session, const json& request) {
  const std::string name = text_of(request, "ModelName");
  session.print("Creating model with name: " + name);
  try {
    session.sagemaker().create_model(request);
  } catch (const ServiceError& error) {
    if (error.message().find("Cannot create already existing model") == std::string::npos) throw;
    session.print("Using already existing model: " + name);
  }
}

inline void create_endpoint_config(const Session& session, const json& config) {
  session.print("Creating endpoint-config with name " + text_of(config, "EndpointConfigName"));
  session.sagemaker().create_endpoint_config(config);
}

// The configuration and an endpoint of the same name.
inline void create_endpoint(const Session& session, const json& config, const DeployOptions& options) {
  const std::string name = text_of(config, "EndpointConfigName");
  create_endpoint_config(session, config);
  session.print("Creating endpoint with name " + name);
  session.sagemaker().create_endpoint(
      object({{"EndpointName", name}, {"EndpointConfigName", name}, {"Tags", tag_documents(options.tags)}}));
  if (options.wait) session.wait_for_endpoint(name, {.logs = options.endpoint_logging});
}

inline bool is_missing(const ServiceError& error) {
  return error.code() == "ValidationException" && error.message().find("Could not find") != std::string::npos;
}

struct EndpointUpdate {
  std::string endpoint_name;
  std::string config_name;
  bool wait = true;
  bool logs = false;
};
inline void update_endpoint(const Session& session, const EndpointUpdate& update) {
  try {
    session.describe_endpoint(update.endpoint_name);
  } catch (const ServiceError& error) {
    if (!is_missing(error)) throw;
    throw ConfigError("Endpoint with name '" + update.endpoint_name +
                      "' does not exist; please use an existing endpoint name");
  }
  session.sagemaker().update_endpoint(
      object({{"EndpointName", update.endpoint_name}, {"EndpointConfigName", update.config_name}}));
  if (update.wait) session.wait_for_endpoint(update.endpoint_name, {.logs = update.logs});
}

struct ModelDeployment {
  std::string model_name;
  std::string endpoint_name;
};

inline bool endpoint_in_service(const Session& session, const std::string& name) {
  try {
    return text_of(session.describe_endpoint(name), "EndpointStatus") == "InService";
  } catch (const ServiceError& error) {
    if (!is_missing(error)) throw;
    return false;
  }
}

// A model on an endpoint: a new one of the configuration's name, or with update_endpoint one that is there,
// whose new configuration then has the model's name, as in the SDK.
inline void deploy_model(const Session& session, const ModelDeployment& deployment,
                         const DeployOptions& options) {
  json config = endpoint_config_document(
      session, options.update_endpoint ? deployment.model_name : deployment.endpoint_name,
      variant_document(deployment.model_name, options), options);
  if (options.async_inference_config) {
    config["AsyncInferenceConfig"] =
        async_document(session, *options.async_inference_config, deployment.model_name);
  }
  if (!options.update_endpoint) return create_endpoint(session, config, options);
  create_endpoint_config(session, config);
  update_endpoint(session,
                  {deployment.endpoint_name, deployment.model_name, options.wait, options.endpoint_logging});
}

// What a new configuration changes in an old one; what is null stays.
struct ConfigChanges {
  std::string new_name;
  json tags = {};
  std::string kms_key = {};
  json data_capture = {};
  json variants = {};
  bool components = false;  // inference components: their variants have no weights
};

// The SDK's create_endpoint_config_from_existing. Unlike it, everything else of the old configuration stays
// as well: shadow variants, VPC and network isolation.
inline void copy_endpoint_config(const Session& session, const std::string& existing,
                                 const ConfigChanges& changes) {
  const json old = session.describe_endpoint_config(existing);
  json request = object({{"EndpointConfigName", changes.new_name}});
  for (const char* member :
       {"ProductionVariants", "KmsKeyId", "DataCaptureConfig", "AsyncInferenceConfig", "ExplainerConfig",
        "ShadowProductionVariants", "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation"}) {
    if (const auto found = old.find(member); found != old.end() && !found->is_null())
      request[member] = *found;
  }
  if (!changes.variants.is_null()) request["ProductionVariants"] = changes.variants;
  if (changes.components) {
    for (json& variant : request["ProductionVariants"]) variant.erase("InitialVariantWeight");
  }
  json tags = changes.tags;
  if (tags.empty()) tags = tag_documents(tags_of(session, text_of(old, "EndpointConfigArn")));
  if (!tags.empty()) request["Tags"] = std::move(tags);
  set_if(request, "KmsKeyId", changes.kms_key);
  if (!changes.data_capture.is_null()) request["DataCaptureConfig"] = changes.data_capture;
  create_endpoint_config(session, request);
}

}  // namespace sagemaker::detail
