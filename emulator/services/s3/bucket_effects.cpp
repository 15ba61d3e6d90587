// See bucket_effects.hpp.
#include "emulator/services/s3/bucket_effects.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "emulator/services/s3/acl.hpp"
#include "emulator/services/s3/bucket_settings.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/lifecycle.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::array<std::string_view, 3> making = {"PutObject", "CopyObject", "CreateMultipartUpload"};
constexpr std::array<std::string_view, 3> telling = {"GetObject", "HeadObject", "CompleteMultipartUpload"};

bool grants_owner_only(const CallContext& context, const json& acl) {
  const json& grants = part_of(acl, "Grants");
  return grants.size() == 1 && text_of(grants[0], "Permission") == "FULL_CONTROL" &&
         text_of(part_of(grants[0], "Grantee"), "ID") == text_of(owner_of(context), "ID");
}

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool settings_matter_to(std::string_view operation) {
  return contains(making, operation) || contains(telling, operation);
}

json Service::with_bucket_settings(std::string_view operation, const CallContext& context, const json& input,
                                   const store::BucketSettings::Documents& settings) const {
  if (!contains(making, operation)) return input;
  json effective = with_default_encryption(context, input, settings);
  if (!has_acl_headers(input)) return effective;
  if (ownership_of(settings) == "BucketOwnerEnforced") {
    if (asks_for_owner_only(input)) return effective;
    throw ServiceFault("AccessControlListNotSupported", 400, "The bucket does not allow ACLs");
  }
  json acl = acl_of(context, input);
  if (blocks(settings, "BlockPublicAcls") && is_public_acl(acl)) throw access_denied();
  effective["AccessControlPolicy"] = std::move(acl);
  return effective;
}

void Service::add_expiration(const json& input, const json& lifecycle, json& output) const {
  const std::string bucket = text_of(input, "Bucket");
  LifecycleSubject object;
  object.key = text_of(input, "Key");
  const std::optional<store::ObjectInfo> info = objects_.find(bucket, object.key);
  if (!info || has(input, "VersionId")) return;  // rules are about the current version
  object.size = info->size;
  object.modified_ms = info->modified_ms;
  if (has(info->metadata, "Tags")) object.tags = info->metadata["Tags"];
  if (const auto expiration = expiration_of(lifecycle, object)) output["Expiration"] = *expiration;
}

std::optional<json> Service::cors_rules(const std::string& bucket) const {
  if (bucket.empty() || !objects_.find_bucket(bucket)) return std::nullopt;
  return settings_.find(bucket, "cors").value_or(json());
}

Reply Service::get_object_acl(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const store::ObjectInfo info = existing_object(bucket, key_of(input), version_of(input));
  Reply reply;
  reply.document =
      has(info.metadata, "AccessControlPolicy") ? info.metadata["AccessControlPolicy"] : private_acl(context);
  describe_version(bucket, info, reply.document);
  return reply;
}

Reply Service::put_object_acl(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  const store::ObjectInfo info = existing_object(bucket, key, version_of(input));
  const json acl = acl_of(context, input);
  const store::BucketSettings::Documents settings = settings_.all(bucket.name);
  if (ownership_of(settings) == "BucketOwnerEnforced") {
    // Clients that copy give the copy the list of the source, which here says what is so anyway.
    if (has(input, "AccessControlPolicy") && grants_owner_only(context, acl)) return {};
    throw ServiceFault("AccessControlListNotSupported", 400, "The bucket does not allow ACLs");
  }
  if (blocks(settings, "BlockPublicAcls") && is_public_acl(acl)) throw access_denied();
  const auto changed = objects_.change_metadata(
      bucket.name, key, info.version, [&](json& metadata) { metadata["AccessControlPolicy"] = acl; });
  if (!changed) throw no_such_key(key);
  Reply reply;
  describe_version(bucket, info, reply.document);
  return reply;
}

}  // namespace sagemaker::local::services::s3
