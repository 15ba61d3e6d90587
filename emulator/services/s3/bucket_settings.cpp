#include "emulator/services/s3/bucket_settings.hpp"

#include <array>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::array settings = {
    BucketSetting{"GetBucketVersioning", nullptr, nullptr, "{}"},
    BucketSetting{"GetBucketLogging", nullptr, nullptr, "{}"},
    BucketSetting{"GetBucketAccelerateConfiguration", nullptr, nullptr, "{}"},
    BucketSetting{"GetBucketNotificationConfiguration", nullptr, nullptr, "{}"},
    BucketSetting{"GetBucketRequestPayment", nullptr, nullptr, R"({"Payer": "BucketOwner"})"},
    BucketSetting{"GetBucketOwnershipControls", nullptr, nullptr,
                  R"({"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})"},
    BucketSetting{"GetBucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist", nullptr},
    BucketSetting{"GetBucketPolicyStatus", "NoSuchBucketPolicy", "The bucket policy does not exist", nullptr},
    BucketSetting{"GetBucketTagging", "NoSuchTagSet", "The TagSet does not exist", nullptr},
    BucketSetting{"GetBucketCors", "NoSuchCORSConfiguration", "The CORS configuration does not exist",
                  nullptr},
    BucketSetting{"GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration",
                  "The lifecycle configuration does not exist", nullptr},
    BucketSetting{"GetBucketWebsite", "NoSuchWebsiteConfiguration",
                  "The specified bucket does not have a website configuration", nullptr},
    BucketSetting{"GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError",
                  "The server side encryption configuration was not found", nullptr},
    BucketSetting{"GetBucketReplication", "ReplicationConfigurationNotFoundError",
                  "The replication configuration was not found", nullptr},
    BucketSetting{"GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError",
                  "Object Lock configuration does not exist for this bucket", nullptr},
    BucketSetting{"GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration",
                  "The public access block configuration was not found", nullptr},
};

// Buckets that enforce their owner have exactly this list.
json owner_only(const CallContext& context) {
  json grantee = owner_of(context);
  grantee["Type"] = "CanonicalUser";
  json grant = {{"Grantee", grantee}, {"Permission", "FULL_CONTROL"}};
  return {{"Owner", owner_of(context)}, {"Grants", json::array({grant})}};
}

}  // namespace

const BucketSetting* bucket_setting(std::string_view operation) {
  for (const BucketSetting& setting : settings) {
    if (setting.operation == operation) return &setting;
  }
  return nullptr;
}

json answer_of(const BucketSetting& setting, const std::string& bucket) {
  if (setting.error_code)
    throw ServiceFault(setting.error_code, 404, setting.message, {{"BucketName", bucket}});
  return aws::parse_json(setting.document);
}

// S3 names owners by a long hexadecimal number of its own; here it follows from the account.
json owner_of(const CallContext& context) {
  return {{"ID", aws::sha256_hex(context.account)}, {"DisplayName", context.account}};
}

Reply Service::get_bucket_acl(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  return {owner_only(context), std::nullopt};
}

Reply Service::get_object_acl(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  existing_object(input);
  return {owner_only(context), std::nullopt};
}

Reply Service::get_object_tagging(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  existing_object(input);
  return {{{"TagSet", json::array()}}, std::nullopt};
}

}  // namespace sagemaker::local::services::s3
