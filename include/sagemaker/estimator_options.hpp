// What an Estimator is told: names and defaults of the SageMaker Python SDK's Estimator.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker {

struct Tag {
  std::string key;
  std::string value = {};
};

// A number that CloudWatch reads off the job's log: the first group of the regular expression.
struct MetricDefinition {
  std::string name;
  std::string regex;
};

// Some of the instances of a heterogeneous cluster.
struct InstanceGroup {
  std::string instance_group_name;
  std::string instance_type;  // "ml.c5.xlarge"
  int instance_count = 1;
};

struct EstimatorOptions {
  // Empty with a C++ entry point: {account}.dkr.ecr.{region}.amazonaws.com/sagemaker-cpp:latest.
  std::string image_uri = {};
  std::string algorithm_arn = {};  // instead of an image: an algorithm of one's own or of the Marketplace
  std::string entry_point = {};    // script mode: the file to run; with a source_dir its path in that folder
  // A local folder, packed whole; or s3://.../sourcedir.tar.gz that is there already.
  std::string source_dir = {};
  std::vector<std::string> dependencies = {};  // files and folders put beside the entry point
  std::string framework_version = {};          // sm::PyTorch only: "2.4"
  std::string py_version = {};                 // sm::PyTorch only: "py311"
  json distribution = {};                      // sm::PyTorch only: {"torch_distributed": {"enabled": true}}
  std::string role = {};                       // ARN or name; empty: execution_role(session)
  int instance_count = 1;
  std::string instance_type = {};  // "ml.c5.xlarge"; must be given unless there are instance_groups
  std::vector<InstanceGroup> instance_groups = {};  // instead of instance_count and instance_type
  int volume_size = 30;                             // GB of each instance
  std::string volume_kms_key = {};
  int max_run = 24 * 60 * 60;       // seconds; then the job is stopped
  std::string input_mode = "File";  // or "Pipe", "FastFile"
  std::string output_path = {};     // s3://bucket/prefix for the model; empty: the default bucket
  std::string output_kms_key = {};
  std::string base_job_name = {};  // jobs are named {base}-{time}; empty: the image's name
  std::string code_location = {};  // s3://bucket/prefix for the packed sources; empty: the bucket of
                                   // output_path, else the default bucket
  // Any JSON value; the container finds them in its environment; limits are the service's.
  std::map<std::string, json> hyperparameters = {};
  std::map<std::string, std::string> environment = {};
  std::vector<MetricDefinition> metric_definitions = {};
  std::vector<Tag> tags = {};
  int container_log_level = 20;  // Python's logging: 10 debug, 20 info, 30 warning
  bool use_spot_instances = false;
  std::optional<int> max_wait = {};  // seconds, waiting for spot capacity included; at least max_run
  std::optional<int> max_retry_attempts = {};  // after an internal error of the service
  std::string checkpoint_s3_uri = {};          // kept in step with the local path while the job runs
  std::string checkpoint_local_path = {};      // empty: /opt/ml/checkpoints
  std::vector<std::string> subnets = {};       // a VPC of one's own: both of these or none
  std::vector<std::string> security_group_ids = {};
  bool enable_network_isolation = false;  // the packed sources then reach the job as its channel "code"
  bool encrypt_inter_container_traffic = false;
  std::optional<int> keep_alive_period_in_seconds = {};  // keeps the instances for the next job: a warm pool
  std::vector<std::string> container_entry_point = {};
  std::vector<std::string> container_arguments = {};
  bool disable_output_compression = false;  // the model as single objects instead of a model.tar.gz
  std::string model_uri = {};               // a model to start from, given to the job as a channel
  std::string model_channel_name = "model";
  std::optional<bool> enable_sagemaker_metrics = {};
  std::string training_repository_access_mode = {};  // "Platform" (ECR, the service's default) or "Vpc"
  // A Lambda that knows the registry's password.
  std::string training_repository_credentials_provider_arn = {};
  std::optional<bool> enable_infra_check = {};
  std::optional<bool> enable_remote_debug = {};
  std::optional<bool> enable_session_tag_chaining = {};
  std::string training_plan = {};       // ARN of reserved capacity
  json instance_placement_config = {};  // ResourceConfig.InstancePlacementConfig

  // Debugger and profiler: documents of CreateTrainingJob, sent only where they are given. The Python SDK
  // sends a DebugHookConfig and a ProfilerConfig with every job unless told not to.
  json debugger_hook_config = {};       // DebugHookConfig, or true for the SDK's default one
  json tensorboard_output_config = {};  // TensorBoardOutputConfig
  json debugger_rule_configs = {};      // DebugRuleConfigurations, an array
  json profiler_config = {};            // ProfilerConfig
  json profiler_rule_configs = {};      // ProfilerRuleConfigurations, an array
  bool disable_profiler = false;        // says so to the service
};

}  // namespace sagemaker
