// What a variant of an endpoint configuration, or a batch transform job, asks for, made ready to run: its
// containers with the programs behind their images, and the files of their models kept on this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::hosting {

struct ContainerPlan {
  std::string name;  // "primary"; of several: ContainerHostname, or "container-1", "container-2", ...
  std::string image_name;
  images::Image image;
  std::map<std::string, std::string> environment;  // of the model
  std::string model_uri;                           // s3://..., as the model names it; empty: none
  std::filesystem::path model_data;                // on this machine: a model.tar.gz or a folder; empty: none
  bool multi_model = false;                        // model_uri is the prefix below which the models lie
  bool cache_models = true;                        // MultiModelConfig.ModelCacheSetting
};

struct ServerlessPlan {
  int memory_mb = 2048;
  int max_concurrency = 5;
  int provisioned_concurrency = 0;
};

// How the containers of one instance answer together.
enum class ContainerMode { single, serial, direct };

// What one copy of an inference component may use of an instance.
struct CopyShare {
  int cpus = 0;  // 0: as many as there are
  int gpus = 0;
};

struct VariantPlan {
  std::string endpoint;
  std::string name;
  std::string component = {};      // the inference component whose copies these are; empty: a variant's own
  std::string transform_job = {};  // the batch transform job that these serve; empty: an endpoint
  std::string model_name;          // empty: a variant for inference components
  std::string instance_type;       // empty: serverless
  int initial_instances = 1;
  double initial_weight = 1.0;
  bool shadow = false;
  bool random_routing = true;  // RoutingConfig RANDOM; else LEAST_OUTSTANDING_REQUESTS
  ContainerMode mode = ContainerMode::single;
  bool isolated_network = false;  // EnableNetworkIsolation
  std::chrono::seconds startup_timeout{240};
  std::chrono::seconds download_timeout{3600};
  std::chrono::seconds drain_time{480};  // for how long a request may still be answered by what has to end
  std::optional<ServerlessPlan> serverless;
  std::optional<CopyShare> share;        // of copies of an inference component
  std::uint64_t response_bytes_max = 0;  // of one container's answer
  std::vector<ContainerPlan> containers;
  json document;         // the variant as the configuration has it
  json deployed_images;  // DeployedImages
};

// Whether the variant has no model of its own: it is there for inference components.
inline bool for_components(const VariantPlan& plan) {
  return plan.model_name.empty() && plan.component.empty();
}

// Where the containers' output is: "/aws/sagemaker/Endpoints/NAME",
// "/aws/sagemaker/InferenceComponents/NAME" or "/aws/sagemaker/TransformJobs".
std::string log_group(const VariantPlan& plan);

// The definitions of a model's containers: PrimaryContainer or Containers.
std::vector<json> container_definitions(const json& model);
std::string container_name(const json& model, std::size_t index);

// A container of a model or of an inference component. Keeps its model's files below `kept`.
ContainerPlan plan_container(Platform& platform, const json& definition, const std::string& name,
                             const std::filesystem::path& kept);

// `variant`: an entry of ProductionVariants or ShadowProductionVariants; `models`: documents by name. Keeps
// the models' files below `kept`. Throws std::runtime_error in AWS's words where the model data or the image
// is not there (any more).
VariantPlan plan_variant(Platform& platform, const std::string& endpoint, const json& config,
                         const json& variant, const json& models, const std::filesystem::path& kept);

}  // namespace sagemaker::local::services::hosting
