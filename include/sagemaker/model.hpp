// A model that can be deployed: a container image, the archive of what was trained, and for script mode the
// sources.
//   sm::Model model{session, {.model_data = "s3://bucket/model.tar.gz", .entry_point = "serve.cpp"}};
//   auto predictor = model.deploy({.instance_type = "ml.m5.large"});
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/detail/endpoints.hpp>
#include <sagemaker/detail/hosting_request.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/hosting_options.hpp>
#include <sagemaker/image_uris.hpp>
#include <sagemaker/model_archive.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/source_archive.hpp>
#include <sagemaker/transformer.hpp>

namespace sagemaker {

// The image of C++ script mode in the caller's own registry: for models that bring their code in the archive.
inline std::string sagemaker_cpp_image(const Session& session) {
  const std::string region = session.region();
  return session.account_id() + ".dkr.ecr." + region + "." + aws::dns_suffix(region) +
         "/sagemaker-cpp:latest";
}

namespace detail {

inline std::string image_or_default(const Session& session, const std::string& image_uri,
                                    const std::string& entry_point) {
  if (!image_uri.empty()) return image_uri;
  if (is_cpp_source(entry_point)) return sagemaker_cpp_image(session);
  throw ConfigError(entry_point.empty()
                        ? "image_uri is missing: name a container image, or a C++ file as entry_point"
                        : "image_uri is missing: \"" + entry_point +
                              "\" is no C++ source, so no image is known for it "
                              "(sm::PyTorch and sm::PyTorchModel know those of Python scripts)");
}

// Whether source_dir names an archive that lies in S3 already: nothing is packed or uploaded then.
inline bool is_uploaded(const std::string& source_dir) { return source_dir.starts_with("s3://"); }

// What distinguishes the model of a framework from any other: AWS's images, chosen when it is deployed, and a
// script that travels inside the model's archive.
struct FrameworkTraits {
  std::string name;  // "pytorch"
  Serializer serializer;
  Deserializer deserializer;
};

}  // namespace detail

// Copies know what the original has uploaded so far.
class Model {
 public:
  Model(Session session, ModelOptions options) : Model(std::move(session), std::move(options), std::nullopt) {
    if (!options_.framework_version.empty() || !options_.py_version.empty() || options_.model_server_workers)
      throw ConfigError("framework_version, py_version and model_server_workers are for sm::PyTorchModel");
  }

  const std::string& name() const { return options_.name; }
  const ModelOptions& options() const { return options_; }
  const Session& session() const { return session_; }
  // The inference component that deploy() made; empty where it made none.
  const std::string& inference_component_name() const { return component_; }

  // CreateModel. A model of that name that is there already is used as it is, as in the SDK. Returns the
  // name. The images of frameworks are chosen by an instance type.
  const std::string& create(const std::vector<Tag>& tags = {}, const std::string& instance_type = {}) {
    return create({.instance_type = instance_type, .tags = tags});
  }

  // Creates the model, an endpoint configuration and an endpoint, waits until it is InService and returns
  // what talks to it. Throws UnexpectedStatus with the FailureReason where the endpoint fails.
  Predictor deploy(const DeployOptions& options) {
    detail::check_deploy(options);
    if (options.resources) return deploy_component(options);
    create(options);
    const std::string endpoint = endpoint_name(options);
    detail::deploy_model(session_, {.model_name = options_.name, .endpoint_name = endpoint}, options);
    return predictor_of(endpoint, options);
  }

  // Creates the model, for batch transform with the options. Its jobs are called as the model unless told
  // otherwise. As in the SDK, a model with network isolation gets no env but its own.
  Transformer transformer(TransformerOptions options) {
    detail::check_transformer(options);
    create(options.tags, options.instance_type);
    options.model_name = options_.name;
    if (options_.enable_network_isolation) options.env.clear();
    if (options.base_transform_job_name.empty())
      options.base_transform_job_name = detail::base_of_name(options_.name);
    return Transformer(session_, std::move(options));
  }

  void delete_model() const {
    if (options_.name.empty())
      throw ConfigError("The SageMaker model must be created first before attempting to delete.");
    session_.sagemaker().delete_model(detail::object({{"ModelName", options_.name}}));
  }

  // The container's definition in CreateModel: the SDK's prepare_container_def. Packs the sources and uploads
  // them, once.
  json container_definition(const DeployOptions& options = {}) {
    const std::string image = image_for(options);
    std::map<std::string, std::string> env = options_.env;
    if (!options_.entry_point.empty()) {
      if (!code_) code_ = stage_code(image);
      env.emplace("SAGEMAKER_PROGRAM", code_->program);
      env.emplace("SAGEMAKER_SUBMIT_DIRECTORY", code_->submit_directory);
    }
    if (!options_.entry_point.empty() || framework_) {
      env.emplace("SAGEMAKER_CONTAINER_LOG_LEVEL", std::to_string(options_.container_log_level));
      env.emplace("SAGEMAKER_REGION", session_.region());
    }
    if (options_.model_server_workers)
      env.emplace("SAGEMAKER_MODEL_SERVER_WORKERS", std::to_string(*options_.model_server_workers));
    json document = detail::object({{"Image", image}, {"Environment", detail::text_object(env)}});
    detail::set_if(document, "ContainerHostname", options_.container_hostname);
    if (!options_.image_config.is_null()) document["ImageConfig"] = options_.image_config;
    if (!options_.additional_model_data_sources.is_null())
      document["AdditionalModelDataSources"] = options_.additional_model_data_sources;
    add_model_data(document, code_ && !code_->model_data.empty() ? code_->model_data : options_.model_data);
    return document;
  }

  // What PipelineModel and MultiDataModel have to know of the models they are made of.
  std::string role_arn() const {
    return options_.role.empty() ? execution_role(session_) : expand_role(session_, options_.role);
  }
  Predictor predictor_of(const std::string& endpoint, const DeployOptions& options) const {
    PredictorOptions predictor{.endpoint_name = endpoint, .component_name = component_};
    if (framework_) {
      predictor.serializer = framework_->serializer;
      predictor.deserializer = framework_->deserializer;
    }
    if (options.serializer) predictor.serializer = *options.serializer;
    if (options.deserializer) predictor.deserializer = *options.deserializer;
    return Predictor(session_, std::move(predictor), {options_.name});
  }

 protected:
  Model(Session session, ModelOptions options, std::optional<detail::FrameworkTraits> framework)
      : session_(std::move(session)), options_(std::move(options)), framework_(std::move(framework)) {}

 private:
  struct Code {
    std::string program;
    std::string submit_directory;
    std::string model_data = {};  // the repacked one
  };

  const std::string& create(const DeployOptions& options) {
    if (options_.name.empty())
      options_.name = detail::name_from_base(base_name(options), session_.clock().now());
    const std::string role = role_arn();
    json request = detail::object({{"ModelName", options_.name},
                                   {"ExecutionRoleArn", role},
                                   {"PrimaryContainer", container_definition(options)}});
    if (!options.tags.empty()) request["Tags"] = detail::tag_documents(options.tags);
    const json vpc = detail::vpc_document(options_.subnets, options_.security_group_ids);
    if (!vpc.is_null()) request["VpcConfig"] = vpc;
    if (options_.enable_network_isolation) request["EnableNetworkIsolation"] = true;
    detail::create_model(session_, request);
    return options_.name;
  }

  std::string image_for(const DeployOptions& options) const {
    if (!framework_ || !options_.image_uri.empty())
      return detail::image_or_default(session_, options_.image_uri, options_.entry_point);
    const bool serverless = options.serverless_inference_config.has_value();
    if (options.instance_type.empty() && !serverless) {
      throw ConfigError("Must supply either an instance type (for choosing CPU vs GPU) or an image URI.");
    }
    return image_uris::retrieve({.framework = framework_->name,
                                 .region = session_.region(),
                                 .version = options_.framework_version,
                                 .py_version = options_.py_version,
                                 .instance_type = serverless ? "ml.m5.large" : options.instance_type,
                                 .image_scope = "inference"});
  }

  // Models and endpoints are called after what they serve.
  std::string base_name(const DeployOptions& options) const {
    return detail::base_name_from_image(image_for(options));
  }
  // A name of the user's own is used without its time. An update is of the endpoint that was deployed before.
  std::string endpoint_name(const DeployOptions& options) {
    if (!options.endpoint_name.empty()) endpoint_ = options.endpoint_name;
    if (options.update_endpoint && endpoint_.empty())
      throw ConfigError("endpoint_name is missing: name the endpoint to update");
    if (options.endpoint_name.empty() && !options.update_endpoint)
      endpoint_ = detail::name_from_base(detail::base_of_name(options_.name), session_.clock().now());
    return endpoint_;
  }

  void add_model_data(json& document, const std::string& model_data) const {
    if (model_data.empty()) return;
    const bool prefix = model_data.ends_with('/');
    if (!prefix && !options_.accept_eula) {
      document["ModelDataUrl"] = model_data;
      return;
    }
    json& source = document["ModelDataSource"]["S3DataSource"];
    source = detail::object({{"S3Uri", model_data},
                             {"S3DataType", prefix ? "S3Prefix" : "S3Object"},
                             {"CompressionType", prefix ? "None" : "Gzip"}});
    if (options_.accept_eula)
      source["ModelAccessConfig"] = detail::object({{"AcceptEula", *options_.accept_eula}});
  }

  // The SDK's rules: the script of a framework goes into the model's archive, and so does a whole source_dir.
  // C++ sources stay on their own, so that the program compiled from them is found again. Without a network
  // the container could not fetch them.
  bool belongs_in_archive() const {
    if (options_.model_data.empty() || options_.model_data.ends_with('/')) return false;
    if (framework_ || options_.enable_network_isolation) return true;
    return !options_.source_dir.empty() && !is_cpp_source(options_.entry_point);
  }

  Code stage_code(const std::string& image) {
    if (belongs_in_archive()) return repack(image);
    if (detail::is_uploaded(options_.source_dir)) return {options_.entry_point, options_.source_dir};
    SourceArchive sources = pack_sources({options_.entry_point, options_.source_dir, options_.dependencies});
    const S3Uri target = code_prefix(image) / "sourcedir.tar.gz";
    session_.upload_string(std::move(sources.bytes), target, options_.kms_key);
    return {sources.program, target.text()};
  }

  S3Uri code_prefix(const std::string& image) const {
    const S3Uri base =
        options_.code_location.empty() ? session_.default_location() : S3Uri(options_.code_location);
    if (!options_.name.empty()) return base / options_.name;
    return base / detail::name_from_base(detail::base_name_from_image(image), session_.clock().now());
  }

  // Downloads the model, puts the script into it and uploads the result.
  Code repack(const std::string& image) {
    const S3Uri prefix = code_prefix(image);
    const S3Uri target = prefix / "model.tar.gz";
    session_.print("Repacking model artifact (" + options_.model_data + ") with its script, located at " +
                   target.text() + ". This may take some time depending on model size...");
    const detail::TemporaryFolder folder;
    ModelRepacking repacking{.model = folder.path() / "downloaded.tar.gz",
                             .target = folder.path() / "model.tar.gz",
                             .entry_point = options_.entry_point,
                             .dependencies = options_.dependencies};
    download(options_.model_data, repacking.model);
    if (detail::is_uploaded(options_.source_dir)) {
      repacking.source_archive = folder.path() / "sourcedir.tar.gz";
      download(options_.source_dir, repacking.source_archive);
    } else {
      repacking.source_dir = options_.source_dir;
    }
    const std::string program = repack_model(repacking);
    session_.upload_data(repacking.target, prefix.key(),
                         {.bucket = prefix.bucket(), .kms_key = options_.kms_key});
    return {program, "/opt/ml/model/code", target.text()};
  }
  void download(const std::string& uri, const std::filesystem::path& file) const {
    session_.s3().download({.from = uri, .to = file, .scope = S3Scope::object});
  }

  // The endpoint is made where it is not in service yet, without a model; then the model becomes a component.
  Predictor deploy_component(const DeployOptions& options) {
    if (options_.name.empty())
      options_.name = detail::name_from_base(base_name(options), session_.clock().now());
    const std::string endpoint = endpoint_name(options);
    if (!detail::endpoint_in_service(session_, endpoint)) create_component_endpoint(endpoint, options);
    create(options);
    json startup = json::object();
    detail::set_if(startup, "ModelDataDownloadTimeoutInSeconds", options.model_data_download_timeout);
    detail::set_if(startup, "ContainerStartupHealthCheckTimeoutInSeconds",
                   options.container_startup_health_check_timeout);
    component_ = !options.inference_component_name.empty()
                     ? options.inference_component_name
                     : detail::unique_name_from_base(options_.name, session_.clock().now(),
                                                     session_.sagemaker().service().config().random());
    json request = detail::object(
        {{"InferenceComponentName", component_},
         {"EndpointName", endpoint},
         {"VariantName", "AllTraffic"},
         {"Specification",
          detail::object({{"ModelName", options_.name},
                          {"StartupParameters", std::move(startup)},
                          {"ComputeResourceRequirements", detail::resource_document(*options.resources)}})},
         {"RuntimeConfig", detail::object({{"CopyCount", options.resources->requests.copies}})}});
    if (!options.tags.empty()) request["Tags"] = detail::tag_documents(options.tags);
    session_.print("Creating inference component with name " + component_ + " for endpoint " + endpoint);
    session_.sagemaker().create_inference_component(request);
    if (options.wait) session_.wait_for_inference_component(component_);
    return predictor_of(endpoint, options);
  }

  void create_component_endpoint(const std::string& endpoint, const DeployOptions& options) {
    json variant = detail::variant_document("", options);
    if (options.managed_instance_scaling) {
      variant["ManagedInstanceScaling"] =
          detail::scaling_document(*options.managed_instance_scaling, options.initial_instance_count);
    }
    json config = detail::endpoint_config_document(session_, endpoint, std::move(variant), options);
    config["ExecutionRoleArn"] = role_arn();
    config["EnableNetworkIsolation"] = options_.enable_network_isolation;
    const json vpc = detail::vpc_document(options_.subnets, options_.security_group_ids);
    if (!vpc.is_null()) config["VpcConfig"] = vpc;
    detail::create_endpoint(session_, config, options);
  }

  Session session_;
  ModelOptions options_;
  std::optional<detail::FrameworkTraits> framework_;
  std::optional<Code> code_;  // once it is uploaded
  std::string endpoint_;      // of the latest deploy()
  std::string component_;
};

}  // namespace sagemaker
