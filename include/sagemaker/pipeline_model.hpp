// Several containers behind one endpoint: the SageMaker Python SDK's PipelineModel, in which each container
// gets the answer of the one before it; or, with inference_execution_mode "Direct", containers that are
// invoked one by one, by their container_hostname.
//   sm::PipelineModel model{session, {features, classifier}};
//   auto predictor = model.deploy({.instance_type = "ml.m5.large"});
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sagemaker/detail/endpoints.hpp>
#include <sagemaker/detail/hosting_request.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/transformer.hpp>

namespace sagemaker {

struct PipelineModelOptions {
  std::string role = {};  // ARN or name; empty: execution_role(session)
  std::string name = {};  // empty: made from the first image's name and the time
  std::vector<std::string> subnets = {};
  std::vector<std::string> security_group_ids = {};
  bool enable_network_isolation = false;
  std::string inference_execution_mode = {};  // "Serial" (the service's default) or "Direct"
};

class PipelineModel {
 public:
  // 2 to 15 models, in the order in which they run.
  PipelineModel(Session session, std::vector<Model> models, PipelineModelOptions options = {})
      : session_(std::move(session)), models_(std::move(models)), options_(std::move(options)) {
    if (models_.empty()) throw ConfigError("A pipeline model needs models");
  }

  const std::string& name() const { return options_.name; }

  // CreateModel with all containers. Returns the name.
  const std::string& create(const DeployOptions& options = {}) {
    json containers = json::array();
    for (Model& model : models_) containers.push_back(model.container_definition(options));
    if (options_.name.empty()) {
      options_.name = detail::name_from_base(
          detail::base_name_from_image(detail::text_of(containers.front(), "Image")), session_.clock().now());
    }
    const std::string role =
        options_.role.empty() ? execution_role(session_) : expand_role(session_, options_.role);
    json request = detail::object({{"ModelName", options_.name}, {"ExecutionRoleArn", role}});
    request["Containers"] = std::move(containers);
    if (!options_.inference_execution_mode.empty())
      request["InferenceExecutionConfig"] = detail::object({{"Mode", options_.inference_execution_mode}});
    const json vpc = detail::vpc_document(options_.subnets, options_.security_group_ids);
    if (!vpc.is_null()) request["VpcConfig"] = vpc;
    if (options_.enable_network_isolation) request["EnableNetworkIsolation"] = true;
    detail::create_model(session_, request);
    return options_.name;
  }

  // An endpoint of its own, called as the model unless told otherwise, or with update_endpoint the one that
  // is named.
  Predictor deploy(const DeployOptions& options) {
    detail::check_deploy(options);
    if (options.resources) throw ConfigError("Inference components of several containers are not supported");
    create(options);
    const std::string endpoint = options.endpoint_name.empty() ? options_.name : options.endpoint_name;
    detail::deploy_model(session_, {.model_name = options_.name, .endpoint_name = endpoint}, options);
    PredictorOptions predictor{.endpoint_name = endpoint};
    if (options.serializer) predictor.serializer = *options.serializer;
    if (options.deserializer) predictor.deserializer = *options.deserializer;
    return Predictor(session_, std::move(predictor), {options_.name});
  }

  // Creates the model, for batch transform: each record goes through all containers. Its jobs are called as
  // the model unless told otherwise.
  Transformer transformer(TransformerOptions options) {
    detail::check_transformer(options);
    options.model_name = create({.instance_type = options.instance_type});
    if (options.base_transform_job_name.empty())
      options.base_transform_job_name = detail::base_of_name(options_.name);
    return Transformer(session_, std::move(options));
  }

  void delete_model() const {
    if (options_.name.empty())
      throw ConfigError("The SageMaker model must be created before attempting to delete.");
    session_.sagemaker().delete_model(detail::object({{"ModelName", options_.name}}));
  }

 private:
  Session session_;
  std::vector<Model> models_;
  PipelineModelOptions options_;
};

}  // namespace sagemaker
