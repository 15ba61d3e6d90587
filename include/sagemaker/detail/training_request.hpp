// From an Estimator's options to the document of CreateTrainingJob, and from a job's description back to
// options.
#pragma once

#include <charconv>
#include <map>
#include <optional>
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

class TrainingRequest {
 public:
  TrainingRequest(const EstimatorOptions& options, const TrainingInputs& inputs)
      : options_(options), inputs_(inputs) {}

  std::string job_name;
  std::string image;
  std::string role;
  std::string region;
  std::string output_path;
  std::optional<StagedSources> sources;  // script mode

  // Throws ConfigError for what no service need be asked about.
  void check() const { channels(); }

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
    return request;
  }

 private:
  json algorithm() const {
    json algorithm = object({{"TrainingInputMode", options_.input_mode}, {"TrainingImage", image}});
    if (!options_.metric_definitions.empty()) {
      json& metrics = algorithm["MetricDefinitions"] = json::array();
      for (const MetricDefinition& metric : options_.metric_definitions) {
        metrics.push_back(object({{"Name", metric.name}, {"Regex", metric.regex}}));
      }
    }
    if (options_.enable_sagemaker_metrics) {
      algorithm["EnableSageMakerMetricsTimeSeries"] = *options_.enable_sagemaker_metrics;
    }
    if (!options_.container_entry_point.empty())
      algorithm["ContainerEntrypoint"] = text_array(options_.container_entry_point);
    if (!options_.container_arguments.empty())
      algorithm["ContainerArguments"] = text_array(options_.container_arguments);
    return algorithm;
  }

  json channels() const {
    json documents = json::array();
    for (const auto& [name, source] : inputs_.channels())
      documents.push_back(channel_document(name, source.input()));
    if (!options_.model_uri.empty()) {
      TrainingInput model{.s3_data = options_.model_uri};
      model.content_type = "application/x-sagemaker-model";
      model.input_mode = "File";
      documents.push_back(channel_document(options_.model_channel_name, model));
    }
    return documents;
  }

  json output() const {
    json output = object({{"S3OutputPath", output_path}});
    if (!options_.output_kms_key.empty()) output["KmsKeyId"] = options_.output_kms_key;
    if (options_.disable_output_compression) output["CompressionType"] = "NONE";
    return output;
  }

  json resources() const {
    json resources = object({{"InstanceCount", options_.instance_count},
                             {"InstanceType", options_.instance_type},
                             {"VolumeSizeInGB", options_.volume_size}});
    if (!options_.volume_kms_key.empty()) resources["VolumeKmsKeyId"] = options_.volume_kms_key;
    if (options_.keep_alive_period_in_seconds) {
      resources["KeepAlivePeriodInSeconds"] = *options_.keep_alive_period_in_seconds;
    }
    return resources;
  }

  // Hyperparameters travel as texts. A script's container decodes each as JSON, so that a text gets quotation
  // marks; other containers take texts as they are.
  json hyperparameters() const {
    json values = json::object();
    for (const auto& [name, value] : options_.hyperparameters) {
      values[name] = !sources && value.is_string() ? value.get<std::string>() : aws::dump_json(value);
    }
    if (!sources) return values;
    values["sagemaker_submit_directory"] = aws::dump_json(sources->submit_directory);
    values["sagemaker_program"] = aws::dump_json(sources->program);
    values["sagemaker_container_log_level"] = std::to_string(options_.container_log_level);
    values["sagemaker_job_name"] = aws::dump_json(job_name);
    values["sagemaker_region"] = aws::dump_json(region);
    return values;
  }

  const EstimatorOptions& options_;
  const TrainingInputs& inputs_;
};

// A hyperparameter's text as a value: what is JSON is decoded, anything else stays a text.
inline json decode_hyperparameter(const std::string& text) {
  try {
    return aws::parse_json(text);
  } catch (const aws::JsonError&) {
    return text;
  }
}

// Job names end in -YYYY-MM-DD-HH-MM-SS-mmm where the library made them; what goes before is the base.
inline std::string base_of_name(const std::string& name) {
  constexpr std::string_view shape = "-dddd-dd-dd-dd-dd-dd-ddd";
  if (name.size() <= shape.size()) return name;
  const std::string_view tail = std::string_view(name).substr(name.size() - shape.size());
  for (std::size_t index = 0; index < shape.size(); ++index) {
    const bool digit = tail[index] >= '0' && tail[index] <= '9';
    if (shape[index] == 'd' ? !digit : tail[index] != '-') return name;
  }
  return name.substr(0, name.size() - shape.size());
}

inline void read_hyperparameters(const json& values, EstimatorOptions& options) {
  for (auto entry = values.begin(); entry != values.end(); ++entry) {
    const std::string& name = entry.key();
    const json decoded = decode_hyperparameter(entry->get<std::string>());
    const std::string text = decoded.is_string() ? decoded.get<std::string>() : "";
    if (name == "sagemaker_program")
      options.entry_point = text;
    else if (name == "sagemaker_submit_directory")
      options.source_dir = text;
    else if (name == "sagemaker_container_log_level" && decoded.is_number())
      options.container_log_level = decoded.get<int>();
    else if (!name.starts_with("sagemaker_"))
      options.hyperparameters[name] = decoded;
  }
}

// From DescribeTrainingJob.
inline EstimatorOptions options_of_job(const json& job) {
  const json& algorithm = object_of(job, "AlgorithmSpecification");
  const json& resources = object_of(job, "ResourceConfig");
  const json& output = object_of(job, "OutputDataConfig");
  const json& stopping = object_of(job, "StoppingCondition");
  const json& vpc = object_of(job, "VpcConfig");
  EstimatorOptions options;
  options.image_uri = text_of(algorithm, "TrainingImage");
  options.input_mode = text_of(algorithm, "TrainingInputMode");
  options.container_entry_point = texts_of(algorithm, "ContainerEntrypoint");
  options.container_arguments = texts_of(algorithm, "ContainerArguments");
  for (const json& metric : array_of(algorithm, "MetricDefinitions")) {
    options.metric_definitions.push_back({text_of(metric, "Name"), text_of(metric, "Regex")});
  }
  options.role = text_of(job, "RoleArn");
  options.instance_count = number_of(resources, "InstanceCount", 1);
  options.instance_type = text_of(resources, "InstanceType");
  options.volume_size = number_of(resources, "VolumeSizeInGB", 30);
  options.volume_kms_key = text_of(resources, "VolumeKmsKeyId");
  options.max_run = number_of(stopping, "MaxRuntimeInSeconds", options.max_run);
  if (stopping.contains("MaxWaitTimeInSeconds"))
    options.max_wait = number_of(stopping, "MaxWaitTimeInSeconds", 0);
  options.output_path = text_of(output, "S3OutputPath");
  options.output_kms_key = text_of(output, "KmsKeyId");
  options.disable_output_compression = text_of(output, "CompressionType") == "NONE";
  options.base_job_name = base_of_name(text_of(job, "TrainingJobName"));
  options.subnets = texts_of(vpc, "Subnets");
  options.security_group_ids = texts_of(vpc, "SecurityGroupIds");
  options.enable_network_isolation = truth_of(job, "EnableNetworkIsolation");
  options.encrypt_inter_container_traffic = truth_of(job, "EnableInterContainerTrafficEncryption");
  options.use_spot_instances = truth_of(job, "EnableManagedSpotTraining");
  const json& checkpoint = object_of(job, "CheckpointConfig");
  options.checkpoint_s3_uri = text_of(checkpoint, "S3Uri");
  options.checkpoint_local_path = text_of(checkpoint, "LocalPath");
  const json& environment = object_of(job, "Environment");
  for (auto entry = environment.begin(); entry != environment.end(); ++entry) {
    options.environment[entry.key()] = entry->get<std::string>();
  }
  read_hyperparameters(object_of(job, "HyperParameters"), options);
  return options;
}

}  // namespace sagemaker::detail
