// One table for all settings. A policy is the exception: it is JSON, kept byte for byte.
#include "emulator/wire/s3_settings.hpp"

#include <map>
#include <vector>

#include "emulator/services/s3/faults.hpp"
#include "emulator/wire/s3_shape.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

struct SettingRow {
  std::string_view subresource;
  std::string_view put_operation;  // "": only read
  std::string_view get_operation;
  std::string_view delete_operation;  // "": cannot be deleted
  std::string_view root;
  const char* member;  // of the input
  std::string_view shapes;
};

constexpr std::string_view policy_member = "Policy";
constexpr std::string_view acl_operation = "PutBucketAcl";

constexpr std::string_view tagging_shapes = "TagSet[Tag*{Key Value}]";
constexpr std::string_view acl_shapes =
    "Owner{ID DisplayName?} Grants=AccessControlList[Grant*{"
    "Grantee{@Type ID? DisplayName? EmailAddress? URI?} "
    "Permission:FULL_CONTROL|WRITE|WRITE_ACP|READ|READ_ACP}]";
constexpr std::string_view cors_shapes =
    "CORSRules=CORSRule+{ID? AllowedHeaders=AllowedHeader* AllowedMethods=AllowedMethod+ "
    "AllowedOrigins=AllowedOrigin+ ExposeHeaders=ExposeHeader* MaxAgeSeconds?:integer}";
constexpr std::string_view lifecycle_shapes =
    "Rules=Rule+{Expiration?{Date?:date Days?:integer ExpiredObjectDeleteMarker?:boolean} ID? Prefix? "
    "Filter?{Prefix? Tag?{Key Value} ObjectSizeGreaterThan?:integer ObjectSizeLessThan?:integer "
    "And?{Prefix? Tags=Tag*{Key Value} ObjectSizeGreaterThan?:integer ObjectSizeLessThan?:integer}} "
    "Status:Enabled|Disabled "
    "Transitions=Transition*{Date?:date Days?:integer "
    "StorageClass:GLACIER|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|DEEP_ARCHIVE|GLACIER_IR} "
    "NoncurrentVersionTransitions=NoncurrentVersionTransition*{NoncurrentDays?:integer "
    "StorageClass:GLACIER|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|DEEP_ARCHIVE|GLACIER_IR "
    "NewerNoncurrentVersions?:integer} "
    "NoncurrentVersionExpiration?{NoncurrentDays?:integer NewerNoncurrentVersions?:integer} "
    "AbortIncompleteMultipartUpload?{DaysAfterInitiation:integer}}";
constexpr std::string_view encryption_shapes =
    "Rules=Rule+{ApplyServerSideEncryptionByDefault?{SSEAlgorithm:AES256|aws:kms|aws:kms:dsse "
    "KMSMasterKeyID?} "
    "BucketKeyEnabled?:boolean BlockedEncryptionTypes?[EncryptionType*:NONE|SSE-C]}";
constexpr std::string_view ownership_shapes =
    "Rules=Rule+{ObjectOwnership:BucketOwnerPreferred|ObjectWriter|BucketOwnerEnforced}";
constexpr std::string_view public_access_shapes =
    "BlockPublicAcls?:boolean IgnorePublicAcls?:boolean BlockPublicPolicy?:boolean "
    "RestrictPublicBuckets?:boolean";
// What this leaves open, such as an error document without a key, has words of its own in the service.
constexpr std::string_view website_shapes =
    "RedirectAllRequestsTo?{HostName Protocol?} IndexDocument?{Suffix?} ErrorDocument?{Key} "
    "RoutingRules?[RoutingRule+{Condition?{HttpErrorCodeReturnedEquals? KeyPrefixEquals?} "
    "Redirect{Protocol? HostName? ReplaceKeyPrefixWith? ReplaceKeyWith? HttpRedirectCode?}}]";
constexpr std::string_view notification_shapes =
    "TopicConfigurations=TopicConfiguration*{Id? TopicArn=Topic Events=Event+ "
    "Filter?{Key=S3Key?{FilterRules=FilterRule*{Name Value}}}} "
    "QueueConfigurations=QueueConfiguration*{Id? QueueArn=Queue Events=Event+ "
    "Filter?{Key=S3Key?{FilterRules=FilterRule*{Name Value}}}} "
    "LambdaFunctionConfigurations=CloudFunctionConfiguration*{Id? LambdaFunctionArn=CloudFunction "
    "Events=Event+ Filter?{Key=S3Key?{FilterRules=FilterRule*{Name Value}}}} EventBridgeConfiguration?{}";
constexpr std::string_view logging_shapes =
    "LoggingEnabled?{TargetBucket TargetPrefix "
    "TargetGrants?[Grant*{Grantee{@Type ID? DisplayName? EmailAddress? URI?} "
    "Permission:FULL_CONTROL|READ|WRITE}] "
    "TargetObjectKeyFormat?{SimplePrefix?{} "
    "PartitionedPrefix?{PartitionDateSource?:EventTime|DeliveryTime}}}";

constexpr SettingRow setting_rows[] = {
    {"tagging", "PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging", "Tagging", "Tagging",
     tagging_shapes},
    {"cors", "PutBucketCors", "GetBucketCors", "DeleteBucketCors", "CORSConfiguration", "CORSConfiguration",
     cors_shapes},
    {"lifecycle", "PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration",
     "DeleteBucketLifecycle", "LifecycleConfiguration", "LifecycleConfiguration", lifecycle_shapes},
    {"policy", "PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", policy_member, "Policy", ""},
    {"policyStatus", "", "GetBucketPolicyStatus", "", "PolicyStatus", "", "IsPublic:boolean"},
    {"acl", acl_operation, "GetBucketAcl", "", "AccessControlPolicy", "AccessControlPolicy", acl_shapes},
    {"ownershipControls", "PutBucketOwnershipControls", "GetBucketOwnershipControls",
     "DeleteBucketOwnershipControls", "OwnershipControls", "OwnershipControls", ownership_shapes},
    {"encryption", "PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption",
     "ServerSideEncryptionConfiguration", "ServerSideEncryptionConfiguration", encryption_shapes},
    {"publicAccessBlock", "PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock",
     "PublicAccessBlockConfiguration", "PublicAccessBlockConfiguration", public_access_shapes},
    {"website", "PutBucketWebsite", "GetBucketWebsite", "DeleteBucketWebsite", "WebsiteConfiguration",
     "WebsiteConfiguration", website_shapes},
    {"notification", "PutBucketNotificationConfiguration", "GetBucketNotificationConfiguration", "",
     "NotificationConfiguration", "NotificationConfiguration", notification_shapes},
    {"logging", "PutBucketLogging", "GetBucketLogging", "", "BucketLoggingStatus", "BucketLoggingStatus",
     logging_shapes},
    {"requestPayment", "PutBucketRequestPayment", "GetBucketRequestPayment", "",
     "RequestPaymentConfiguration", "RequestPaymentConfiguration", "Payer:Requester|BucketOwner"},
    {"accelerate", "PutBucketAccelerateConfiguration", "GetBucketAccelerateConfiguration", "",
     "AccelerateConfiguration", "AccelerateConfiguration", "Status:Enabled|Suspended"},
    // Not to be set here. What can be read and deleted is that there is none.
    {"replication", "", "GetBucketReplication", "DeleteBucketReplication", "", "", ""},
    {"object-lock", "", "GetObjectLockConfiguration", "", "", "", ""},
    {"analytics", "", "GetBucketAnalyticsConfiguration", "DeleteBucketAnalyticsConfiguration",
     "ListBucketAnalyticsConfigurationResult", "", "IsTruncated:boolean"},
    {"inventory", "", "GetBucketInventoryConfiguration", "DeleteBucketInventoryConfiguration",
     "ListInventoryConfigurationsResult", "", "IsTruncated:boolean"},
    {"metrics", "", "GetBucketMetricsConfiguration", "DeleteBucketMetricsConfiguration",
     "ListMetricsConfigurationsResult", "", "IsTruncated:boolean"},
    {"intelligent-tiering", "", "GetBucketIntelligentTieringConfiguration",
     "DeleteBucketIntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurationsOutput", "",
     "IsTruncated:boolean"},
};

const SettingRow* row_of_subresource(std::string_view subresource) {
  for (const SettingRow& row : setting_rows) {
    if (row.subresource == subresource) return &row;
  }
  return nullptr;
}

const SettingRow* row_of_put(std::string_view operation) {
  for (const SettingRow& row : setting_rows) {
    if (!row.put_operation.empty() && row.put_operation == operation) return &row;
  }
  return nullptr;
}

const SettingRow* row_of_get(std::string_view operation) {
  if (operation == "GetObjectAcl") operation = "GetBucketAcl";  // the same document
  for (const SettingRow& row : setting_rows) {
    if (row.get_operation == operation) return &row;
  }
  return nullptr;
}

const std::vector<S3Shape>& shapes_of(std::string_view text) {
  static const auto parsed = [] {
    std::map<std::string_view, std::vector<S3Shape>> shapes;
    for (const SettingRow& row : setting_rows) shapes.emplace(row.shapes, parse_s3_shapes(row.shapes));
    return shapes;
  }();
  return parsed.at(text);
}

}  // namespace

std::string_view s3_setting_operation(std::string_view method, std::string_view subresource) {
  const SettingRow* row = row_of_subresource(subresource);
  if (!row) return "";
  if (method == "PUT") return row->put_operation;
  if (method == "GET") return row->get_operation;
  return method == "DELETE" ? row->delete_operation : "";
}

bool is_s3_setting(std::string_view subresource) { return row_of_subresource(subresource) != nullptr; }

bool s3_has_setting_document(std::string_view operation) { return row_of_put(operation) != nullptr; }

void read_s3_setting(std::string_view operation, const std::string& body, json& input) {
  const SettingRow* row = row_of_put(operation);
  if (!row) return;
  if (row->root == policy_member) {
    input[row->member] = body;
    return;
  }
  // An access control list may come in headers instead, and says so itself when its XML is wrong.
  if (operation == acl_operation && body.empty()) return;
  const ServiceFault malformed = operation == acl_operation
                                     ? ServiceFault("MalformedACLError", 400, s3::malformed_xml().message())
                                     : s3::malformed_xml();
  input[row->member] = read_s3_xml(body, row->root, shapes_of(row->shapes), malformed);
}

std::string write_s3_setting(std::string_view operation, const json& document) {
  const SettingRow* row = row_of_get(operation);
  if (!row || row->root.empty()) return "";
  if (row->root == policy_member) return document.value("Policy", "");
  return write_s3_xml(row->root, shapes_of(row->shapes), document);
}

json read_s3_tagging(const std::string& xml) {
  return read_s3_xml(xml, "Tagging", shapes_of(tagging_shapes), s3::malformed_xml());
}

}  // namespace sagemaker::local::wire
