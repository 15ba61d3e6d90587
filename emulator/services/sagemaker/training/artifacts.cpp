#include "emulator/services/sagemaker/training/artifacts.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "emulator/runner/host_tree.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::services {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_bytes_max = 1024;
constexpr int depth_max = 256;  // as in archives

json metadata_of(const json& output, const char* content_type) {
  json metadata = json::object();
  if (*content_type) metadata["ContentType"] = content_type;
  if (const std::string key = output.value("KmsKeyId", ""); !key.empty())
    metadata.update({{"ServerSideEncryption", "aws:kms"}, {"SSEKMSKeyId", key}});
  return metadata;
}

// Uploads a folder file by file. Links and special files are left out: a link could lead to any file of this
// machine, and S3 has neither. A folder without files leaves nothing.
class FolderUpload {
 public:
  FolderUpload(store::Objects& objects, const S3Location& target, json metadata,
               const runner::Cancelled& cancelled)
      : objects_(objects), target_(target), metadata_(std::move(metadata)), cancelled_(cancelled) {}

  void upload(const fs::path& folder, const std::string& key, int depth = 0) {
    if (depth > depth_max) throw std::runtime_error("'" + key + "' is nested too deeply to be uploaded");
    std::vector<fs::path> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    for (const fs::path& name : names) {
      if (cancelled_ && cancelled_()) throw runner::ArchiveCancelled();
      const fs::file_status status = fs::symlink_status(folder / name);
      if (fs::is_directory(status)) {
        upload(folder / name, key + name.string() + "/", depth + 1);
      } else if (fs::is_regular_file(status)) {
        put(folder / name, key + name.string());
      }
    }
  }

 private:
  void put(const fs::path& file, const std::string& key) {
    if (!is_utf8(key))
      throw std::runtime_error("the file name '" + runner::clean_text(key, key_bytes_max) +
                               "' is not UTF-8 and cannot be the key of an object");
    if (key.size() > key_bytes_max)
      throw std::runtime_error("the file name '" + key + "' is too long for the key of an object");
    objects_.put_file(target_.bucket, key, file, metadata_);
  }

  store::Objects& objects_;
  const S3Location& target_;
  const json metadata_;
  const runner::Cancelled& cancelled_;
};

}  // namespace

void publish_artifacts(Platform& platform, const json& job, const fs::path& directory,
                       const std::string& name, const runner::Cancelled& cancelled) {
  const json& output = job.at("OutputDataConfig");
  S3Location target = parse_s3_uri(output.at("S3OutputPath").get<std::string>());
  if (!platform.objects.find_bucket(target.bucket))
    throw std::runtime_error("the bucket " + target.bucket + " of S3OutputPath does not exist");
  while (target.key.ends_with('/')) target.key.pop_back();
  if (!target.key.empty()) target.key += '/';
  target.key += job.at("TrainingJobName").get<std::string>() + "/output/";
  if (output.value("CompressionType", "GZIP") == "NONE") {
    FolderUpload(platform.objects, target, metadata_of(output, ""), cancelled)
        .upload(directory, target.key + name + "/");
    return;
  }
  const fs::path archive = directory.parent_path() / (name + ".tar.gz");
  runner::pack_tar_gz(directory, archive, cancelled);
  platform.objects.put_file(target.bucket, target.key + name + ".tar.gz", archive,
                            metadata_of(output, "application/x-gzip"));
}

std::string model_artifacts_uri(const json& job) {
  const json& output = job.at("OutputDataConfig");
  std::string uri = output.at("S3OutputPath");
  while (uri.ends_with('/')) uri.pop_back();
  return uri + "/" + job.at("TrainingJobName").get<std::string>() + "/output/model" +
         (output.value("CompressionType", "GZIP") == "NONE" ? "/" : ".tar.gz");
}

}  // namespace sagemaker::local::services
