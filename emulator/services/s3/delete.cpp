// DeleteObject and DeleteObjects. Deleting what is not there is no error.
#include <string>

#include "emulator/services/s3/conditions.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

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

}  // namespace

Reply Service::delete_object(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  require_current_version(input, "VersionId", key);
  refuse_other_conditions(input);
  refuse_bypass(input);
  objects_.erase(bucket.name, key, [&](const store::ObjectInfo* current) {
    if (has(input, "IfMatch")) check_write_conditions({{"IfMatch", input["IfMatch"]}}, current, key);
  });
  return {};
}

Reply Service::delete_objects(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  refuse_bypass(input);
  const json& request = part_of(input, "Delete");
  const json& entries = part_of(request, "Objects");
  if (entries.empty() || entries.size() > limits_.delete_keys_max) throw malformed_xml();
  const bool quiet = text_of(request, "Quiet") == "true";
  Reply reply{{{"Deleted", json::array()}, {"Errors", json::array()}}, std::nullopt};
  for (const json& entry : entries) {
    try {
      const std::string key = key_of(entry);
      require_current_version(entry, "VersionId", key);
      refuse_other_conditions(entry);
      objects_.erase(bucket.name, key, [&](const store::ObjectInfo* current) {
        if (has(entry, "ETag")) check_write_conditions({{"IfMatch", entry["ETag"]}}, current, key);
      });
      json deleted = {{"Key", key}};
      if (has(entry, "VersionId")) deleted["VersionId"] = entry["VersionId"];
      if (!quiet) reply.document["Deleted"].push_back(std::move(deleted));
    } catch (const ServiceFault& fault) {
      reply.document["Errors"].push_back(
          {{"Key", text_of(entry, "Key")}, {"Code", fault.code()}, {"Message", fault.message()}});
    }
  }
  return reply;
}

}  // namespace sagemaker::local::services::s3
