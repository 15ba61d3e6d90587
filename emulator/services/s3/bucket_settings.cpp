// See bucket_settings.hpp.
#include "emulator/services/s3/bucket_settings.hpp"

#include <array>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/acl.hpp"
#include "emulator/services/s3/cors.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/lifecycle.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/policy.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr const char* no_configuration = "The specified configuration does not exist.";

ServiceFault denied_by_block(const SettingSubject& subject, const char* operation, const char* what,
                             const char* flag) {
  return {"AccessDenied", 403,
          "User: arn:" + subject.context.partition + ":iam::" + subject.context.account +
              ":root is not authorized to perform: s3:" + operation + " on resource: \"arn:" +
              subject.context.partition + ":s3:::" + subject.bucket.name + "\" because public " + what +
              " are prevented by the " + flag + " setting in S3 Block Public Access."};
}

void check_cors_setting(const SettingSubject&, json& document) { check_cors(document); }

void check_lifecycle_setting(const SettingSubject& subject, json& document) {
  constexpr const char* member = "TransitionDefaultMinimumObjectSize";
  const std::string size = text_of(subject.input, member, "all_storage_classes_128K");
  if (size != "all_storage_classes_128K" && size != "varies_by_storage_class") {
    throw invalid_request("Invalid TransitionDefaultMinimumObjectSize found: " + size);
  }
  check_lifecycle(document);
  document[member] = size;
}

void check_policy_setting(const SettingSubject& subject, json& document) {
  const std::string text = document.get<std::string>();
  check_policy(text, subject.bucket.name, subject.context.partition);
  if (blocks(subject.settings, "BlockPublicPolicy") && is_public_policy(text)) {
    throw denied_by_block(subject, "PutBucketPolicy", "policies", "BlockPublicPolicy");
  }
  document = {{"Policy", text}};
}

void check_acl_setting(const SettingSubject& subject, json& document) {
  document = acl_of(subject.context, subject.input);
  if (ownership_of(subject.settings) == "BucketOwnerEnforced") {
    throw ServiceFault("AccessControlListNotSupported", 400, "The bucket does not allow ACLs");
  }
  if (blocks(subject.settings, "BlockPublicAcls") && is_public_acl(document)) {
    throw denied_by_block(subject, "PutBucketAcl", "access control lists (ACLs)", "BlockPublicAcls");
  }
}

constexpr std::array settings = {
    BucketSetting{"tagging", "PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging", "Tagging",
                  check_tagging, nullptr, "NoSuchTagSet", "The TagSet does not exist"},
    BucketSetting{"cors", "PutBucketCors", "GetBucketCors", "DeleteBucketCors", "CORSConfiguration",
                  check_cors_setting, nullptr, "NoSuchCORSConfiguration",
                  "The CORS configuration does not exist"},
    BucketSetting{"lifecycle", "PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration",
                  "DeleteBucketLifecycle", "LifecycleConfiguration", check_lifecycle_setting, nullptr,
                  "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"},
    BucketSetting{"policy", "PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "Policy",
                  check_policy_setting, nullptr, "NoSuchBucketPolicy", "The bucket policy does not exist"},
    BucketSetting{"acl", "PutBucketAcl", "GetBucketAcl", "", "AccessControlPolicy", check_acl_setting,
                  nullptr, nullptr, nullptr},
    BucketSetting{"ownership", "PutBucketOwnershipControls", "GetBucketOwnershipControls",
                  "DeleteBucketOwnershipControls", "OwnershipControls", check_ownership,
                  R"({"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})",
                  "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"},
    BucketSetting{"encryption", "PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption",
                  "ServerSideEncryptionConfiguration", check_encryption,
                  R"({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                                 "BucketKeyEnabled": false}]})",
                  nullptr, nullptr},
    BucketSetting{"public-access-block", "PutPublicAccessBlock", "GetPublicAccessBlock",
                  "DeletePublicAccessBlock", "PublicAccessBlockConfiguration", check_public_access_block,
                  R"({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true,
                      "RestrictPublicBuckets": true})",
                  "NoSuchPublicAccessBlockConfiguration",
                  "The public access block configuration was not found"},
    BucketSetting{"website", "PutBucketWebsite", "GetBucketWebsite", "DeleteBucketWebsite",
                  "WebsiteConfiguration", check_website, nullptr, "NoSuchWebsiteConfiguration",
                  "The specified bucket does not have a website configuration"},
    BucketSetting{"notification", "PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration",
                  "", "NotificationConfiguration", check_notification, "{}", nullptr, nullptr},
    BucketSetting{"logging", "PutBucketLogging", "GetBucketLogging", "", "BucketLoggingStatus", check_logging,
                  "{}", nullptr, nullptr},
    BucketSetting{"request-payment", "PutBucketRequestPayment", "GetBucketRequestPayment", "",
                  "RequestPaymentConfiguration", nullptr, R"({"Payer": "BucketOwner"})", nullptr, nullptr},
    BucketSetting{"accelerate", "PutBucketAccelerateConfiguration", "GetBucketAccelerateConfiguration", "",
                  "AccelerateConfiguration", check_acceleration, "{}", nullptr, nullptr},
    BucketSetting{"replication", "", "GetBucketReplication", "DeleteBucketReplication", "", nullptr, nullptr,
                  "ReplicationConfigurationNotFoundError", "The replication configuration was not found"},
    BucketSetting{"object-lock", "", "GetObjectLockConfiguration", "", "", nullptr, nullptr,
                  "ObjectLockConfigurationNotFoundError",
                  "Object Lock configuration does not exist for this bucket"},
    // Of these a bucket may have several, each with an id: here it has none.
    BucketSetting{"analytics", "", "GetBucketAnalyticsConfiguration", "DeleteBucketAnalyticsConfiguration",
                  "", nullptr, R"({"IsTruncated": false})", "NoSuchConfiguration", no_configuration},
    BucketSetting{"inventory", "", "GetBucketInventoryConfiguration", "DeleteBucketInventoryConfiguration",
                  "", nullptr, R"({"IsTruncated": false})", "NoSuchConfiguration", no_configuration},
    BucketSetting{"metrics", "", "GetBucketMetricsConfiguration", "DeleteBucketMetricsConfiguration", "",
                  nullptr, R"({"IsTruncated": false})", "NoSuchConfiguration", no_configuration},
    BucketSetting{"intelligent-tiering", "", "GetBucketIntelligentTieringConfiguration",
                  "DeleteBucketIntelligentTieringConfiguration", "", nullptr, R"({"IsTruncated": false})",
                  "NoSuchConfiguration", no_configuration},
};

const BucketSetting* setting_named(std::string_view name) {
  for (const BucketSetting& setting : settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

bool is_list(const BucketSetting& setting) { return setting.error == no_configuration; }

ServiceFault missing(const BucketSetting& setting, const std::string& bucket) {
  json fields = json::object();
  if (!is_list(setting)) fields["BucketName"] = bucket;
  return {setting.error_code, 404, setting.error, std::move(fields)};
}

}  // namespace

std::optional<SettingOperation> setting_operation(std::string_view operation) {
  for (const BucketSetting& setting : settings) {
    if (setting.put_operation == operation) return SettingOperation{&setting, SettingAction::put};
    if (setting.get_operation == operation) return SettingOperation{&setting, SettingAction::get};
    if (setting.delete_operation == operation) return SettingOperation{&setting, SettingAction::erase};
  }
  return std::nullopt;
}

json setting_of(const store::BucketSettings::Documents& documents, std::string_view name) {
  if (const auto found = documents.find(name); found != documents.end()) return found->second;
  const BucketSetting* setting = setting_named(name);
  return setting && setting->document ? aws::parse_json(setting->document) : json();
}

std::string ownership_of(const store::BucketSettings::Documents& documents) {
  const json controls = setting_of(documents, "ownership");
  return controls.is_null() ? "ObjectWriter" : controls["Rules"][0]["ObjectOwnership"].get<std::string>();
}

bool blocks(const store::BucketSettings::Documents& documents, const char* flag) {
  const json block = setting_of(documents, "public-access-block");
  return !block.is_null() && block.value(flag, false);
}

json with_default_encryption(const CallContext& context, json input,
                             const store::BucketSettings::Documents& documents) {
  if (has(input, "ServerSideEncryption") || has(input, "SSECustomerAlgorithm")) return input;
  const json rule = setting_of(documents, "encryption")["Rules"][0];
  const json& encryption = rule["ApplyServerSideEncryptionByDefault"];
  if (encryption["SSEAlgorithm"] == "AES256") return input;  // which is so without being asked for
  input["ServerSideEncryption"] = encryption["SSEAlgorithm"];
  if (const std::string key = text_of(encryption, "KMSMasterKeyID"); !key.empty()) {
    input["SSEKMSKeyId"] = key.starts_with("arn:") ? key
                                                   : "arn:" + context.partition + ":kms:" + context.region +
                                                         ":" + context.account + ":key/" + key;
  }
  if (rule.value("BucketKeyEnabled", false)) input["BucketKeyEnabled"] = "true";
  return input;
}

Reply Service::call_setting(const SettingOperation& operation, const CallContext& context,
                            const json& input) {
  const BucketSetting& setting = *operation.setting;
  const store::Bucket bucket = existing_bucket(context, input);
  if (operation.action == SettingAction::put) {
    const store::BucketSettings::Documents before = settings_.all(bucket.name);
    json document = input.value(setting.member, json::object());
    if (setting.check) setting.check({context, input, bucket, objects_, before}, document);
    settings_.put(bucket.name, setting.name, document);
    // The one answer to a write that says something.
    if (setting.name == "lifecycle") {
      return {{{"TransitionDefaultMinimumObjectSize", document["TransitionDefaultMinimumObjectSize"]}},
              std::nullopt};
    }
    return {};
  }
  if (is_list(setting) && (has(input, "Id") || operation.action == SettingAction::erase)) {
    throw missing(setting, bucket.name);
  }
  if (operation.action == SettingAction::erase) {
    // Where a new bucket has a document, "none" is something else than "never set".
    if (setting.document && setting.error_code) {
      settings_.put(bucket.name, setting.name, nullptr);
    } else {
      settings_.erase(bucket.name, setting.name);
    }
    return {};
  }
  json document = setting_of(settings_.all(bucket.name), setting.name);
  if (document.is_null() && setting.name == "acl") document = private_acl(context);
  if (document.is_null()) throw missing(setting, bucket.name);
  return {std::move(document), std::nullopt};
}

Reply Service::get_bucket_policy_status(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const json policy = setting_of(settings_.all(bucket.name), "policy");
  if (policy.is_null()) throw missing(*setting_named("policy"), bucket.name);
  return {{{"IsPublic", is_public_policy(text_of(policy, "Policy"))}}, std::nullopt};
}

// S3 names owners by a long hexadecimal number of its own; here it follows from the account.
json owner_of(const CallContext& context) {
  return {{"ID", aws::sha256_hex(context.account)}, {"DisplayName", context.account}};
}

}  // namespace sagemaker::local::services::s3
