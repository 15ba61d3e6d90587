#include "emulator/services/sagemaker/training/request.hpp"

#include <stdexcept>

#include "emulator/services/sagemaker/training/input_channels.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::uint64_t gib = 1ull << 30;

// The variables of every training container. A request's own win over the platform's, but for the job's name
// and ARN.
std::map<std::string, std::string> environment_of(const json& job, const Platform& platform) {
  std::map<std::string, std::string> environment = base_container_environment(platform);
  // Where the toolkits and the SDK's local mode look for the region and for S3.
  environment.try_emplace("SAGEMAKER_REGION", platform.region);
  if (const auto endpoint = environment.find("AWS_ENDPOINT_URL"); endpoint != environment.end())
    environment.try_emplace("S3_ENDPOINT_URL", endpoint->second);
  const json variables = job.value("Environment", json::object());
  for (const auto& [name, value] : variables.items()) environment[name] = value;
  environment["TRAINING_JOB_NAME"] = job.at("TrainingJobName");
  environment["TRAINING_JOB_ARN"] = job.at("TrainingJobArn");
  return environment;
}

// The documents in /opt/ml/input/config beside the three that AWS describes. What AWS writes into them is not
// published, so they hold what the request says about their subject. The debugger's and the profiler's
// libraries switch themselves on where their file exists: those are there only where the request asks.
std::map<std::string, json> config_files(const json& job) {
  json request = json::object();
  for (const char* member :
       {"TrainingJobName", "TrainingJobArn", "RoleArn", "HyperParameters", "AlgorithmSpecification",
        "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "CheckpointConfig",
        "Environment", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining", "VpcConfig", "ExperimentConfig", "RetryStrategy"})
    if (job.contains(member)) request[member] = job[member];
  const json inputs = job.value("InputDataConfig", json::array());
  json init = {{"TrainingJobName", job.at("TrainingJobName")}, {"InputDataConfig", inputs}};
  if (job.contains("CheckpointConfig")) init["CheckpointConfig"] = job["CheckpointConfig"];
  std::map<std::string, json> files = {
      {"init-config.json", init},
      {"trainingjobconfig.json", request},
      {"upstreamoutputdataconfig.json", job.at("OutputDataConfig")},
      {"metric-definition-regex.json",
       job.at("AlgorithmSpecification").value("MetricDefinitions", json::array())}};
  if (job.contains("DebugHookConfig")) {
    files["debughookconfig.json"] = job["DebugHookConfig"];
    files["debughookconfig.json"].emplace("LocalPath", "/opt/ml/output/tensors");
  }
  if (job.contains("ProfilerConfig") && !job["ProfilerConfig"].value("DisableProfiler", false))
    files["profilerconfig.json"] = job["ProfilerConfig"];
  return files;
}

}  // namespace

runner::TrainingSpec training_spec(const json& job, Platform& platform) {
  const json& algorithm = job.at("AlgorithmSpecification");
  const json& resources = job.at("ResourceConfig");
  runner::TrainingSpec spec;
  spec.job_name = job.at("TrainingJobName");
  if (const auto image = platform.images.resolve(algorithm.at("TrainingImage").get<std::string>())) {
    spec.image = *image;
  } else {
    throw std::runtime_error("the image is not known any more");
  }
  spec.entry_point = algorithm.value("ContainerEntrypoint", std::vector<std::string>{});
  spec.arguments = algorithm.value("ContainerArguments", std::vector<std::string>{});
  spec.hyperparameters = job.value("HyperParameters", json::object());
  spec.environment = environment_of(job, platform);
  spec.config_files = config_files(job);
  spec.volume_bytes = resources.value("VolumeSizeInGB", std::uint64_t{0}) * gib;
  if (resources.contains("InstanceGroups")) {
    spec.instance_count = 0;
    for (const json& group : resources["InstanceGroups"]) {
      spec.instance_groups.push_back(
          {group.at("InstanceGroupName"), group.at("InstanceType"), group.at("InstanceCount")});
      spec.instance_count += spec.instance_groups.back().instance_count;
    }
    spec.instance_type = spec.instance_groups.front().instance_type;
  } else {
    spec.instance_type = resources.at("InstanceType");
    spec.instance_count = resources.at("InstanceCount");
  }
  spec.run_seconds_max =
      std::chrono::seconds(job.at("StoppingCondition").at("MaxRuntimeInSeconds").get<std::int64_t>());
  if (const auto checkpoints = job.find("CheckpointConfig"); checkpoints != job.end())
    spec.checkpoint_path = checkpoints->value("LocalPath", spec.checkpoint_path.string());
  spec.root = platform.work_directory / "training" / spec.job_name;
  const std::string mode = algorithm.at("TrainingInputMode");
  for (const json& channel : job.value("InputDataConfig", json::array()))
    spec.channels.push_back(input_channel(channel, mode, platform.objects));
  return spec;
}

}  // namespace sagemaker::local::services
