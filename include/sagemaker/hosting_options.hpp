// What models and endpoints are told: names and defaults of the SageMaker Python SDK's Model.deploy and of
// the configurations that it takes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/estimator_options.hpp>
#include <sagemaker/serializers.hpp>

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
  std::string kms_key = {};             // for the packed sources and the repacked model
  std::string container_hostname = {};  // its name among several containers, by which Direct ones are invoked
  std::optional<bool> accept_eula = {};          // for models whose licence asks for it
  json image_config = {};                        // ContainerDefinition.ImageConfig
  json additional_model_data_sources = {};       // ContainerDefinition.AdditionalModelDataSources, an array
  std::string framework_version = {};            // sm::PyTorchModel only: "2.4"
  std::string py_version = {};                   // sm::PyTorchModel only: "py311"
  std::optional<int> model_server_workers = {};  // sm::PyTorchModel only: processes; empty: one a CPU
};

// Instances come when requests do: no instance type, and no cost while nobody asks.
struct ServerlessInferenceConfig {
  int memory_size_in_mb = 2048;                     // 1024 to 6144, in steps of 1024
  int max_concurrency = 5;                          // invocations at once; more are refused
  std::optional<int> provisioned_concurrency = {};  // kept warm
};

// Requests wait in a queue, and answers are written to S3.
struct AsyncInferenceConfig {
  std::string output_path =
      {};  // s3://bucket/prefix; empty: below async-endpoint-outputs of the default bucket
  std::optional<int> max_concurrent_invocations_per_instance = {};  // empty: the service's choice
  std::string kms_key_id = {};
  // {"SuccessTopic": ARN, "ErrorTopic": ARN, "IncludeInferenceResponseIn": [...]}
  json notification_config = {};
  std::string failure_path = {};  // empty: below async-endpoint-failures of the default bucket
};

// Some of the requests and answers are kept in S3, as lines of JSON.
struct DataCaptureConfig {
  bool enable_capture = true;
  int sampling_percentage = 20;
  std::string destination_s3_uri = {};  // empty: model-monitor/data-capture in the default bucket
  std::string kms_key_id = {};
  std::vector<std::string> capture_options = {"REQUEST", "RESPONSE"};
  std::vector<std::string> csv_content_types = {"text/csv"};  // kept as text; others as Base64
  std::vector<std::string> json_content_types = {"application/json"};
};

// What each copy of an inference component needs.
struct ResourceRequirements {
  struct Requests {
    std::optional<double> num_cpus = {};
    std::optional<double> num_accelerators = {};  // GPUs
    int memory = 0;                               // MB; must be given
    int copies = 1;
  };
  struct Limits {
    std::optional<int> memory = {};  // MB
  };
  Requests requests = {};
  Limits limits = {};
};

// Of an endpoint with inference components: instances come and go with their copies.
struct ManagedInstanceScaling {
  std::optional<int> min_instance_count = {};  // empty: initial_instance_count
  std::optional<int> max_instance_count = {};
};

struct DeployOptions {
  int initial_instance_count = 1;
  std::string instance_type = {};  // must be given unless there is a serverless_inference_config
  std::string endpoint_name = {};  // empty: made from the model's name and the time
  std::string model_name = {};     // Estimator::deploy only: the name of the model that is made
  std::optional<Serializer> serializer = {};
  std::optional<Deserializer> deserializer = {};
  std::vector<Tag> tags = {};
  std::string kms_key = {};  // encrypts the instances' storage
  bool wait = true;          // until the endpoint is InService
  std::optional<DataCaptureConfig> data_capture_config = {};
  std::optional<AsyncInferenceConfig> async_inference_config =
      {};  // then use the result as an AsyncPredictor
  std::optional<ServerlessInferenceConfig> serverless_inference_config = {};
  std::optional<int> volume_size = {};                             // GB
  std::optional<int> model_data_download_timeout = {};             // seconds
  std::optional<int> container_startup_health_check_timeout = {};  // seconds
  std::string routing_strategy = {};       // "RANDOM" or "LEAST_OUTSTANDING_REQUESTS", between instances
  std::string inference_ami_version = {};  // of GPU instances
  bool endpoint_logging = false;           // with wait: print what the containers write
  bool update_endpoint = false;            // the endpoint is there already and gets this model instead
  // The model becomes an inference component, one of several on the endpoint endpoint_name, which is created
  // where it is not in service yet: the SDK's EndpointType.INFERENCE_COMPONENT_BASED.
  std::optional<ResourceRequirements> resources = {};
  std::optional<ManagedInstanceScaling> managed_instance_scaling = {};  // with resources
  std::string inference_component_name = {};                            // with resources; empty: made up
  json explainer_config = {};  // SageMaker Clarify: not supported, refused
};

}  // namespace sagemaker
