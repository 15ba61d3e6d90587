// DeleteObject and DeleteObjects. Deleting what is not there is no error; in a bucket that keeps versions it
// leaves a delete marker all the same.
#include <exception>
#include <string>
#include <vector>

#include "emulator/services/s3/conditions.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/store/version_ids.hpp"

namespace sagemaker::local::services::s3 {
namespace {

// Conditions that AWS knows for deletes of directory buckets only.
void refuse_other_conditions(const json& input) {
  for (const char* member : {"IfMatchLastModifiedTime", "IfMatchSize", "LastModifiedTime", "Size"}) {
    if (has(input, member)) throw not_implemented(member);
  }
}

// There is no object lock that could be bypassed.
void refuse_bypass(const json& input) {
  if (!has(input, "BypassGovernanceRetention")) return;
  throw ServiceFault("InvalidArgument", 400,
                     "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
                     {{"ArgumentName", "x-amz-bypass-governance-retention"}});
}

// Where no versions were ever kept no id but "null" can be that of an object.
void require_possible_version(const store::Bucket& bucket, const std::string& version,
                              const std::string& key) {
  if (!bucket.versioning.empty() || version.empty() || version == store::null_version) return;
  throw no_such_version(key, version);
}

void check_if_match(const json& input, const char* member, const store::ObjectInfo* current,
                    const std::string& key) {
  if (has(input, member)) check_write_conditions({{"IfMatch", input[member]}}, current, key);
}

json describe_refusal(const store::Erasure& erasure) {
  try {
    std::rethrow_exception(erasure.refusal);
  } catch (const ServiceFault& fault) {
    json error = {{"Key", erasure.key}, {"Code", fault.code()}, {"Message", fault.message()}};
    if (!erasure.how.version.empty()) error["VersionId"] = erasure.how.version;
    return error;
  }
}

json describe_deletion(const store::Erasure& erasure) {
  json deleted = {{"Key", erasure.key}};
  if (!erasure.how.version.empty()) deleted["VersionId"] = erasure.how.version;
  if (erasure.erased.delete_marker) {
    deleted["DeleteMarker"] = true;
    deleted["DeleteMarkerVersionId"] = erasure.erased.version;
  }
  return deleted;
}

}  // namespace

Reply Service::delete_object(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  const std::string version = version_of(input);
  require_possible_version(bucket, version, key);
  refuse_other_conditions(input);
  refuse_bypass(input);
  const auto check = [&](const store::ObjectInfo* current) {
    check_if_match(input, "IfMatch", current, key);
  };
  const store::Erased erased = objects_.erase(bucket.name, key, {version, now_ms(), check});
  Reply reply;
  if (bucket.versioning.empty()) return reply;
  reply.document["VersionId"] = erased.version;
  if (erased.delete_marker) reply.document["DeleteMarker"] = true;
  return reply;
}

Reply Service::delete_objects(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  refuse_bypass(input);
  const json& request = part_of(input, "Delete");
  const json& entries = part_of(request, "Objects");
  if (entries.empty() || entries.size() > limits_.delete_keys_max) throw malformed_xml();
  const bool quiet = text_of(request, "Quiet") == "true";
  std::vector<store::Erasure> erasures;
  for (const json& entry : entries) {
    const auto check = [this, &bucket, &entry](const store::ObjectInfo* current) {
      check_delete_entry(bucket, entry, current);
    };
    erasures.push_back({text_of(entry, "Key"), {text_of(entry, "VersionId"), now_ms(), check}});
  }
  objects_.erase_all(bucket.name, erasures);
  Reply reply{{{"Deleted", json::array()}, {"Errors", json::array()}}, std::nullopt};
  for (const store::Erasure& erasure : erasures) {
    if (erasure.refusal) {
      reply.document["Errors"].push_back(describe_refusal(erasure));
    } else if (!quiet) {
      reply.document["Deleted"].push_back(describe_deletion(erasure));
    }
  }
  return reply;
}

void Service::check_delete_entry(const store::Bucket& bucket, const json& entry,
                                 const store::ObjectInfo* current) const {
  const std::string key = key_of(entry);
  const std::string version = text_of(entry, "VersionId");
  // Among many keys a version that cannot exist is one that does not exist.
  if (!version.empty() && version != store::null_version && !store::sequence_of(version)) {
    throw no_such_version(key, version);
  }
  require_possible_version(bucket, version, key);
  refuse_other_conditions(entry);
  check_if_match(entry, "ETag", current, key);
}

}  // namespace sagemaker::local::services::s3
