#include "emulator/services/sagemaker/transform/input_objects.hpp"

#include <filesystem>
#include <stdexcept>

#include <fcntl.h>

#include "emulator/services/sagemaker/s3_files.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr int open_attempts = 5;

}  // namespace

std::vector<InputObject> input_objects(const store::Objects& objects, const json& request) {
  const json& source = request.at("TransformInput").at("DataSource").at("S3DataSource");
  const S3Location location = parse_s3_uri(source.at("S3Uri").get<std::string>());
  const bool manifest = source.at("S3DataType") == "ManifestFile";
  const auto files = manifest ? manifest_files(objects, location) : prefix_files(objects, location);
  if (files.empty()) throw std::runtime_error("No S3 objects found under S3 URL \"" + location.uri() + "\".");
  std::vector<InputObject> found;
  found.reserve(files.size());
  for (const runner::InputFile& file : files) {
    std::error_code gone;  // by now: whoever opens it will say so
    const auto bytes = std::filesystem::file_size(file.source, gone);
    found.push_back({parse_s3_uri(file.uri), file.relative_path, gone ? 0 : bytes});
  }
  return found;
}

// A put between the look-up and the opening takes the file away; the next look-up finds the new one.
runner::UniqueFd open_object(const store::Objects& objects, const S3Location& location) {
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    const std::filesystem::path file = locate_object(objects, location.uri());
    runner::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) return fd;
    if (errno != ENOENT) throw std::system_error(errno, std::generic_category(), "open " + file.string());
  }
  throw std::runtime_error("cannot read " + location.uri());
}

}  // namespace sagemaker::local::services::transform
