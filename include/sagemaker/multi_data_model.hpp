// Many models behind one endpoint: the SageMaker Python SDK's MultiDataModel. Its archives lie below one
// prefix in S3, are loaded when they are first asked for, and may come and go while the endpoint runs.
//   sm::MultiDataModel models{session, {.name = "mine", .model_data_prefix = "s3://bucket/models/"},
//                             {.entry_point = "serve.cpp"}};
//   models.add_model("trained/model.tar.gz", "a.tar.gz");
//   auto predictor = models.deploy({.instance_type = "ml.m5.large"});
//   predictor.predict(rows, {.target_model = "a.tar.gz"});
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/detail/endpoints.hpp>
#include <sagemaker/detail/hosting_request.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

struct MultiDataModelOptions {
  std::string name;               // of the model, and of the endpoint unless told otherwise
  std::string model_data_prefix;  // s3://bucket/prefix/
};

class MultiDataModel {
 public:
  // The container that serves all models is that of `model`; a model_data of its own is not used.
  MultiDataModel(Session session, MultiDataModelOptions options, Model model)
      : session_(std::move(session)), options_(std::move(options)), model_(std::move(model)) {
    if (options_.name.empty()) throw ConfigError("A multi-model endpoint needs a name");
    if (!options_.model_data_prefix.starts_with("s3://")) {
      throw ConfigError("Expecting S3 model prefix beginning with \"s3://\". Received: \"" +
                        options_.model_data_prefix + "\"");
    }
  }
  MultiDataModel(const Session& session, MultiDataModelOptions options, ModelOptions model)
      : MultiDataModel(session, std::move(options), Model(session, std::move(model))) {}

  const std::string& name() const { return options_.name; }

  const std::string& create(const DeployOptions& options = {}) {
    json container = model_.container_definition(options);
    container.erase("ModelDataSource");
    container["ModelDataUrl"] = options_.model_data_prefix;
    container["Mode"] = "MultiModel";
    json request = detail::object({{"ModelName", options_.name},
                                   {"ExecutionRoleArn", model_.role_arn()},
                                   {"PrimaryContainer", std::move(container)}});
    if (!options.tags.empty()) request["Tags"] = detail::tag_documents(options.tags);
    const ModelOptions& model = model_.options();
    const json vpc = detail::vpc_document(model.subnets, model.security_group_ids);
    if (!vpc.is_null()) request["VpcConfig"] = vpc;
    if (model.enable_network_isolation) request["EnableNetworkIsolation"] = true;
    detail::create_model(session_, request);
    return options_.name;
  }

  Predictor deploy(const DeployOptions& options) {
    detail::check_deploy(options);
    if (options.update_endpoint) throw ConfigError("A multi-model endpoint is not updated by deploying it");
    if (options.async_inference_config || options.serverless_inference_config || options.resources) {
      throw ConfigError(
          "A multi-model endpoint is neither asynchronous nor serverless, and has no inference components");
    }
    create(options);
    const std::string endpoint = options.endpoint_name.empty() ? options_.name : options.endpoint_name;
    detail::create_endpoint(
        session_,
        detail::endpoint_config_document(session_, endpoint, detail::variant_document(options_.name, options),
                                         options),
        options);
    Predictor predictor = model_.predictor_of(endpoint, options);
    predictor.set_model_names({options_.name});
    return predictor;
  }

  // Puts a model.tar.gz, a local file or s3://..., below the prefix: under `model_data_path`, else under the
  // file's name or the object's key. Returns where it lies.
  std::string add_model(const std::string& model_data_source, const std::string& model_data_path = {}) const {
    const S3Uri prefix(options_.model_data_prefix);
    if (model_data_source.starts_with("s3://")) {
      const S3Uri source(model_data_source);
      const S3Uri target = prefix / (model_data_path.empty() ? source.key() : model_data_path);
      session_.s3().copy({.from = source, .to = target, .scope = S3Scope::object});
      return target.text();
    }
    const std::filesystem::path file(model_data_source);
    if (!std::filesystem::is_regular_file(file)) {
      throw ConfigError("model_source must either be a valid local file path or s3 uri. Received: \"" +
                        model_data_source + "\"");
    }
    const S3Uri target = prefix / (model_data_path.empty() ? file.filename().string() : model_data_path);
    session_.s3().upload({.from = file, .to = target});
    return target.text();
  }

  // What may be named as target_model: the paths of all archives below the prefix.
  std::vector<std::string> list_models() const {
    const S3Uri prefix(options_.model_data_prefix);
    std::vector<std::string> models;
    for (const std::string& key : session_.list_s3_files(prefix)) {
      std::string path = key.substr(prefix.key().size());
      if (path.starts_with('/')) path.erase(0, 1);
      if (!path.empty() && !path.ends_with('/')) models.push_back(std::move(path));
    }
    return models;
  }

  void delete_model() const {
    session_.sagemaker().delete_model(detail::object({{"ModelName", options_.name}}));
  }

 private:
  Session session_;
  MultiDataModelOptions options_;
  Model model_;
};

}  // namespace sagemaker
