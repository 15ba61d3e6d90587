// A model that can be deployed: a container image, the archive of what was trained, and for C++ script mode
// the sources.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/source_archive.hpp>

namespace sagemaker {

struct ModelOptions {
  std::string image_uri = {};   // empty with a C++ entry point: the sagemaker-cpp image
  std::string model_data = {};  // s3://.../model.tar.gz, or a prefix ending in '/' with the unpacked files
  std::string role = {};        // ARN or name; empty: execution_role(session)
  std::map<std::string, std::string> env = {};
  std::string name = {};         // empty: made from the image's name and the time
  std::string entry_point = {};  // script mode: the file with the serving functions
  std::string source_dir = {};   // local folder, or s3://.../sourcedir.tar.gz that is there already
  std::vector<std::string> dependencies = {};
  std::string code_location = {};  // s3://bucket/prefix for the packed sources; empty: the default bucket
  int container_log_level = 20;    // Python's logging: 10 debug, 20 info, 30 warning
  std::vector<std::string> subnets = {};
  std::vector<std::string> security_group_ids = {};
  bool enable_network_isolation = false;
  std::string kms_key = {};  // for the packed sources
};

struct DeployOptions {
  int initial_instance_count = 1;
  std::string instance_type;
  std::string endpoint_name = {};  // empty: made from the model's name and the time
  std::string model_name = {};     // Estimator::deploy only: the name of the model that is made
  std::optional<Serializer> serializer = {};
  std::optional<Deserializer> deserializer = {};
  std::vector<Tag> tags = {};
  std::string kms_key = {};                                        // encrypts the instances' storage
  bool wait = true;                                                // until the endpoint is InService
  std::optional<int> volume_size = {};                             // GB
  std::optional<int> model_data_download_timeout = {};             // seconds
  std::optional<int> container_startup_health_check_timeout = {};  // seconds
};

namespace detail {

// The image of C++ script mode in the caller's own registry.
inline std::string default_cpp_image(const Session& session) {
  const std::string region = session.region();
  return session.account_id() + ".dkr.ecr." + region + "." + aws::dns_suffix(region) +
         "/sagemaker-cpp:latest";
}

inline std::string image_or_default(const Session& session, const std::string& image_uri,
                                    const std::string& entry_point) {
  if (!image_uri.empty()) return image_uri;
  if (is_cpp_source(entry_point)) return default_cpp_image(session);
  throw ConfigError(entry_point.empty()
                        ? "image_uri is missing: name a container image, or a C++ file as entry_point"
                        : "image_uri is missing: \"" + entry_point +
                              "\" is no C++ source, so no image is known for it "
                              "(sm::PyTorch knows those of Python scripts)");
}

// Whether source_dir names an archive that lies in S3 already: nothing is packed or uploaded then.
inline bool is_uploaded(const std::string& source_dir) { return source_dir.starts_with("s3://"); }

}  // namespace detail

class Model {
 public:
  Model(Session session, ModelOptions options) : session_(std::move(session)), options_(std::move(options)) {}

  const std::string& name() const { return options_.name; }
  const ModelOptions& options() const { return options_; }

  // CreateModel. A model of that name that is there already is used as it is, as in the SDK. Returns the
  // name.
  const std::string& create(const std::vector<Tag>& tags = {}) {
    const std::string image = detail::image_or_default(session_, options_.image_uri, options_.entry_point);
    if (options_.name.empty()) {
      options_.name = detail::name_from_base(detail::base_name_from_image(image), session_.clock().now());
    }
    const std::string role =
        options_.role.empty() ? execution_role(session_) : expand_role(session_, options_.role);
    json request = detail::object(
        {{"ModelName", options_.name}, {"ExecutionRoleArn", role}, {"PrimaryContainer", container(image)}});
    if (!tags.empty()) request["Tags"] = detail::tag_documents(tags);
    const json vpc = detail::vpc_document(options_.subnets, options_.security_group_ids);
    if (!vpc.is_null()) request["VpcConfig"] = vpc;
    if (options_.enable_network_isolation) request["EnableNetworkIsolation"] = true;
    try {
      session_.sagemaker().create_model(request);
    } catch (const ServiceError& error) {
      if (error.message().find("Cannot create already existing model") == std::string::npos) throw;
      session_.print("Using already existing model: " + options_.name);
    }
    return options_.name;
  }

  // Creates the model, an endpoint configuration and an endpoint, waits until it is InService and returns
  // what talks to it. Throws UnexpectedStatus with the FailureReason where the endpoint fails.
  Predictor deploy(const DeployOptions& options) {
    if (options.instance_type.empty())
      throw ConfigError("instance_type is missing: deploy({.instance_type = \"ml.m5.large\"})");
    create(options.tags);
    const std::string endpoint = !options.endpoint_name.empty()
                                     ? options.endpoint_name
                                     : detail::name_from_base(endpoint_base(), session_.clock().now());
    json variant = detail::object({{"VariantName", "AllTraffic"},
                                   {"ModelName", options_.name},
                                   {"InitialVariantWeight", 1},
                                   {"InitialInstanceCount", options.initial_instance_count},
                                   {"InstanceType", options.instance_type}});
    if (options.volume_size) variant["VolumeSizeInGB"] = *options.volume_size;
    if (options.model_data_download_timeout) {
      variant["ModelDataDownloadTimeoutInSeconds"] = *options.model_data_download_timeout;
    }
    if (options.container_startup_health_check_timeout) {
      variant["ContainerStartupHealthCheckTimeoutInSeconds"] =
          *options.container_startup_health_check_timeout;
    }
    json config = detail::object({{"EndpointConfigName", endpoint}});
    config["ProductionVariants"].push_back(std::move(variant));
    if (!options.tags.empty()) config["Tags"] = detail::tag_documents(options.tags);
    if (!options.kms_key.empty()) config["KmsKeyId"] = options.kms_key;
    session_.sagemaker().create_endpoint_config(config);
    session_.sagemaker().create_endpoint(detail::object({{"EndpointName", endpoint},
                                                         {"EndpointConfigName", endpoint},
                                                         {"Tags", detail::tag_documents(options.tags)}}));
    if (options.wait) session_.wait_for_endpoint(endpoint);
    PredictorOptions predictor{.endpoint_name = endpoint};
    if (options.serializer) predictor.serializer = *options.serializer;
    if (options.deserializer) predictor.deserializer = *options.deserializer;
    return Predictor(session_, std::move(predictor), {options_.name});
  }

  void delete_model() const {
    if (options_.name.empty())
      throw ConfigError("The SageMaker model must be created first before attempting to delete.");
    session_.sagemaker().delete_model(detail::object({{"ModelName", options_.name}}));
  }

 private:
  // The model's name without its time: endpoints are called after what they serve.
  std::string endpoint_base() const {
    const std::string image = detail::image_or_default(session_, options_.image_uri, options_.entry_point);
    return detail::base_name_from_image(image);
  }

  json container(const std::string& image) {
    std::map<std::string, std::string> env = options_.env;
    if (!options_.entry_point.empty()) {
      const auto [program, submit_directory] = stage_sources();
      env.emplace("SAGEMAKER_PROGRAM", program);
      env.emplace("SAGEMAKER_SUBMIT_DIRECTORY", submit_directory);
      env.emplace("SAGEMAKER_CONTAINER_LOG_LEVEL", std::to_string(options_.container_log_level));
      env.emplace("SAGEMAKER_REGION", session_.region());
    }
    json document = detail::object({{"Image", image}, {"Environment", detail::text_object(env)}});
    if (options_.model_data.ends_with('/')) {
      document["ModelDataSource"]["S3DataSource"] = detail::object(
          {{"S3Uri", options_.model_data}, {"S3DataType", "S3Prefix"}, {"CompressionType", "None"}});
    } else if (!options_.model_data.empty()) {
      document["ModelDataUrl"] = options_.model_data;
    }
    return document;
  }

  // Program and where the packed sources lie in S3; packs and uploads them where they are local.
  std::pair<std::string, std::string> stage_sources() {
    if (detail::is_uploaded(options_.source_dir)) return {options_.entry_point, options_.source_dir};
    SourceArchive sources = pack_sources({options_.entry_point, options_.source_dir, options_.dependencies});
    const S3Uri base =
        options_.code_location.empty() ? session_.default_location() : S3Uri(options_.code_location);
    const S3Uri target = base / options_.name / "sourcedir.tar.gz";
    session_.upload_string(std::move(sources.bytes), target, options_.kms_key);
    options_.entry_point = sources.program;  // create() again must not pack again
    options_.source_dir = target.text();
    return {sources.program, target.text()};
  }

  Session session_;
  ModelOptions options_;
};

}  // namespace sagemaker
