#include "emulator/services/sagemaker/training/request.hpp"

#include <stdexcept>

#include "emulator/services/sagemaker/s3_locations.hpp"

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
  spec.instance_type = resources.at("InstanceType");
  spec.instance_count = resources.at("InstanceCount");
  spec.run_seconds_max =
      std::chrono::seconds(job.at("StoppingCondition").at("MaxRuntimeInSeconds").get<std::int64_t>());
  if (const auto checkpoints = job.find("CheckpointConfig"); checkpoints != job.end())
    spec.checkpoint_path = checkpoints->value("LocalPath", spec.checkpoint_path.string());
  spec.root = platform.work_directory / "training" / spec.job_name;
  for (const json& channel : job.value("InputDataConfig", json::array())) {
    const json& source = channel.at("DataSource").at("S3DataSource");
    json config = {{"TrainingInputMode",
                    channel.value("InputMode", algorithm.at("TrainingInputMode").get<std::string>())},
                   {"S3DistributionType", source.value("S3DataDistributionType", "FullyReplicated")},
                   {"RecordWrapperType", channel.value("RecordWrapperType", "None")}};
    if (channel.contains("ContentType")) config["ContentType"] = channel["ContentType"];
    spec.channels.push_back(
        {channel.at("ChannelName"), config, [&objects = platform.objects, source](int host, int count) {
           return channel_files(objects, source, host, count);
         }});
  }
  return spec;
}

}  // namespace sagemaker::local::services
