// Which member function serves which operation, and what several of them share.
#include "emulator/services/s3/service.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include "emulator/services/s3/bucket_effects.hpp"
#include "emulator/services/s3/bucket_settings.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/store/version_ids.hpp"

namespace sagemaker::local::services::s3 {
namespace {

bool is_account_id(const std::string& text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void require_owner(const CallContext& context, const json& input, const char* member) {
  if (!has(input, member)) return;
  const std::string owner = text_of(input, member);
  if (!is_account_id(owner)) {
    throw ServiceFault(
        "InvalidBucketOwnerAWSAccountID", 400,
        "The value of the expected bucket owner parameter must be an AWS Account ID... [" + owner + "]");
  }
  if (owner != context.account) throw access_denied();
}

std::string version_of(const json& input, const char* member, const std::string& argument) {
  if (!has(input, member)) return "";
  std::string version = text_of(input, member);
  if (version != store::null_version && !store::sequence_of(version)) {
    throw invalid_version_id(argument, version);
  }
  return version;
}

void describe_version(const store::Bucket& bucket, const store::ObjectInfo& info, json& output) {
  if (!bucket.versioning.empty()) output["VersionId"] = info.version;
}

void describe_new_version(const store::ObjectInfo& stored, json& output) {
  if (stored.version != store::null_version) output["VersionId"] = stored.version;
}

Service::Service(store::Objects& objects, store::BucketSettings& settings, std::shared_ptr<aws::Clock> clock,
                 const S3Limits& limits)
    : objects_(objects), settings_(settings), clock_(std::move(clock)), limits_(limits) {}

Service::Handler Service::handler_of(std::string_view operation) {
  static const std::map<std::string_view, Handler> handlers = {
      {"ListBuckets", &Service::list_buckets},
      {"CreateBucket", &Service::create_bucket},
      {"HeadBucket", &Service::head_bucket},
      {"DeleteBucket", &Service::delete_bucket},
      {"GetBucketLocation", &Service::get_bucket_location},
      {"ListObjects", &Service::list_objects},
      {"ListObjectsV2", &Service::list_objects_v2},
      {"PutBucketVersioning", &Service::put_bucket_versioning},
      {"GetBucketVersioning", &Service::get_bucket_versioning},
      {"ListObjectVersions", &Service::list_object_versions},
      {"PutObject", &Service::put_object},
      {"GetObject", &Service::get_object},
      {"HeadObject", &Service::head_object},
      {"DeleteObject", &Service::delete_object},
      {"DeleteObjects", &Service::delete_objects},
      {"CopyObject", &Service::copy_object},
      {"UploadPartCopy", &Service::upload_part_copy},
      {"CreateMultipartUpload", &Service::create_multipart_upload},
      {"UploadPart", &Service::upload_part},
      {"CompleteMultipartUpload", &Service::complete_multipart_upload},
      {"AbortMultipartUpload", &Service::abort_multipart_upload},
      {"ListParts", &Service::list_parts},
      {"ListMultipartUploads", &Service::list_multipart_uploads},
      {"GetBucketPolicyStatus", &Service::get_bucket_policy_status},
      {"GetObjectAcl", &Service::get_object_acl},
      {"PutObjectAcl", &Service::put_object_acl},
      {"GetObjectTagging", &Service::get_object_tagging},
      {"PutObjectTagging", &Service::put_object_tagging},
      {"DeleteObjectTagging", &Service::delete_object_tagging},
      {"GetObjectAttributes", &Service::get_object_attributes},
      {"RestoreObject", &Service::restore_object},
      {"GetObjectRetention", &Service::refuse_object_lock},
      {"PutObjectRetention", &Service::refuse_object_lock},
      {"GetObjectLegalHold", &Service::refuse_object_lock},
      {"PutObjectLegalHold", &Service::refuse_object_lock},
  };
  const auto found = handlers.find(operation);
  return found == handlers.end() ? nullptr : found->second;
}

Reply Service::call(std::string_view operation, const CallContext& context, const json& input,
                    BodySource& body) {
  try {
    if (const Handler handler = handler_of(operation)) {
      const std::string bucket = text_of(input, "Bucket");
      if (!settings_matter_to(operation)) return (this->*handler)(context, input, body);
      const store::BucketSettings::Documents settings = settings_.all(bucket);
      Reply reply =
          (this->*handler)(context, with_bucket_settings(operation, context, input, settings), body);
      const auto lifecycle = settings.find("lifecycle");
      if (lifecycle != settings.end()) add_expiration(input, lifecycle->second, reply.document);
      return reply;
    }
    if (const auto setting = setting_operation(operation)) return call_setting(*setting, context, input);
  } catch (const store::MissingBucket&) {  // deleted since it was looked at
    throw no_such_bucket(text_of(input, "Bucket"));
  }
  throw not_implemented(std::string(operation),
                        std::string(operation) + " is an operation that sagemaker-local does not have");
}

store::Bucket Service::existing_bucket(const CallContext& context, const json& input) const {
  const std::string name = text_of(input, "Bucket");
  std::optional<store::Bucket> bucket = objects_.find_bucket(name);
  if (!bucket) throw no_such_bucket(name);
  require_owner(context, input, "ExpectedBucketOwner");
  return *std::move(bucket);
}

std::string Service::key_of(const json& input) const {
  const std::string key = text_of(input, "Key");
  if (key.size() > limits_.key_bytes_max) {
    throw ServiceFault("KeyTooLongError", 400, "Your key is too long",
                       {{"Size", key.size()}, {"MaxSizeAllowed", limits_.key_bytes_max}});
  }
  return key;
}

store::ObjectInfo Service::existing_object(const store::Bucket& bucket, const std::string& key,
                                           const std::string& version) const {
  std::optional<store::ObjectInfo> info = version.empty() ? objects_.find_latest(bucket.name, key)
                                                          : objects_.find_version(bucket.name, key, version);
  if (!info) throw version.empty() ? no_such_key(key) : no_such_version(key, version);
  if (!info->delete_marker) return *std::move(info);
  json response = {{"VersionId", info->version}};
  if (version.empty()) {
    response["DeleteMarker"] = true;
    ServiceFault hidden = no_such_key(key);
    json fields = hidden.fields();
    fields[response_members] = std::move(response);
    throw ServiceFault(hidden.code(), hidden.http_status(), hidden.message(), std::move(fields));
  }
  response["LastModified"] = info->modified_ms / 1000 * 1000;
  throw is_delete_marker(std::move(response));
}

Service::OpenObject Service::open_object(const store::Bucket& bucket, const std::string& key,
                                         const std::string& version) const {
  constexpr int attempts_max = 100;  // each one lost to a writer that replaced the object in between
  for (int attempt = 0;; ++attempt) {
    store::ObjectInfo info = existing_object(bucket, key, version);
    try {
      store::File file = store::File::open_to_read(objects_.blob_path(info));
      return {std::move(info), std::move(file)};
    } catch (const std::system_error& error) {
      if (error.code().value() != ENOENT || attempt == attempts_max) throw;
    }
  }
}

std::int64_t Service::now_ms() const { return aws::to_epoch_ms(clock_->now()) / 1000 * 1000; }

std::int64_t Service::page_size(const json& input, const char* member) const {
  return std::min(number_of(input, member).value_or(limits_.page_max), limits_.page_max);
}

}  // namespace sagemaker::local::services::s3
