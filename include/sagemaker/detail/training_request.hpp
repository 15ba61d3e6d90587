// From an Estimator's options to the document of CreateTrainingJob.
#pragma once

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/estimator_options.hpp>
#include <sagemaker/inputs.hpp>

namespace sagemaker::detail {

inline json tag_documents(const std::vector<Tag>& tags) {
  json documents = json::array();
  for (const Tag& tag : tags) documents.push_back(object({{"Key", tag.key}, {"Value", tag.value}}));
  return documents;
}

inline json metric_documents(const std::vector<MetricDefinition>& metrics) {
  json documents = json::array();
  for (const MetricDefinition& metric : metrics)
    documents.push_back(object({{"Name", metric.name}, {"Regex", metric.regex}}));
  return documents;
}

// null where the job or model is in no VPC.
inline json vpc_document(const std::vector<std::string>& subnets, const std::vector<std::string>& groups) {
  if (subnets.empty() && groups.empty()) return nullptr;
  return object({{"Subnets", text_array(subnets)}, {"SecurityGroupIds", text_array(groups)}});
}

// Where the script lies: its name in the archive, and the archive in S3.
struct StagedSources {
  std::string program;
  std::string submit_directory;
};

inline void check_instances(const EstimatorOptions& options) {
  if (options.instance_groups.empty()) {
    if (options.instance_type.empty())
      throw ConfigError("instance_type is missing: name one, for example \"ml.m5.xlarge\"");
  } else if (!options.instance_type.empty() || options.instance_count != 1) {
    throw ConfigError("instance_count and instance_type cannot be set when instance_groups is set");
  }
}

inline bool is_non_finite(const json& value) {
  return value.is_number_float() && !std::isfinite(value.get<double>());
}

inline bool holds_non_finite(const json& value) {
  if (!value.is_structured()) return is_non_finite(value);
  for (const json& item : value) {
    if (holds_non_finite(item)) return true;
  }
  return false;
}

// Hyperparameters that would not arrive as they were given.
inline void check_hyperparameters(const std::map<std::string, json>& values) {
  for (const auto& [name, value] : values) {
    const std::string shown = "Hyperparameter " + aws::dump_json(name);
    try {
      json(name).dump();
      value.dump();
    } catch (const json::exception&) {  // dump is strict about UTF-8, unlike dump_json
      throw ConfigError(shown + " is not UTF-8 text");
    }
    if (value.is_structured() && holds_non_finite(value))
      throw ConfigError(shown +
                        " holds a number that is not finite: inside arrays and objects JSON has none");
  }
}

class TrainingRequest {
 public:
  TrainingRequest(const EstimatorOptions& options, const TrainingInputs& inputs)
      : options_(options), inputs_(inputs) {}

  std::string job_name;
  std::string image;  // empty where there is an algorithm
  std::string role;
  std::string region;
  std::string output_path;
  std::optional<StagedSources> sources;  // script mode
  std::map<std::string, std::string> experiment_config;

  // Throws ConfigError for what no service need be asked about.
  void check() const {
    check_instances(options_);
    if (!options_.image_uri.empty() && !options_.algorithm_arn.empty())
      throw ConfigError("image_uri and algorithm_arn are mutually exclusive");
    if (options_.entry_point.empty() && !(options_.source_dir.empty() && options_.dependencies.empty()))
      throw ConfigError("source_dir and dependencies need an entry_point");
    if (options_.subnets.empty() != options_.security_group_ids.empty())
      throw ConfigError("When setting up custom VPC, both subnets and security_group_ids must be set");
    if (options_.disable_profiler && options_.profiler_config.is_object() &&
        !truth_of(options_.profiler_config, "DisableProfiler"))
      throw ConfigError("profiler_config.DisableProfiler cannot be false when disable_profiler is true");
    check_hyperparameters(options_.hyperparameters);
    if (!options_.model_uri.empty() && options_.model_channel_name.empty())
      throw ConfigError("Expected a channel name if a channel URI " + options_.model_uri + " is specified");
    std::set<std::string> names;
    for (const json& channel : channels()) {
      const std::string name = text_of(channel, "ChannelName");
      if (!names.insert(name).second) throw ConfigError("Duplicate channel " + name + " not allowed.");
    }
    if (isolated_sources() && names.contains("code"))
      throw ConfigError("Duplicate channel code not allowed: with network isolation it holds the sources");
  }

  json document() const {
    json request = object({{"TrainingJobName", job_name},
                           {"AlgorithmSpecification", algorithm()},
                           {"RoleArn", role},
                           {"OutputDataConfig", output()},
                           {"ResourceConfig", resources()},
                           {"StoppingCondition", object({{"MaxRuntimeInSeconds", options_.max_run}})}});
    if (options_.max_wait) request["StoppingCondition"]["MaxWaitTimeInSeconds"] = *options_.max_wait;
    if (json data = channels(); !data.empty()) request["InputDataConfig"] = std::move(data);
    if (json values = hyperparameters(); !values.empty()) request["HyperParameters"] = std::move(values);
    if (!options_.environment.empty()) request["Environment"] = text_object(options_.environment);
    if (!options_.tags.empty()) request["Tags"] = tag_documents(options_.tags);
    if (json vpc = vpc_document(options_.subnets, options_.security_group_ids); !vpc.is_null()) {
      request["VpcConfig"] = std::move(vpc);
    }
    if (options_.enable_network_isolation) request["EnableNetworkIsolation"] = true;
    if (options_.encrypt_inter_container_traffic) request["EnableInterContainerTrafficEncryption"] = true;
    if (options_.use_spot_instances) request["EnableManagedSpotTraining"] = true;
    if (options_.max_retry_attempts) {
      request["RetryStrategy"] = object({{"MaximumRetryAttempts", *options_.max_retry_attempts}});
    }
    if (!options_.checkpoint_s3_uri.empty()) {
      json checkpoint = object({{"S3Uri", options_.checkpoint_s3_uri}});
      if (!options_.checkpoint_local_path.empty()) checkpoint["LocalPath"] = options_.checkpoint_local_path;
      request["CheckpointConfig"] = std::move(checkpoint);
    }
    if (!experiment_config.empty()) request["ExperimentConfig"] = text_object(experiment_config);
    add_switches(request);
    add_observers(request);
    return request;
  }

 private:
  bool isolated_sources() const { return options_.enable_network_isolation && !options_.entry_point.empty(); }

  json algorithm() const {
    const std::string& mode = inputs_.input_mode().empty() ? options_.input_mode : inputs_.input_mode();
    json algorithm = object({{"TrainingInputMode", mode}});
    if (options_.algorithm_arn.empty())
      algorithm["TrainingImage"] = image;
    else
      algorithm["AlgorithmName"] = options_.algorithm_arn;
    if (!options_.metric_definitions.empty())
      algorithm["MetricDefinitions"] = metric_documents(options_.metric_definitions);
    if (options_.enable_sagemaker_metrics) {
      algorithm["EnableSageMakerMetricsTimeSeries"] = *options_.enable_sagemaker_metrics;
    }
    if (!options_.container_entry_point.empty())
      algorithm["ContainerEntrypoint"] = text_array(options_.container_entry_point);
    if (!options_.container_arguments.empty())
      algorithm["ContainerArguments"] = text_array(options_.container_arguments);
    if (!options_.training_repository_access_mode.empty()) {
      json& access = algorithm["TrainingImageConfig"] =
          object({{"TrainingRepositoryAccessMode", options_.training_repository_access_mode}});
      if (!options_.training_repository_credentials_provider_arn.empty()) {
        access["TrainingRepositoryAuthConfig"] =
            object({{"TrainingRepositoryCredentialsProviderArn",
                     options_.training_repository_credentials_provider_arn}});
      }
    }
    return algorithm;
  }

  json channels() const {
    json documents = json::array();
    for (const auto& [name, source] : inputs_.channels()) documents.push_back(channel_document(name, source));
    if (!options_.model_uri.empty()) {
      TrainingInput model{.s3_data = options_.model_uri};
      model.content_type = "application/x-sagemaker-model";
      model.input_mode = "File";
      documents.push_back(channel_document(options_.model_channel_name, model));
    }
    if (sources && isolated_sources())
      documents.push_back(channel_document("code", TrainingInput{.s3_data = sources->submit_directory}));
    return documents;
  }

  json output() const {
    json output = object({{"S3OutputPath", output_path}});
    if (!options_.output_kms_key.empty()) output["KmsKeyId"] = options_.output_kms_key;
    if (options_.disable_output_compression) output["CompressionType"] = "NONE";
    return output;
  }

  json resources() const {
    json resources = object({{"VolumeSizeInGB", options_.volume_size}});
    if (options_.instance_groups.empty()) {
      resources["InstanceCount"] = options_.instance_count;
      resources["InstanceType"] = options_.instance_type;
    } else {
      json& groups = resources["InstanceGroups"] = json::array();
      for (const InstanceGroup& group : options_.instance_groups) {
        groups.push_back(object({{"InstanceGroupName", group.instance_group_name},
                                 {"InstanceType", group.instance_type},
                                 {"InstanceCount", group.instance_count}}));
      }
    }
    if (!options_.volume_kms_key.empty()) resources["VolumeKmsKeyId"] = options_.volume_kms_key;
    if (options_.keep_alive_period_in_seconds) {
      resources["KeepAlivePeriodInSeconds"] = *options_.keep_alive_period_in_seconds;
    }
    if (!options_.training_plan.empty()) resources["TrainingPlanArn"] = options_.training_plan;
    if (!options_.instance_placement_config.is_null())
      resources["InstancePlacementConfig"] = options_.instance_placement_config;
    return resources;
  }

  void add_switches(json& request) const {
    const auto add = [&](const char* config, const char* member, const std::optional<bool>& value) {
      if (value) request[config] = object({{member, *value}});
    };
    add("InfraCheckConfig", "EnableInfraCheck", options_.enable_infra_check);
    add("RemoteDebugConfig", "EnableRemoteDebug", options_.enable_remote_debug);
    add("SessionChainingConfig", "EnableSessionTagChaining", options_.enable_session_tag_chaining);
  }

  // What the debugger, TensorBoard and the profiler write goes to the job's output path unless told
  // otherwise.
  void add_observers(json& request) const {
    const auto add = [&](const char* member, json config) {
      if (!config.contains("S3OutputPath")) config["S3OutputPath"] = output_path;
      request[member] = std::move(config);
    };
    const json& hook = options_.debugger_hook_config;
    if (hook.is_boolean() && hook.get<bool>())
      add("DebugHookConfig", object({{"CollectionConfigurations", json::array()}}));
    else if (hook.is_object())
      add("DebugHookConfig", hook);
    if (options_.tensorboard_output_config.is_object())
      add("TensorBoardOutputConfig", options_.tensorboard_output_config);
    if (options_.profiler_config.is_object())
      add("ProfilerConfig", options_.profiler_config);
    else if (options_.disable_profiler)
      request["ProfilerConfig"] = object({{"DisableProfiler", true}});
    if (!options_.debugger_rule_configs.empty())
      request["DebugRuleConfigurations"] = options_.debugger_rule_configs;
    if (!options_.profiler_rule_configs.empty())
      request["ProfilerRuleConfigurations"] = options_.profiler_rule_configs;
  }

  // Hyperparameters travel as texts. A script's container decodes each as JSON, so that a text gets quotation
  // marks; other containers take texts as they are.
  json hyperparameters() const {
    json values = json::object();
    for (const auto& [name, value] : options_.hyperparameters) {
      if (is_non_finite(value))
        values[name] = non_finite_text(value.get<double>(), sources.has_value());
      else
        values[name] = !sources && value.is_string() ? value.get<std::string>() : aws::dump_json(value);
    }
    if (!sources) return values;
    const std::string archive = isolated_sources()
                                    ? "/opt/ml/input/data/code/sourcedir.tar.gz"  // no S3 there
                                    : sources->submit_directory;
    values["sagemaker_submit_directory"] = aws::dump_json(archive);
    values["sagemaker_program"] = aws::dump_json(sources->program);
    values["sagemaker_container_log_level"] = std::to_string(options_.container_log_level);
    values["sagemaker_job_name"] = aws::dump_json(job_name);
    values["sagemaker_region"] = aws::dump_json(region);
    return values;
  }

  const EstimatorOptions& options_;
  const TrainingInputs& inputs_;
};

}  // namespace sagemaker::detail
