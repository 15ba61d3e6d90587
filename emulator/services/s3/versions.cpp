// Versions of objects: whether a bucket keeps them, and the list of all that it keeps.
#include <limits>
#include <string>
#include <utility>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/listing.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/store/version_ids.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::int64_t behind_the_key = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t before_the_key = std::numeric_limits<std::int64_t>::max();

// Where a page begins: behind this version of this key.
struct Position {
  std::string key;
  std::int64_t sequence = behind_the_key;
};

using VersionPage = Page<store::ObjectInfo>;

VersionPage versions_behind(const store::Objects& objects, const json& input, std::int64_t limit,
                            Position position) {
  const PageRequest asked{text_of(input, "Prefix"), text_of(input, "Delimiter"),
                          static_cast<std::size_t>(limit)};
  const std::string bucket = text_of(input, "Bucket");
  return walk_keys<store::ObjectInfo>(
      asked, std::move(position),
      [&](const Position& behind, std::size_t count) {
        return objects.list_versions(bucket, asked.prefix, behind.key, behind.sequence, count);
      },
      [](const store::ObjectInfo& info) {
        return Position{info.key, info.sequence};
      });
}

json describe_entry(const store::ObjectInfo& info, const json& owner) {
  json entry = {{"Key", info.key},
                {"VersionId", info.version},
                {"IsLatest", info.latest},
                {"LastModified", info.modified_ms / 1000 * 1000},
                {"Owner", owner}};
  if (info.delete_marker) {
    entry["DeleteMarker"] = true;
    return entry;
  }
  entry["ETag"] = in_quotes(info.etag);
  entry["Size"] = info.size;
  entry["StorageClass"] = text_of(info.metadata, "StorageClass", "STANDARD");
  for (const char* member : {"ChecksumAlgorithm", "ChecksumType"}) {
    if (has(info.metadata, member)) entry[member] = info.metadata[member];
  }
  return entry;
}

}  // namespace

Reply Service::put_bucket_versioning(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const json& configuration = part_of(input, "VersioningConfiguration");
  if (text_of(configuration, "MfaDelete", "Disabled") != "Disabled") {
    throw not_implemented("MfaDelete", "MFA delete is not implemented by sagemaker-local");
  }
  if (!has(configuration, "Status")) {
    throw ServiceFault("IllegalVersioningConfigurationException", 400,
                       "The Versioning element must be specified");
  }
  const std::string status = text_of(configuration, "Status");
  if (status != "Enabled" && status != "Suspended") throw malformed_xml();
  if (!objects_.set_versioning(bucket.name, status)) throw no_such_bucket(bucket.name);
  return {};
}

Reply Service::get_bucket_versioning(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  Reply reply;
  if (!bucket.versioning.empty()) reply.document["Status"] = bucket.versioning;
  return reply;
}

Reply Service::list_object_versions(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  check_encoding(input);
  const std::string key_marker = text_of(input, "KeyMarker");
  const std::string version_marker = text_of(input, "VersionIdMarker");
  if (!version_marker.empty() && key_marker.empty()) {
    throw invalid_argument("A version-id marker cannot be specified without a key marker.",
                           "version-id-marker", version_marker);
  }
  Position start{key_marker};
  if (!version_marker.empty()) {
    version_of(input, "VersionIdMarker", "version-id-marker");
    const auto marked = objects_.find_version(bucket.name, key_marker, version_marker);
    // A version that is gone has left its number in its id, but "null" has none: better to repeat than to
    // skip.
    start.sequence = marked ? marked->sequence : store::sequence_of(version_marker).value_or(before_the_key);
  } else if (marks_common_prefix(key_marker, text_of(input, "Prefix"), text_of(input, "Delimiter"))) {
    start.key = behind_all_with(key_marker);
  }
  const std::int64_t limit = page_size(input, "MaxKeys");
  const VersionPage page = versions_behind(objects_, input, limit, std::move(start));
  json output = {{"Name", bucket.name},      {"Prefix", text_of(input, "Prefix")},
                 {"KeyMarker", key_marker},  {"VersionIdMarker", version_marker},
                 {"MaxKeys", limit},         {"IsTruncated", page.truncated},
                 {"Entries", json::array()}, {"CommonPrefixes", json::array()}};
  if (!text_of(input, "Delimiter").empty()) output["Delimiter"] = input["Delimiter"];
  if (has(input, "EncodingType")) output["EncodingType"] = input["EncodingType"];
  if (page.truncated) {
    output["NextKeyMarker"] = page.last();
    if (!page.ends_with_prefix) output["NextVersionIdMarker"] = page.entries.back().version;
  }
  const json owner = owner_of(context);
  for (const store::ObjectInfo& info : page.entries) output["Entries"].push_back(describe_entry(info, owner));
  for (const std::string& prefix : page.common_prefixes) {
    output["CommonPrefixes"].push_back({{"Prefix", prefix}});
  }
  return {std::move(output), std::nullopt};
}

}  // namespace sagemaker::local::services::s3
