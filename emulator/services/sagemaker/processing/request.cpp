// See request.hpp. Sources: the developer guide's "How Amazon SageMaker Processing Configures Your Processing
// Container" for /opt/ml/config/processingjobconfig.json.
#include "emulator/services/sagemaker/processing/request.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "emulator/services/sagemaker/s3_files.hpp"

namespace sagemaker::local::services {
namespace {

using runner::InputFile;

constexpr std::uint64_t gib = 1ull << 30;

// A request's own variables win over the platform's, but for the job's name and ARN, which libraries in the
// container tell a processing job by.
std::map<std::string, std::string> environment_of(const json& job, const Platform& platform) {
  std::map<std::string, std::string> environment = base_container_environment(platform);
  const json variables = job.value("Environment", json::object());
  for (const auto& [name, value] : variables.items()) environment[name] = value;
  environment["PROCESSING_JOB_NAME"] = job.at("ProcessingJobName");
  environment["PROCESSING_JOB_ARN"] = job.at("ProcessingJobArn");
  return environment;
}

// The request as AWS shows it to the container: what may be asked for and was not is null.
json config_of(const json& job) {
  json config = json::object();
  for (const char* member : {"ProcessingJobArn", "ProcessingJobName", "AppSpecification", "ProcessingInputs",
                             "ProcessingOutputConfig", "ProcessingResources", "RoleArn", "StoppingCondition"})
    config[member] = job.contains(member) ? job[member] : json();
  config["Environment"] = job.value("Environment", json::object());
  for (const char* member : {"NetworkConfig", "ExperimentConfig"})
    if (job.contains(member)) config[member] = job[member];
  for (const char* member : {"ContainerEntrypoint", "ContainerArguments"})
    config["AppSpecification"].emplace(member, nullptr);
  config["ProcessingResources"]["ClusterConfig"].emplace("VolumeKmsKeyId", nullptr);
  if (config["ProcessingInputs"].is_null()) config["ProcessingInputs"] = json::array();
  for (json& input : config["ProcessingInputs"])
    if (input.contains("S3Input")) input["S3Input"].emplace("S3DownloadMode", "StartOfJob");
  json& outputs = config["ProcessingOutputConfig"];
  if (outputs.is_null()) outputs = {{"Outputs", json::array()}};
  outputs.emplace("KmsKeyId", nullptr);
  return config;
}

struct Source {
  const store::Objects& objects;
  S3Location location;
  bool manifest = false;
  bool sharded = false;
};

std::vector<InputFile> files_for(const Source& source, int host, int hosts) {
  std::vector<InputFile> all = source.manifest ? manifest_files(source.objects, source.location)
                                               : prefix_files(source.objects, source.location);
  if (all.empty())
    throw std::runtime_error("Failed to download data. No S3 objects found under S3 URL \"" +
                             source.location.uri() + "\".");
  if (!source.sharded) return all;
  std::vector<InputFile> shard;
  for (auto i = static_cast<std::size_t>(host); i < all.size(); i += static_cast<std::size_t>(hosts))
    shard.push_back(std::move(all[i]));
  return shard;
}

runner::ProcessingSpec::Input input_of(const json& input, const store::Objects& objects) {
  const json& s3 = input.at("S3Input");
  const auto source = std::make_shared<const Source>(
      Source{objects, parse_s3_uri(s3.at("S3Uri").get<std::string>()), s3.at("S3DataType") == "ManifestFile",
             s3.value("S3DataDistributionType", "FullyReplicated") == "ShardedByS3Key"});
  runner::ProcessingSpec::Input result;
  result.name = input.at("InputName");
  result.local_path = s3.at("LocalPath").get<std::string>();
  result.files = [source](int host, int hosts) { return files_for(*source, host, hosts); };
  result.locate = [source](const InputFile& file) { return locate_object(source->objects, file.uri); };
  return result;
}

}  // namespace

runner::ProcessingSpec processing_spec(const json& job, Platform& platform) {
  const json& application = job.at("AppSpecification");
  const json& cluster = job.at("ProcessingResources").at("ClusterConfig");
  runner::ProcessingSpec spec;
  spec.job_name = job.at("ProcessingJobName");
  const auto image = platform.images.resolve(application.at("ImageUri").get<std::string>());
  if (!image) throw std::runtime_error("the image is not known any more");
  spec.image = *image;
  spec.entry_point = application.value("ContainerEntrypoint", std::vector<std::string>{});
  spec.arguments = application.value("ContainerArguments", std::vector<std::string>{});
  spec.environment = environment_of(job, platform);
  spec.config = config_of(job);
  spec.instance_type = cluster.at("InstanceType");
  spec.instance_count = cluster.at("InstanceCount");
  spec.volume_bytes = cluster.at("VolumeSizeInGB").get<std::uint64_t>() * gib;
  spec.isolated_network = job.value("NetworkConfig", json::object()).value("EnableNetworkIsolation", false);
  spec.run_seconds_max =
      std::chrono::seconds(job.at("StoppingCondition").at("MaxRuntimeInSeconds").get<std::int64_t>());
  spec.root = platform.work_directory / "processing" / spec.job_name;
  for (const json& input : job.value("ProcessingInputs", json::array()))
    if (!input.value("AppManaged", false)) spec.inputs.push_back(input_of(input, platform.objects));
  for (const json& output :
       job.value("ProcessingOutputConfig", json::object()).value("Outputs", json::array()))
    if (!output.value("AppManaged", false))
      spec.outputs.push_back(
          {output.at("OutputName"), output.at("S3Output").at("LocalPath").get<std::string>()});
  return spec;
}

}  // namespace sagemaker::local::services
