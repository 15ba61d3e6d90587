// Trains a model as a SageMaker training job and deploys it: the class that most programs start with.
//   sm::Estimator estimator{session, {.entry_point = "mnist.cpp", .role = sm::execution_role(session),
//                                     .instance_count = 2, .instance_type = "ml.c5.xlarge",
//                                     .hyperparameters = {{"epochs", 5}, {"learning-rate", 0.1}}}};
//   estimator.fit({{"training", "s3://bucket/mnist"}});
//   auto predictor = estimator.deploy({.initial_instance_count = 1, .instance_type = "ml.m5.large"});
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/analytics.hpp>
#include <sagemaker/detail/job_options.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/tags.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/estimator_options.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/inputs.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/pytorch_model.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/source_archive.hpp>
#include <sagemaker/transformer.hpp>

namespace sagemaker {

struct FitOptions {
  bool wait = true;                                           // until the job ends; throws if it fails
  bool logs = true;                                           // with wait: print the job's output as it comes
  std::string job_name = {};                                  // empty: made from base_job_name and the time
  std::map<std::string, std::string> experiment_config = {};  // ExperimentName, TrialName, RunName, ...
};

struct AttachOptions {
  bool wait = true;                          // until the job ends; throws if it failed
  bool logs = true;                          // with wait: print the job's output
  std::string model_channel_name = "model";  // the channel with the model that the job started from
};

// What can be changed in a job that exists; what is left out stays.
struct JobUpdate {
  std::optional<int> keep_alive_period_in_seconds = {};  // of a warm pool that is available
  json profiler_config = {};                             // ProfilerConfig, while the job runs
  json profiler_rule_configs = {};                       // ProfilerRuleConfigurations, an array
  std::optional<bool> enable_remote_debug = {};
};

// The instances that a job with keep_alive_period_in_seconds left behind.
struct WarmPoolStatus {
  std::string status;  // "InUse", "Available", "Reused" or "Terminated"
  int resource_retained_billable_time_in_seconds = 0;
  std::string reused_by_job = {};
};

// What create_model changes in what the estimator itself says.
struct CreateModelOptions {
  std::string name = {};
  std::string image_uri = {};
  std::string role = {};
  std::map<std::string, std::string> env = {};
  std::string entry_point = {};  // another script for serving than for training
  std::string source_dir = {};
  std::vector<std::string> dependencies = {};
  std::optional<int> model_server_workers = {};  // sm::PyTorch only
  // A VPC other than the estimator's; empty lists: none.
  std::optional<std::vector<std::string>> subnets = {};
  std::optional<std::vector<std::string>> security_group_ids = {};
  std::optional<bool> enable_network_isolation = {};
};

class Estimator {
 public:
  // Nothing is sent before fit().
  Estimator(Session session, EstimatorOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  // An estimator of a training job that exists, with its tags: ready to deploy, or to train again in the same
  // way. Follows the job where it is still running and prints its log, as the SDK does; throws
  // UnexpectedStatus where it failed. Without `wait` it takes the job in any state.
  static Estimator attach(const Session& session, const std::string& training_job_name,
                          const AttachOptions& options = {}) {
    const json job = options.wait ? session.logs_for_job(training_job_name, {.logs = options.logs})
                                  : session.describe_training_job(training_job_name);
    EstimatorOptions found = detail::options_of_job(job, options.model_channel_name);
    found.tags = detail::tags_of(session, detail::text_of(job, "TrainingJobArn"));
    Estimator estimator(session, std::move(found));
    estimator.job_name_ = training_job_name;
    return estimator;
  }

  // Packs and uploads the sources, starts the training job, and with `wait` follows it to its end. Inputs:
  // {{"training", uri}, {"test", uri}}, or a single URI for the channel "training". Throws ConfigError for
  // what cannot be sent, ServiceError where the service refuses, UnexpectedStatus with the FailureReason
  // where the job fails, CapacityError where that is for want of instances.
  void fit(const TrainingInputs& inputs = {}, const FitOptions& options = {}) {
    const json request = training_request(inputs, options);
    session_.print("Creating training-job with name: " + detail::text_of(request, "TrainingJobName"));
    session_.sagemaker().create_training_job(request);
    job_name_ = detail::text_of(request, "TrainingJobName");
    if (options.wait) wait(options.logs);
  }

  // Packs and uploads the sources and returns the document of CreateTrainingJob that fit() would send, for
  // what starts training jobs by itself. Throws ConfigError for what cannot be sent.
  json training_request(const TrainingInputs& inputs = {}, const FitOptions& options = {}) {
    check_framework();
    const std::string image = training_image();
    const std::string name = !options.job_name.empty()
                                 ? options.job_name
                                 : detail::name_from_base(base_job_name(image), session_.clock().now());
    detail::TrainingRequest training(options_, inputs);
    training.check();  // before anything is asked or uploaded
    training.job_name = name;
    training.image = image;
    training.role = options_.role.empty() ? execution_role(session_) : expand_role(session_, options_.role);
    training.region = session_.region();
    training.output_path = output_path();
    training.experiment_config = options.experiment_config;
    if (!options_.entry_point.empty()) {
      sources_ = stage_sources(name);
      training.sources = *sources_;
    }
    return training.document();
  }

  // Follows the latest job to its end. Returns its description.
  json wait(bool logs = true) const { return session_.logs_for_job(latest_training_job(), {.logs = logs}); }
  // Prints what the latest job has written, and goes on until it ends.
  void logs() const { session_.logs_for_job(latest_training_job()); }
  void stop() const { session_.stop_training_job(latest_training_job()); }

  // The name of the job that fit() started or attach() found.
  const std::string& latest_training_job() const {
    if (job_name_.empty())
      throw ConfigError("Estimator is not associated with a training job: call fit() first");
    return job_name_;
  }
  // Makes it a job that something else has started with training_request: create_model, deploy and the others
  // are about that one then.
  void set_latest_training_job(std::string name) { job_name_ = std::move(name); }
  json describe() const { return session_.describe_training_job(latest_training_job()); }
  // UpdateTrainingJob for the latest job.
  void update(const JobUpdate& changes) const {
    json request = detail::object({{"TrainingJobName", latest_training_job()}});
    if (changes.keep_alive_period_in_seconds) {
      request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = *changes.keep_alive_period_in_seconds;
    }
    if (!changes.profiler_config.is_null()) request["ProfilerConfig"] = changes.profiler_config;
    if (!changes.profiler_rule_configs.is_null())
      request["ProfilerRuleConfigurations"] = changes.profiler_rule_configs;
    if (changes.enable_remote_debug)
      request["RemoteDebugConfig"]["EnableRemoteDebug"] = *changes.enable_remote_debug;
    session_.sagemaker().update_training_job(request);
  }
  // Nothing where the latest job keeps no instances.
  std::optional<WarmPoolStatus> warm_pool_status() const {
    const json description = describe();
    const json& pool = detail::object_of(description, "WarmPoolStatus");
    if (pool.empty()) return std::nullopt;
    return WarmPoolStatus{detail::text_of(pool, "Status"),
                          detail::number_of(pool, "ResourceRetainedBillableTimeInSeconds", 0),
                          detail::text_of(pool, "ReusedByJob")};
  }
  // The metrics of the latest job over time.
  TrainingJobAnalytics training_job_analytics() const { return {session_, latest_training_job()}; }

  // Where the latest job put what it trained: s3://.../output/model.tar.gz. With disable_output_compression
  // the prefix of the unpacked files, ending in '/'. Throws ConfigError where the job has not stored anything
  // (yet).
  std::string model_data() const {
    const json description = describe();
    std::string uri = detail::text_of(detail::object_of(description, "ModelArtifacts"), "S3ModelArtifacts");
    if (uri.empty()) throw ConfigError("Training job " + latest_training_job() + " has not stored a model");
    const json& output = detail::object_of(description, "OutputDataConfig");
    if (detail::text_of(output, "CompressionType") == "NONE" && !uri.ends_with('/')) uri += '/';
    return uri;
  }

  void set_hyperparameters(const std::map<std::string, json>& values) {
    for (const auto& [name, value] : values) options_.hyperparameters[name] = value;
  }
  const EstimatorOptions& options() const { return options_; }
  const Session& session() const { return session_; }
  bool is_framework() const { return framework_; }  // sm::PyTorch

  // The trained model; nothing is created before its create() or deploy(). That of an sm::PyTorch is one of
  // its framework, also where only an Estimator is left of it.
  Model create_model(const CreateModelOptions& changes = {}) {
    if (framework_) return pytorch_model(changes);
    ModelOptions model = model_options(changes);
    if (model.image_uri.empty()) model.image_uri = serving_image();
    return Model(session_, std::move(model));
  }

  // The trained model, created for batch transform with the options. It is called {base_job_name}-{time}
  // unless told otherwise, jobs likewise. Throws ConfigError where the job has not stored a model.
  Transformer transformer(const TransformerOptions& options, const CreateModelOptions& changes = {}) {
    detail::check_transformer(options);
    const std::string image = serving_image();
    Model model = create_model(named(changes, options, image));
    return transformer_of(model, options, image);
  }

  // The model on an endpoint of its own. Endpoint, configuration and model are named {base_job_name}-{time}
  // unless told otherwise. Throws UnexpectedStatus with the FailureReason where the endpoint does not come
  // up.
  Predictor deploy(const DeployOptions& options) {
    detail::check_deploy(options);
    const std::string image = serving_image();
    const std::string fallback = fallback_name(image);
    return create_model({.name = options.model_name.empty() ? fallback : options.model_name})
        .deploy(deploy_options(options, fallback));
  }

 protected:
  // For sm::PyTorch, which has read framework_version, py_version and distribution. The image is the one that
  // serves; empty: AWS's for the versions and the instance type of the endpoint.
  void set_framework(std::string serving_image) {
    framework_ = true;
    framework_image_ = std::move(serving_image);
  }
  void set_versions(std::string framework_version, std::string py_version) {
    options_.framework_version = std::move(framework_version);
    options_.py_version = std::move(py_version);
  }

  PyTorchModel pytorch_model(const CreateModelOptions& changes) const {
    ModelOptions model = model_options(changes);
    if (model.image_uri.empty()) model.image_uri = framework_image_;
    model.framework_version = options_.framework_version;
    model.py_version = options_.py_version;
    model.model_server_workers = changes.model_server_workers;
    if (model.name.empty()) model.name = fallback_name(options_.image_uri);
    return PyTorchModel(session_, std::move(model));
  }

  std::string fallback_name(const std::string& image) const {
    return detail::name_from_base(base_job_name(image), session_.clock().now());
  }
  DeployOptions deploy_options(const DeployOptions& options, const std::string& fallback) const {
    DeployOptions chosen = options;
    if (chosen.endpoint_name.empty() && !chosen.update_endpoint) chosen.endpoint_name = fallback;
    if (chosen.tags.empty()) chosen.tags = options_.tags;
    return chosen;
  }

  CreateModelOptions named(CreateModelOptions changes, const TransformerOptions& options,
                           const std::string& image) const {
    if (!options.model_name.empty()) changes.name = options.model_name;
    if (changes.name.empty()) changes.name = fallback_name(image);
    return changes;
  }
  Transformer transformer_of(Model& model, TransformerOptions options, const std::string& image) const {
    if (options.tags.empty()) options.tags = options_.tags;
    options.model_name = model.create(options.tags, options.instance_type);
    if (options.base_transform_job_name.empty()) options.base_transform_job_name = base_job_name(image);
    return Transformer(session_, std::move(options));
  }

  // What a model is made of, but for the image.
  ModelOptions model_options(const CreateModelOptions& changes) const {
    const auto chosen = [](const std::string& change, const std::string& own) {
      return change.empty() ? own : change;
    };
    ModelOptions model;
    model.image_uri = changes.image_uri;
    model.model_data = model_data();
    model.role = chosen(changes.role, options_.role);
    model.env = changes.env;
    model.name = changes.name;
    model.container_log_level = options_.container_log_level;
    model.code_location = options_.code_location;
    model.subnets = changes.subnets.value_or(options_.subnets);
    model.security_group_ids = changes.security_group_ids.value_or(options_.security_group_ids);
    model.enable_network_isolation =
        changes.enable_network_isolation.value_or(options_.enable_network_isolation);
    model.kms_key = options_.output_kms_key;
    if (!changes.entry_point.empty()) {
      model.entry_point = changes.entry_point;
      model.source_dir = changes.source_dir;
      model.dependencies = changes.dependencies;
    } else if (sources_) {  // the very sources that the model was trained with
      model.entry_point = sources_->program;
      model.source_dir = sources_->submit_directory;
    } else if (!options_.entry_point.empty()) {
      model.entry_point = options_.entry_point;
      model.source_dir = options_.source_dir;
      model.dependencies = options_.dependencies;
    }
    return model;
  }

 private:
  void check_framework() const {
    if (framework_) return;
    if (options_.framework_version.empty() && options_.py_version.empty() && options_.distribution.is_null())
      return;
    throw ConfigError("framework_version, py_version and distribution are for sm::PyTorch");
  }

  // Empty where there is an algorithm.
  std::string training_image() const {
    if (!options_.algorithm_arn.empty()) return options_.image_uri;
    return detail::image_or_default(session_, options_.image_uri, options_.entry_point);
  }
  std::string serving_image() const {
    if (!options_.algorithm_arn.empty()) {
      throw ConfigError(
          "Models of an algorithm_arn are not supported: create a model package with "
          "session.sagemaker(), or name an image_uri");
    }
    return training_image();
  }

  std::string base_job_name(const std::string& image) const {
    if (!options_.base_job_name.empty()) return options_.base_job_name;
    return detail::base_name_from_image(options_.algorithm_arn.empty() ? image : options_.algorithm_arn);
  }
  std::string output_path() const {
    if (!options_.output_path.empty()) return options_.output_path;
    return session_.default_location().text() + "/";
  }

  detail::StagedSources stage_sources(const std::string& job) const {
    if (detail::is_uploaded(options_.source_dir)) return {options_.entry_point, options_.source_dir};
    SourceArchive sources = pack_sources({options_.entry_point, options_.source_dir, options_.dependencies});
    const S3Uri target = code_location() / job / "source/sourcedir.tar.gz";
    // The key is the output's: a bucket of somebody else's may not be allowed to use it.
    const bool with_output = target.bucket() == S3Uri(output_path()).bucket();
    session_.upload_string(std::move(sources.bytes), target, with_output ? options_.output_kms_key : "");
    return {std::move(sources.program), target.text()};
  }

  // The SDK's rule: without a code_location the sources go to the bucket of the output, but not below its
  // prefix.
  S3Uri code_location() const {
    if (!options_.code_location.empty()) return S3Uri(options_.code_location);
    if (options_.output_path.empty()) return session_.default_location();
    return S3Uri::of({S3Uri(options_.output_path).bucket()});
  }

  Session session_;
  EstimatorOptions options_;
  std::string job_name_;
  std::optional<detail::StagedSources> sources_;
  bool framework_ = false;
  std::string framework_image_;  // see set_framework
};

}  // namespace sagemaker
