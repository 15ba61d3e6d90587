// From a Transformer's options to the document of CreateTransformJob, and from a job's description back.
#pragma once

#include <string>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/hosting_request.hpp>
#include <sagemaker/detail/job_options.hpp>
#include <sagemaker/detail/names.hpp>
#include <sagemaker/detail/training_request.hpp>
#include <sagemaker/transformer_options.hpp>

namespace sagemaker::detail {

// For what is known before anything is sent.
inline void check_transformer(const TransformerOptions& options) {
  if (options.instance_type.empty())
    throw ConfigError("instance_type is missing: name one, for example \"ml.m5.large\"");
}

// What is settled when a job starts.
struct TransformPlaces {
  std::string job_name;
  std::string data;         // s3://...
  std::string output_path;  // s3://...
};

inline json transform_input(const std::string& data, const TransformOptions& job) {
  json input = object(
      {{"DataSource", object({{"S3DataSource", object({{"S3DataType", job.data_type}, {"S3Uri", data}})}})}});
  set_if(input, "ContentType", job.content_type);
  set_if(input, "CompressionType", job.compression_type);
  set_if(input, "SplitType", job.split_type);
  return input;
}

inline json transform_output(const std::string& path, const TransformerOptions& options) {
  json output = object({{"S3OutputPath", path}});
  set_if(output, "KmsKeyId", options.output_kms_key);
  set_if(output, "AssembleWith", options.assemble_with);
  set_if(output, "Accept", options.accept);
  return output;
}

inline json transform_document(const TransformerOptions& options, const TransformOptions& job,
                               const TransformPlaces& places) {
  json resources =
      object({{"InstanceCount", options.instance_count}, {"InstanceType", options.instance_type}});
  set_if(resources, "VolumeKmsKeyId", options.volume_kms_key);
  json request = object({{"TransformJobName", places.job_name},
                         {"ModelName", options.model_name},
                         {"TransformInput", transform_input(places.data, job)},
                         {"TransformOutput", transform_output(places.output_path, options)},
                         {"TransformResources", std::move(resources)}});
  set_if(request, "BatchStrategy", options.strategy);
  set_if(request, "MaxConcurrentTransforms", options.max_concurrent_transforms);
  set_if(request, "MaxPayloadInMB", options.max_payload);
  if (!options.env.empty()) request["Environment"] = text_object(options.env);
  if (!options.tags.empty()) request["Tags"] = tag_documents(options.tags);
  json processing = json::object();
  set_if(processing, "InputFilter", job.input_filter);
  set_if(processing, "OutputFilter", job.output_filter);
  set_if(processing, "JoinSource", job.join_source);
  if (!processing.empty()) request["DataProcessing"] = std::move(processing);
  if (!job.experiment_config.empty()) request["ExperimentConfig"] = text_object(job.experiment_config);
  if (job.model_client_config) {
    json client = json::object();
    set_if(client, "InvocationsTimeoutInSeconds", job.model_client_config->invocations_timeout_in_seconds);
    set_if(client, "InvocationsMaxRetries", job.model_client_config->invocations_max_retries);
    if (!client.empty()) request["ModelClientConfig"] = std::move(client);
  }
  if (const auto& capture = job.batch_data_capture_config) {
    json& document = request["DataCaptureConfig"];
    document = object({{"DestinationS3Uri", capture->destination_s3_uri}});
    set_if(document, "KmsKeyId", capture->kms_key_id);
    set_if(document, "GenerateInferenceId", capture->generate_inference_id);
  }
  return request;
}

// From DescribeTransformJob. Unlike in the SDK the environment comes back too, and jobs to come are called
// as this one without its time.
inline TransformerOptions transformer_options_of_job(const json& job) {
  const json& output = object_of(job, "TransformOutput");
  const json& resources = object_of(job, "TransformResources");
  TransformerOptions options;
  options.model_name = text_of(job, "ModelName");
  options.instance_count = number_of(resources, "InstanceCount", 1);
  options.instance_type = text_of(resources, "InstanceType");
  options.volume_kms_key = text_of(resources, "VolumeKmsKeyId");
  options.strategy = text_of(job, "BatchStrategy");
  options.assemble_with = text_of(output, "AssembleWith");
  options.output_path = text_of(output, "S3OutputPath");
  options.output_kms_key = text_of(output, "KmsKeyId");
  options.accept = text_of(output, "Accept");
  options.max_concurrent_transforms = maybe_number(job, "MaxConcurrentTransforms");
  options.max_payload = maybe_number(job, "MaxPayloadInMB");
  options.base_transform_job_name = base_of_name(text_of(job, "TransformJobName"));
  const json& environment = object_of(job, "Environment");
  for (auto entry = environment.begin(); entry != environment.end(); ++entry)
    options.env[entry.key()] = entry->get<std::string>();
  return options;
}

}  // namespace sagemaker::detail
