#include "emulator/services/sagemaker/s3_locations.hpp"

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t page = 1000;

// Whether objects_under() would find anything, without reading a million rows to say so.
bool any_object_under(const store::Objects& objects, const S3Location& location) {
  std::string start_after;
  for (std::size_t limit = 2;; limit = page) {  // the first one is often the marker of the folder
    const auto part = objects.list(location.bucket, location.key, start_after, limit);
    for (const store::ObjectInfo& info : part)
      if (!info.key.ends_with('/')) return true;
    if (part.size() < limit) return false;
    start_after = part.back().key;
  }
}

}  // namespace

S3Location parse_s3_uri(std::string_view uri) {
  std::string_view rest = uri;
  if (rest.starts_with("s3://")) {
    rest.remove_prefix(5);
  } else if (rest.starts_with("https://s3") && rest.find('/', 8) != std::string_view::npos) {
    rest.remove_prefix(rest.find('/', 8) + 1);
  } else {
    throw validation_fault("The S3 URI \"" + std::string(uri) +
                           "\" is invalid: it must start with s3:// or https://s3.");
  }
  const std::size_t slash = rest.find('/');
  S3Location location{std::string(rest.substr(0, slash)),
                      slash == std::string_view::npos ? "" : std::string(rest.substr(slash + 1))};
  if (location.bucket.empty())
    throw validation_fault("The S3 URI \"" + std::string(uri) + "\" names no bucket.");
  return location;
}

std::string relative_name(std::string_view key, std::string_view prefix) {
  if (key.size() > prefix.size() && (prefix.empty() || prefix.ends_with('/')))
    return std::string(key.substr(prefix.size()));
  if (key.size() > prefix.size() && key[prefix.size()] == '/')
    return std::string(key.substr(prefix.size() + 1));
  const std::size_t slash = prefix.rfind('/');
  return std::string(key.substr(slash == std::string_view::npos ? 0 : slash + 1));
}

std::vector<store::ObjectInfo> objects_under(const store::Objects& objects, const S3Location& location) {
  std::vector<store::ObjectInfo> found;
  std::string start_after;
  for (;;) {
    const auto part = objects.list(location.bucket, location.key, start_after, page);
    for (const store::ObjectInfo& info : part)
      if (!info.key.ends_with('/')) found.push_back(info);
    if (part.size() < page) return found;
    start_after = part.back().key;
  }
}

void require_objects(const store::Objects& objects, const json& s3_data_source, const std::string& region,
                     const std::string& role) {
  const S3Location location = parse_s3_uri(s3_data_source.at("S3Uri").get<std::string>());
  const bool there = s3_data_source.at("S3DataType") != "S3Prefix"
                         ? objects.find(location.bucket, location.key).has_value()
                         : any_object_under(objects, location);
  if (there) return;
  throw validation_fault(
      "No S3 objects found under S3 URL \"" + location.uri() +
      "\" given in input data source. Please ensure that the bucket exists in the selected region (" +
      region + "), that objects exist under that S3 prefix, and that the role \"" + role +
      "\" has \"s3:ListBucket\" permissions on bucket \"" + location.bucket + "\".");
}

}  // namespace sagemaker::local::services
