#include "emulator/services/sagemaker/training/request.hpp"

#include <stdexcept>

#include "emulator/services/sagemaker/training/input_channels.hpp"

namespace sagemaker::local::services {

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
  spec.environment = base_container_environment(platform);
  const json variables = job.value("Environment", json::object());
  for (const auto& [name, value] : variables.items()) spec.environment[name] = value;
  spec.environment["TRAINING_JOB_NAME"] = spec.job_name;
  spec.environment["TRAINING_JOB_ARN"] = job.at("TrainingJobArn");
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
