#include "emulator/services/sagemaker/s3_files.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

using runner::InputFile;

constexpr int read_attempts = 5;

[[noreturn]] void missing(const std::string& uri) {
  throw std::runtime_error("Failed to download data. Unable to download object " + uri +
                           " (NoSuchKey: The specified key does not exist.)");
}

}  // namespace

std::filesystem::path locate_object(const store::Objects& objects, const std::string& uri) {
  S3Location location;
  try {
    location = parse_s3_uri(uri);
  } catch (const ServiceFault& fault) {
    throw std::runtime_error(fault.message());
  }
  const auto info = objects.find(location.bucket, location.key);
  if (!info) missing(uri);
  return objects.blob_path(*info);
}

// A put between the look-up and the opening takes the file away; the next look-up finds the new one.
std::string read_object(const store::Objects& objects, const S3Location& location) {
  for (int attempt = 0; attempt < read_attempts; ++attempt) {
    std::ifstream file(locate_object(objects, location.uri()), std::ios::binary);
    std::ostringstream text;
    if (file && text << file.rdbuf()) return text.str();
    if (file && file.peek() == std::ifstream::traits_type::eof()) return "";  // an empty one
  }
  throw std::runtime_error("cannot read " + location.uri());
}

std::vector<InputFile> prefix_files(const store::Objects& objects, const S3Location& location) {
  std::vector<InputFile> files;
  for (const store::ObjectInfo& info : objects_under(objects, location))
    files.push_back({relative_name(info.key, location.key), objects.blob_path(info),
                     S3Location{location.bucket, info.key}.uri()});
  return files;
}

std::vector<InputFile> manifest_files(const store::Objects& objects, const S3Location& location) {
  const std::string name = location.uri();
  json entries;
  try {
    entries = aws::parse_json(read_object(objects, location));
  } catch (const aws::JsonError& error) {
    throw std::runtime_error("the manifest " + name + " is not JSON: " + error.what());
  }
  if (!entries.is_array() || entries.empty() || !entries[0].is_object() || !entries[0].contains("prefix") ||
      !entries[0]["prefix"].is_string())
    throw std::runtime_error("the manifest " + name +
                             " must be a JSON list that starts with {\"prefix\": \"s3://...\"}");
  const std::string prefix = entries[0]["prefix"];
  std::vector<InputFile> files;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (!entries[i].is_string())
      throw std::runtime_error("entry " + std::to_string(i) + " of the manifest " + name +
                               " is not a string");
    const std::string relative = entries[i];
    files.push_back({relative, locate_object(objects, prefix + relative), prefix + relative});
  }
  return files;
}

}  // namespace sagemaker::local::services
