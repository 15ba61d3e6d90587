// What a Processor is told: names and defaults of the SageMaker Python SDK's Processor and ScriptProcessor.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/estimator_options.hpp>

namespace sagemaker {

// Where a job's containers may reach, and how they talk to each other.
struct NetworkConfig {
  bool enable_network_isolation = false;  // no calls to or from the containers
  std::vector<std::string> security_group_ids = {};
  std::vector<std::string> subnets = {};
  std::optional<bool> encrypt_inter_container_traffic = {};
};

// Data that the job finds in its containers. One of `source` and `dataset_definition`.
struct ProcessingInput {
  // s3://bucket/prefix; or a local file or folder, uploaded to s3://{default bucket}/{job}/input/{name}.
  std::string source = {};
  // The folder in the container: "/opt/ml/processing/input/data". May be empty with app_managed alone.
  std::string destination = {};
  std::string input_name = {};                                // empty: "input-1" and so on
  std::string s3_data_type = "S3Prefix";                      // or "ManifestFile"
  std::string s3_input_mode = "File";                         // or "Pipe", "FastFile"
  std::string s3_data_distribution_type = "FullyReplicated";  // or "ShardedByS3Key": a part to each instance
  std::string s3_compression_type = "None";                   // or "Gzip", with Pipe mode alone
  json dataset_definition = {};                               // of Athena or Redshift: the API's document
  bool app_managed = false;                                   // the job fetches it by itself
};

// Where an output's records go besides S3.
struct FeatureStoreOutput {
  std::string feature_group_name;
};

// What of the containers' files is kept.
struct ProcessingOutput {
  std::string source = {};  // the folder in the container: "/opt/ml/processing/output"
  // s3://bucket/prefix; empty: s3://{default bucket}/{job}/output/{name}.
  std::string destination = {};
  std::string output_name = {};             // empty: "output-1" and so on
  std::string s3_upload_mode = "EndOfJob";  // or "Continuous": while the job runs, too
  bool app_managed = false;                 // the job stores it by itself
  std::optional<FeatureStoreOutput> feature_store_output = {};
};

struct ProcessorOptions {
  std::string role = {};  // ARN or name; empty: execution_role()
  // ScriptProcessor: empty with C++ code, {account}.dkr.ecr.{region}.amazonaws.com/sagemaker-cpp:latest.
  std::string image_uri = {};
  // ScriptProcessor: what runs the script. Empty: {"python3"} for .py, {"/bin/bash"} for .sh, and nothing
  // for C++, which the sagemaker-cpp image compiles and runs.
  std::vector<std::string> command = {};
  int instance_count = 1;
  std::string instance_type = {};            // "ml.m5.xlarge"
  std::vector<std::string> entrypoint = {};  // Processor: instead of the image's own
  int volume_size_in_gb = 30;
  std::string volume_kms_key = {};
  std::string output_kms_key = {};
  std::optional<int> max_runtime_in_seconds = {};  // empty: a day; then the job is stopped
  std::string base_job_name = {};                  // empty: made from the image's name
  std::map<std::string, std::string> env = {};
  std::vector<Tag> tags = {};
  std::optional<NetworkConfig> network_config = {};
};

struct ProcessingRunOptions {
  std::vector<ProcessingInput> inputs = {};
  std::vector<ProcessingOutput> outputs = {};
  std::vector<std::string> arguments = {};
  // ScriptProcessor: a local folder that is uploaded whole, or s3://bucket/prefix where it lies already; the
  // code is then named by its path in there.
  std::string source_dir = {};
  bool wait = true;                                           // until the job ends; throws if it fails
  bool logs = true;                                           // with wait: print the job's output as it comes
  std::string job_name = {};                                  // empty: made from base_job_name and the time
  std::map<std::string, std::string> experiment_config = {};  // ExperimentName, TrialName, ...
  std::string kms_key = {};                                   // encrypts what is uploaded
};

}  // namespace sagemaker
