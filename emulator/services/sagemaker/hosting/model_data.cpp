#include "emulator/services/sagemaker/hosting/model_data.hpp"

#include <stdexcept>

#include "emulator/services/sagemaker/s3_locations.hpp"

namespace sagemaker::local::services::hosting {
namespace {

namespace fs = std::filesystem;

std::runtime_error nothing_at(const std::string& uri) {
  return std::runtime_error("Could not find model data at " + uri + ".");
}

}  // namespace

std::string model_uri(const json& definition) {
  const json source =
      definition.value("ModelDataSource", json::object()).value("S3DataSource", json::object());
  return definition.value("ModelDataUrl", source.value("S3Uri", ""));
}

void keep_object(const store::Objects& objects, const store::ObjectInfo& info, const fs::path& target) {
  fs::create_directories(target.parent_path());
  std::error_code error;
  fs::create_hard_link(objects.blob_path(info), target, error);
  if (error) fs::copy_file(objects.blob_path(info), target, fs::copy_options::overwrite_existing);
}

fs::path keep_model(const store::Objects& objects, const json& definition, const fs::path& root) {
  const json source =
      definition.value("ModelDataSource", json::object()).value("S3DataSource", json::object());
  const std::string uri = model_uri(definition);
  if (uri.empty()) return {};
  const bool packed = source.value("CompressionType", "Gzip") != "None";
  const fs::path target = root / (packed ? "model.tar.gz" : "model-files");
  if (fs::exists(target)) return target;
  const S3Location location = parse_s3_uri(uri);
  const fs::path partial = target.string() + ".part";
  fs::remove_all(partial);
  if (packed) {
    const auto info = objects.find(location.bucket, location.key);
    if (!info) throw nothing_at(uri);
    keep_object(objects, *info, partial);
  } else if (source.value("S3DataType", "S3Prefix") == "S3Object") {
    const auto info = objects.find(location.bucket, location.key);
    if (!info) throw nothing_at(uri);
    keep_object(objects, *info, partial / fs::path(location.key).filename());
  } else {
    const auto found = objects_under(objects, location);
    if (found.empty()) throw nothing_at(uri);
    for (const store::ObjectInfo& info : found) {
      const fs::path relative = fs::path(relative_name(info.key, location.key)).lexically_normal();
      if (relative.is_absolute() || relative.string().starts_with(".."))
        throw std::runtime_error("the key " + info.key + " of the model data leaves its folder");
      keep_object(objects, info, partial / relative);
    }
  }
  fs::rename(partial, target);
  return target;
}

}  // namespace sagemaker::local::services::hosting
