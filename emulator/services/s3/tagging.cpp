// The tags of an object: read, replaced, taken away. Each version has its own.
#include <string>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/services/s3/tags.hpp"

namespace sagemaker::local::services::s3 {

Reply Service::get_object_tagging(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const store::ObjectInfo info = existing_object(bucket, key_of(input), version_of(input));
  Reply reply;
  reply.document["TagSet"] = has(info.metadata, "Tags") ? info.metadata["Tags"] : json::array();
  describe_version(bucket, info, reply.document);
  return reply;
}

Reply Service::put_object_tagging(const CallContext& context, const json& input, BodySource&) {
  const json& tags = part_of(part_of(input, "Tagging"), "TagSet");
  check_object_tags(tags);
  return retag(context, input, tags);
}

Reply Service::delete_object_tagging(const CallContext& context, const json& input, BodySource&) {
  return retag(context, input, json::array());
}

Reply Service::retag(const CallContext& context, const json& input, const json& tags) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  // The version that is there now, even if a newer one comes meanwhile.
  const store::ObjectInfo info = existing_object(bucket, key, version_of(input));
  const auto changed = objects_.change_metadata(bucket.name, key, info.version, [&](json& metadata) {
    metadata.erase("Tags");
    if (!tags.empty()) metadata["Tags"] = tags;
  });
  if (!changed) throw no_such_key(key);
  Reply reply;
  describe_version(bucket, info, reply.document);
  return reply;
}

}  // namespace sagemaker::local::services::s3
