// From the description of a training job back to the options of an Estimator that would start it.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/estimator_options.hpp>

namespace sagemaker::detail {

// A hyperparameter's text as a value: what is JSON is decoded, and so are the three numbers that Python adds
// to it; anything else stays a text.
inline json decode_hyperparameter(const std::string& text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  try {
    return aws::parse_json(text);
  } catch (const aws::JsonError&) {
    return text;
  }
}

// A script's are JSON; those of other containers stay the texts that they are. Those that fit() sets anew for
// each job are left out; others of the SDK's, such as the switches of distributed training, are kept.
inline void read_hyperparameters(const json& values, EstimatorOptions& options) {
  const bool script = values.contains("sagemaker_program");
  for (auto entry = values.begin(); entry != values.end(); ++entry) {
    const std::string& name = entry.key();
    const json decoded = script ? decode_hyperparameter(entry->get<std::string>()) : *entry;
    const std::string text = decoded.is_string() ? decoded.get<std::string>() : "";
    if (name == "sagemaker_program")
      options.entry_point = text;
    else if (name == "sagemaker_submit_directory")
      options.source_dir = text;
    else if (name == "sagemaker_container_log_level" && decoded.is_number())
      options.container_log_level = decoded.get<int>();
    else if (name != "sagemaker_job_name" && name != "sagemaker_region")
      options.hyperparameters[name] = decoded;
  }
}

inline std::optional<int> maybe_number(const json& document, const char* member) {
  if (!document.contains(member)) return std::nullopt;
  return number_of(document, member, 0);
}
inline std::optional<bool> maybe_truth(const json& document, const char* member) {
  if (!document.contains(member)) return std::nullopt;
  return truth_of(document, member);
}

inline void read_algorithm(const json& algorithm, EstimatorOptions& options) {
  options.image_uri = text_of(algorithm, "TrainingImage");
  options.algorithm_arn = text_of(algorithm, "AlgorithmName");
  options.input_mode = text_of(algorithm, "TrainingInputMode");
  options.container_entry_point = texts_of(algorithm, "ContainerEntrypoint");
  options.container_arguments = texts_of(algorithm, "ContainerArguments");
  options.enable_sagemaker_metrics = maybe_truth(algorithm, "EnableSageMakerMetricsTimeSeries");
  for (const json& metric : array_of(algorithm, "MetricDefinitions")) {
    options.metric_definitions.push_back({text_of(metric, "Name"), text_of(metric, "Regex")});
  }
  const json& access = object_of(algorithm, "TrainingImageConfig");
  options.training_repository_access_mode = text_of(access, "TrainingRepositoryAccessMode");
  options.training_repository_credentials_provider_arn =
      text_of(object_of(access, "TrainingRepositoryAuthConfig"), "TrainingRepositoryCredentialsProviderArn");
}

inline void read_resources(const json& resources, EstimatorOptions& options) {
  for (const json& group : array_of(resources, "InstanceGroups")) {
    options.instance_groups.push_back({text_of(group, "InstanceGroupName"), text_of(group, "InstanceType"),
                                       number_of(group, "InstanceCount", 1)});
  }
  if (options.instance_groups.empty()) {
    options.instance_count = number_of(resources, "InstanceCount", 1);
    options.instance_type = text_of(resources, "InstanceType");
  }
  options.volume_size = number_of(resources, "VolumeSizeInGB", 30);
  options.volume_kms_key = text_of(resources, "VolumeKmsKeyId");
  options.keep_alive_period_in_seconds = maybe_number(resources, "KeepAlivePeriodInSeconds");
  options.training_plan = text_of(resources, "TrainingPlanArn");
  if (resources.contains("InstancePlacementConfig"))
    options.instance_placement_config = resources["InstancePlacementConfig"];
}

inline void read_observers(const json& job, EstimatorOptions& options) {
  const auto copy = [&](const char* member, json& config) {
    if (const auto found = job.find(member); found != job.end() && !found->empty()) config = *found;
  };
  copy("DebugHookConfig", options.debugger_hook_config);
  copy("TensorBoardOutputConfig", options.tensorboard_output_config);
  copy("DebugRuleConfigurations", options.debugger_rule_configs);
  copy("ProfilerConfig", options.profiler_config);
  copy("ProfilerRuleConfigurations", options.profiler_rule_configs);
}

// From DescribeTrainingJob. A channel of the name `model_channel` is the model that the job started from.
inline EstimatorOptions options_of_job(const json& job, const std::string& model_channel = "model") {
  const json& output = object_of(job, "OutputDataConfig");
  const json& stopping = object_of(job, "StoppingCondition");
  const json& vpc = object_of(job, "VpcConfig");
  EstimatorOptions options;
  read_algorithm(object_of(job, "AlgorithmSpecification"), options);
  read_resources(object_of(job, "ResourceConfig"), options);
  read_observers(job, options);
  options.role = text_of(job, "RoleArn");
  options.max_run = number_of(stopping, "MaxRuntimeInSeconds", options.max_run);
  options.max_wait = maybe_number(stopping, "MaxWaitTimeInSeconds");
  options.max_retry_attempts = maybe_number(object_of(job, "RetryStrategy"), "MaximumRetryAttempts");
  options.output_path = text_of(output, "S3OutputPath");
  options.output_kms_key = text_of(output, "KmsKeyId");
  options.disable_output_compression = text_of(output, "CompressionType") == "NONE";
  options.base_job_name = base_of_name(text_of(job, "TrainingJobName"));
  options.subnets = texts_of(vpc, "Subnets");
  options.security_group_ids = texts_of(vpc, "SecurityGroupIds");
  options.enable_network_isolation = truth_of(job, "EnableNetworkIsolation");
  options.encrypt_inter_container_traffic = truth_of(job, "EnableInterContainerTrafficEncryption");
  options.use_spot_instances = truth_of(job, "EnableManagedSpotTraining");
  options.enable_infra_check = maybe_truth(object_of(job, "InfraCheckConfig"), "EnableInfraCheck");
  options.enable_remote_debug = maybe_truth(object_of(job, "RemoteDebugConfig"), "EnableRemoteDebug");
  const json& checkpoint = object_of(job, "CheckpointConfig");
  options.checkpoint_s3_uri = text_of(checkpoint, "S3Uri");
  options.checkpoint_local_path = text_of(checkpoint, "LocalPath");
  const json& environment = object_of(job, "Environment");
  for (auto entry = environment.begin(); entry != environment.end(); ++entry) {
    options.environment[entry.key()] = entry->get<std::string>();
  }
  options.model_channel_name = model_channel;
  read_hyperparameters(object_of(job, "HyperParameters"), options);
  for (const json& channel : array_of(job, "InputDataConfig")) {
    const json& source = object_of(object_of(channel, "DataSource"), "S3DataSource");
    const std::string name = text_of(channel, "ChannelName");
    if (!model_channel.empty() && name == model_channel) options.model_uri = text_of(source, "S3Uri");
    // With network isolation the hyperparameter is a path in the container; the sources lie where the channel
    // is.
    if (name == "code" && options.source_dir.starts_with("/opt/ml/"))
      options.source_dir = text_of(source, "S3Uri");
  }
  return options;
}

}  // namespace sagemaker::detail
