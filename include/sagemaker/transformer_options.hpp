// What a Transformer and its jobs are told: names and defaults of the SageMaker Python SDK's Transformer.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/estimator_options.hpp>

namespace sagemaker {

struct TransformerOptions {
  std::string model_name = {};  // a model that exists; Estimator::transformer: what the new one is called
  int instance_count = 1;
  std::string instance_type = {};  // "ml.m5.large"; must be given
  // "MultiRecord": as many records in one request as max_payload allows; "SingleRecord": one. What is empty
  // here and below is the container's to choose, or the service's.
  std::string strategy = {};
  std::string assemble_with = {};  // "Line": every record's answer ends its line; "None": they are joined
  std::string output_path = {};    // s3://bucket/prefix; empty: a folder of the job's in the default bucket
  std::string output_kms_key = {};
  std::string accept = {};                            // the content type of the answers
  std::optional<int> max_concurrent_transforms = {};  // requests to one container at once
  std::optional<int> max_payload = {};                // MB in one request; 0: whole objects, streamed
  std::vector<Tag> tags = {};                         // Estimator::transformer: empty: the estimator's
  std::map<std::string, std::string> env = {};        // of the containers, beside the model's own
  std::string base_transform_job_name = {};  // jobs are named {base}-{time}; empty: as the model's image
  std::string volume_kms_key = {};
};

// How the service asks the containers.
struct ModelClientConfig {
  std::optional<int> invocations_timeout_in_seconds = {};  // 1 to 3600; empty: 600
  std::optional<int> invocations_max_retries = {};         // 0 to 3; empty: 3
};

// Keeps manifests of what went in and came out, for SageMaker Model Monitor.
struct BatchDataCaptureConfig {
  std::string destination_s3_uri;
  std::string kms_key_id = {};
  std::optional<bool> generate_inference_id = {};  // adds an identifier and the time to every record's answer
};

// What one job is told.
struct TransformOptions {
  std::string data_type = "S3Prefix";  // or "ManifestFile": the data is a list of objects
  std::string content_type = {};       // of the objects: "text/csv"
  std::string compression_type = {};   // "Gzip" where the objects are to be unpacked
  std::string split_type = {};         // "Line", "RecordIO" or "TFRecord": the records; empty: whole objects
  std::string job_name = {};           // empty: made from base_transform_job_name and the time
  std::string input_filter = {};       // a JSONPath: what of each record the model gets, "$[1:]"
  std::string output_filter = {};      // a JSONPath: what of each answer, or joined record, is kept
  std::string join_source = {};        // "Input": each record is stored with its answer
  std::map<std::string, std::string> experiment_config = {};  // ExperimentName, TrialName, ...
  std::optional<ModelClientConfig> model_client_config = {};
  std::optional<BatchDataCaptureConfig> batch_data_capture_config = {};
  bool wait = true;  // until the job ends; throws if it fails
  bool logs = true;  // with wait: print what the containers and the service write
};

}  // namespace sagemaker
