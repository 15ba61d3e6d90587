// From a Processor's options to the document of CreateProcessingJob, and back from a job's description.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_options.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/processing_options.hpp>

namespace sagemaker::detail {

// Gives inputs and outputs without a name theirs: those of the SDK, which count all of them.
inline void name_processing_data(std::vector<ProcessingInput>& inputs,
                                 std::vector<ProcessingOutput>& outputs) {
  std::set<std::string> names;
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    std::string& name = inputs[index].input_name;
    if (name.empty()) name = "input-" + std::to_string(index + 1);
    if (!names.insert(name).second) throw ConfigError("Duplicate input " + name + " not allowed.");
  }
  names.clear();
  for (std::size_t index = 0; index < outputs.size(); ++index) {
    std::string& name = outputs[index].output_name;
    if (name.empty()) name = "output-" + std::to_string(index + 1);
    if (!names.insert(name).second) throw ConfigError("Duplicate output " + name + " not allowed.");
  }
}

inline json processing_input_document(const ProcessingInput& input) {
  json document = object({{"InputName", input.input_name}, {"AppManaged", input.app_managed}});
  if (!input.dataset_definition.is_null()) document["DatasetDefinition"] = input.dataset_definition;
  if (input.source.empty()) return document;
  json& s3 = document["S3Input"] = object({{"S3Uri", input.source}});
  const auto add = [&](const char* member, const std::string& value) {
    if (!value.empty()) s3[member] = value;
  };
  add("LocalPath", input.destination);
  add("S3DataType", input.s3_data_type);
  add("S3InputMode", input.s3_input_mode);
  add("S3DataDistributionType", input.s3_data_distribution_type);
  add("S3CompressionType", input.s3_compression_type);
  return document;
}

inline json processing_output_document(const ProcessingOutput& output) {
  json document = object({{"OutputName", output.output_name}, {"AppManaged", output.app_managed}});
  if (!output.source.empty()) {
    document["S3Output"] = object({{"S3Uri", output.destination},
                                   {"LocalPath", output.source},
                                   {"S3UploadMode", output.s3_upload_mode}});
  }
  if (output.feature_store_output) {
    document["FeatureStoreOutput"] =
        object({{"FeatureGroupName", output.feature_store_output->feature_group_name}});
  }
  return document;
}

inline json network_document(const NetworkConfig& network) {
  json document = object({{"EnableNetworkIsolation", network.enable_network_isolation}});
  if (network.encrypt_inter_container_traffic)
    document["EnableInterContainerTrafficEncryption"] = *network.encrypt_inter_container_traffic;
  if (!network.security_group_ids.empty())
    document["VpcConfig"]["SecurityGroupIds"] = text_array(network.security_group_ids);
  if (!network.subnets.empty()) document["VpcConfig"]["Subnets"] = text_array(network.subnets);
  return document;
}

// The document of CreateProcessingJob. All inputs and outputs have names, and places in S3.
class ProcessingRequest {
 public:
  ProcessingRequest(const ProcessorOptions& options, const ProcessingRunOptions& run)
      : options_(options), run_(run) {}

  std::string job_name;
  std::string image;
  std::string role;
  std::vector<std::string> entrypoint;

  // Throws ConfigError for what no service need be asked about.
  void check() const {
    if (options_.instance_type.empty())
      throw ConfigError("instance_type is missing: name one, for example \"ml.m5.xlarge\"");
    for (const ProcessingInput& input : run_.inputs) {
      const std::string title = "ProcessingInput " + input.input_name;
      if (input.source.empty() == input.dataset_definition.is_null())
        throw ConfigError(title + " needs a source or a dataset_definition, one of them");
      if (!input.source.empty() && input.destination.empty() && !input.app_managed)
        throw ConfigError(title + " needs a destination: a folder below /opt/ml/processing");
      if (input.s3_compression_type == "Gzip" && input.s3_input_mode != "Pipe")
        throw ConfigError("Data can only be gzipped when the input mode is Pipe.");
    }
    for (const ProcessingOutput& output : run_.outputs) {
      if (output.source.empty() && !output.feature_store_output)
        throw ConfigError("ProcessingOutput " + output.output_name +
                          " needs a source: a folder below /opt/ml/processing");
    }
  }

  json document() const {
    json request = object({{"ProcessingJobName", job_name},
                           {"ProcessingResources", object({{"ClusterConfig", cluster()}})},
                           {"AppSpecification", application()},
                           {"RoleArn", role}});
    if (!run_.inputs.empty()) {
      json& inputs = request["ProcessingInputs"] = json::array();
      for (const ProcessingInput& input : run_.inputs) inputs.push_back(processing_input_document(input));
    }
    if (!run_.outputs.empty()) {
      json& outputs = request["ProcessingOutputConfig"]["Outputs"] = json::array();
      for (const ProcessingOutput& output : run_.outputs)
        outputs.push_back(processing_output_document(output));
      if (!options_.output_kms_key.empty())
        request["ProcessingOutputConfig"]["KmsKeyId"] = options_.output_kms_key;
    }
    if (!options_.env.empty()) request["Environment"] = text_object(options_.env);
    if (options_.network_config) request["NetworkConfig"] = network_document(*options_.network_config);
    if (options_.max_runtime_in_seconds)
      request["StoppingCondition"] = object({{"MaxRuntimeInSeconds", *options_.max_runtime_in_seconds}});
    if (!options_.tags.empty()) request["Tags"] = tag_documents(options_.tags);
    if (!run_.experiment_config.empty()) request["ExperimentConfig"] = text_object(run_.experiment_config);
    return request;
  }

 private:
  json cluster() const {
    json cluster = object({{"InstanceType", options_.instance_type},
                           {"InstanceCount", options_.instance_count},
                           {"VolumeSizeInGB", options_.volume_size_in_gb}});
    if (!options_.volume_kms_key.empty()) cluster["VolumeKmsKeyId"] = options_.volume_kms_key;
    return cluster;
  }

  json application() const {
    json application = object({{"ImageUri", image}});
    if (!run_.arguments.empty()) application["ContainerArguments"] = text_array(run_.arguments);
    if (!entrypoint.empty()) application["ContainerEntrypoint"] = text_array(entrypoint);
    return application;
  }

  const ProcessorOptions& options_;
  const ProcessingRunOptions& run_;
};

// ---- from DescribeProcessingJob ----------------------------------------------------------------

inline std::vector<ProcessingInput> inputs_of_job(const json& job) {
  std::vector<ProcessingInput> inputs;
  for (const json& document : array_of(job, "ProcessingInputs")) {
    const json& s3 = object_of(document, "S3Input");
    ProcessingInput& input = inputs.emplace_back();
    input.source = text_of(s3, "S3Uri");
    input.destination = text_of(s3, "LocalPath");
    input.input_name = text_of(document, "InputName");
    input.s3_data_type = text_of(s3, "S3DataType");
    input.s3_input_mode = text_of(s3, "S3InputMode");
    input.s3_data_distribution_type = text_of(s3, "S3DataDistributionType");
    input.s3_compression_type = text_of(s3, "S3CompressionType");
    if (document.contains("DatasetDefinition")) input.dataset_definition = document["DatasetDefinition"];
    input.app_managed = truth_of(document, "AppManaged");
  }
  return inputs;
}

inline std::vector<ProcessingOutput> outputs_of_job(const json& job) {
  std::vector<ProcessingOutput> outputs;
  for (const json& document : array_of(object_of(job, "ProcessingOutputConfig"), "Outputs")) {
    const json& s3 = object_of(document, "S3Output");
    ProcessingOutput& output = outputs.emplace_back();
    output.source = text_of(s3, "LocalPath");
    output.destination = text_of(s3, "S3Uri");
    output.output_name = text_of(document, "OutputName");
    if (!s3.empty()) output.s3_upload_mode = text_of(s3, "S3UploadMode");
    output.app_managed = truth_of(document, "AppManaged");
    if (document.contains("FeatureStoreOutput")) {
      output.feature_store_output =
          FeatureStoreOutput{text_of(object_of(document, "FeatureStoreOutput"), "FeatureGroupName")};
    }
  }
  return outputs;
}

inline NetworkConfig network_of_job(const json& network) {
  const json& vpc = object_of(network, "VpcConfig");
  NetworkConfig config{truth_of(network, "EnableNetworkIsolation"), texts_of(vpc, "SecurityGroupIds"),
                       texts_of(vpc, "Subnets")};
  config.encrypt_inter_container_traffic = maybe_truth(network, "EnableInterContainerTrafficEncryption");
  return config;
}

inline ProcessorOptions processor_options_of_job(const json& job) {
  const json& cluster = object_of(object_of(job, "ProcessingResources"), "ClusterConfig");
  const json& application = object_of(job, "AppSpecification");
  ProcessorOptions options;
  options.role = text_of(job, "RoleArn");
  options.image_uri = text_of(application, "ImageUri");
  options.instance_count = number_of(cluster, "InstanceCount", 1);
  options.instance_type = text_of(cluster, "InstanceType");
  options.entrypoint = texts_of(application, "ContainerEntrypoint");
  options.volume_size_in_gb = number_of(cluster, "VolumeSizeInGB", options.volume_size_in_gb);
  options.volume_kms_key = text_of(cluster, "VolumeKmsKeyId");
  options.output_kms_key = text_of(object_of(job, "ProcessingOutputConfig"), "KmsKeyId");
  options.max_runtime_in_seconds = maybe_number(object_of(job, "StoppingCondition"), "MaxRuntimeInSeconds");
  options.base_job_name = base_of_name(text_of(job, "ProcessingJobName"));
  const json& environment = object_of(job, "Environment");
  for (auto entry = environment.begin(); entry != environment.end(); ++entry)
    options.env[entry.key()] = entry->get<std::string>();
  if (job.contains("NetworkConfig")) options.network_config = network_of_job(job["NetworkConfig"]);
  return options;
}

}  // namespace sagemaker::detail
