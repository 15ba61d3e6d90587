#include "emulator/services/sagemaker/training/artifacts.hpp"

#include <stdexcept>

#include "emulator/services/sagemaker/s3_locations.hpp"

namespace sagemaker::local::services {

void publish_artifacts(Platform& platform, const json& job, const std::filesystem::path& directory,
                       const std::string& name, const runner::Cancelled& cancelled) {
  const json& output = job.at("OutputDataConfig");
  S3Location target = parse_s3_uri(output.at("S3OutputPath").get<std::string>());
  if (!platform.objects.find_bucket(target.bucket))
    throw std::runtime_error("the bucket " + target.bucket + " of S3OutputPath does not exist");
  while (target.key.ends_with('/')) target.key.pop_back();
  if (!target.key.empty()) target.key += '/';
  target.key += job.at("TrainingJobName").get<std::string>() + "/output/";
  if (output.value("CompressionType", "GZIP") == "NONE") {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
      if (std::filesystem::is_regular_file(
              entry.symlink_status()))  // no link: it could lead to any file of this machine
        platform.objects.put_file(
            target.bucket,
            target.key + name + "/" + std::filesystem::relative(entry.path(), directory).string(),
            entry.path());
    return;
  }
  const std::filesystem::path archive = directory.parent_path() / (name + ".tar.gz");
  runner::pack_tar_gz(directory, archive, cancelled);
  platform.objects.put_file(target.bucket, target.key + name + ".tar.gz", archive,
                            {{"ContentType", "application/x-gzip"}});
}

std::string model_artifacts_uri(const json& job) {
  const json& output = job.at("OutputDataConfig");
  std::string uri = output.at("S3OutputPath");
  while (uri.ends_with('/')) uri.pop_back();
  return uri + "/" + job.at("TrainingJobName").get<std::string>() + "/output/model" +
         (output.value("CompressionType", "GZIP") == "NONE" ? "/" : ".tar.gz");
}

}  // namespace sagemaker::local::services
