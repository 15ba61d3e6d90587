// See setting_checks.hpp.
#include "emulator/services/s3/setting_checks.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/acl.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/tags.hpp"

namespace sagemaker::local::services::s3 {
namespace {

ServiceFault invalid_tag(const std::string& message, json fields) {
  return {"InvalidTag", 400, message, std::move(fields)};
}

void check_protocol(const json& redirect) {
  const std::string protocol = text_of(redirect, "Protocol", "http");
  if (protocol == "http" || protocol == "https") return;
  throw invalid_request(
      "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
      "automatically.");
}

void check_routing_rule(const json& rule) {
  if (has(rule, "Condition") && rule["Condition"].empty()) {
    throw invalid_request(
        "Condition cannot be empty. To redirect all requests without a condition, the condition element "
        "shouldn't be present.");
  }
  const json& redirect = rule["Redirect"];
  if (redirect.empty()) throw malformed_xml();
  check_protocol(redirect);
  if (has(redirect, "ReplaceKeyWith") && has(redirect, "ReplaceKeyPrefixWith")) {
    throw invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
}

constexpr std::array<std::string_view, 28> events = {"s3:ReducedRedundancyLostObject",
                                                     "s3:ObjectCreated:*",
                                                     "s3:ObjectCreated:Put",
                                                     "s3:ObjectCreated:Post",
                                                     "s3:ObjectCreated:Copy",
                                                     "s3:ObjectCreated:CompleteMultipartUpload",
                                                     "s3:ObjectRemoved:*",
                                                     "s3:ObjectRemoved:Delete",
                                                     "s3:ObjectRemoved:DeleteMarkerCreated",
                                                     "s3:ObjectRestore:*",
                                                     "s3:ObjectRestore:Post",
                                                     "s3:ObjectRestore:Completed",
                                                     "s3:ObjectRestore:Delete",
                                                     "s3:Replication:*",
                                                     "s3:Replication:OperationFailedReplication",
                                                     "s3:Replication:OperationNotTracked",
                                                     "s3:Replication:OperationMissedThreshold",
                                                     "s3:Replication:OperationReplicatedAfterThreshold",
                                                     "s3:LifecycleTransition",
                                                     "s3:IntelligentTiering",
                                                     "s3:ObjectAcl:Put",
                                                     "s3:LifecycleExpiration:*",
                                                     "s3:LifecycleExpiration:Delete",
                                                     "s3:LifecycleExpiration:DeleteMarkerCreated",
                                                     "s3:ObjectTagging:*",
                                                     "s3:ObjectTagging:Put",
                                                     "s3:ObjectTagging:Delete",
                                                     "s3:TestEvent"};

// Kinds of destinations: their lists, the member with the ARN, its service.
struct Destination {
  const char* list;
  const char* arn_member;
  std::string_view service;
};
constexpr std::array destinations = {
    Destination{"TopicConfigurations", "TopicArn", "sns"},
    Destination{"QueueConfigurations", "QueueArn", "sqs"},
    Destination{"LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"}};

// arn:partition:service:region:account:resource
void check_destination(const std::string& arn, std::string_view service) {
  if (!arn.starts_with("arn:") || std::count(arn.begin(), arn.end(), ':') < 5) {
    throw invalid_argument("The ARN could not be parsed", "ARN", arn);
  }
  const std::size_t begin = arn.find(':', 4) + 1;
  if (arn.substr(begin, arn.find(':', begin) - begin) == service) return;
  throw ServiceFault(
      "InvalidArgument", 400, "Unable to validate the following destination configurations",
      {{"ArgumentName1", arn}, {"ArgumentValue1", "The ARN is not one of " + std::string(service)}});
}

void check_filter_rules(json& target) {
  const json& key = part_of(part_of(target, "Filter"), "Key");
  std::set<std::string> names;
  for (const json& rule : part_of(key, "FilterRules")) {
    const std::string name = aws::to_lower(text_of(rule, "Name"));
    if (name != "prefix" && name != "suffix") {
      throw invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name",
                             text_of(rule, "Name"));
    }
    if (!names.insert(name).second) {
      throw invalid_argument("Cannot specify more than one " + name + " rule in a filter.", "FilterRule.Name",
                             name);
    }
  }
}

}  // namespace

void check_bucket_tags(const json& tags, const ServiceFault& system_tag) {
  constexpr std::size_t tags_max = 50;
  check_tags(tags, system_tag);
  if (tags.size() > tags_max) {
    throw ServiceFault("BadRequest", 400, "Bucket tag count cannot be greater than 50");
  }
}

void check_tagging(const SettingSubject&, json& document) {
  check_bucket_tags(document["TagSet"],
                    invalid_tag("System tags cannot be added/updated by requester", {{"TagKey", ""}}));
}

void check_ownership(const SettingSubject& subject, json& document) {
  if (document["Rules"].size() != 1) throw malformed_xml();
  const auto acl = subject.settings.find("acl");
  const bool enforced = document["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced";
  if (enforced && acl != subject.settings.end() && acl->second != private_acl(subject.context)) {
    throw ServiceFault("InvalidBucketAclWithObjectOwnership", 400,
                       "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
                       {{"BucketName", subject.bucket.name}});
  }
}

void check_encryption(const SettingSubject&, json& document) {
  json& rules = document["Rules"];
  if (rules.size() != 1) throw malformed_xml();
  if (!has(rules[0], "ApplyServerSideEncryptionByDefault")) throw malformed_xml();
  const json& encryption = rules[0]["ApplyServerSideEncryptionByDefault"];
  if (has(encryption, "KMSMasterKeyID") && !text_of(encryption, "SSEAlgorithm").starts_with("aws:kms")) {
    throw ServiceFault(
        "InvalidArgument", 400,
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        {{"ArgumentName", "ApplyServerSideEncryptionByDefault"}});
  }
  if (!has(rules[0], "BucketKeyEnabled")) rules[0]["BucketKeyEnabled"] = false;
}

void check_public_access_block(const SettingSubject&, json& document) {
  if (document.empty()) throw malformed_xml();
  for (const char* member :
       {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}) {
    if (!has(document, member)) document[member] = false;
  }
}

void check_website(const SettingSubject&, json& document) {
  if (has(document, "RedirectAllRequestsTo")) {
    if (document.size() > 1) {
      throw invalid_argument(
          "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
          "RedirectAllRequestsTo", "not null");
    }
    check_protocol(document["RedirectAllRequestsTo"]);
    return;
  }
  if (!has(document, "IndexDocument")) {
    throw invalid_argument(
        "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
        "IndexDocument", "null");
  }
  const std::string suffix = text_of(document["IndexDocument"], "Suffix");
  if (suffix.empty() || suffix.find('/') != std::string::npos) {
    throw invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix);
  }
  if (has(document, "ErrorDocument") && text_of(document["ErrorDocument"], "Key").empty())
    throw malformed_xml();
  for (const json& rule : part_of(document, "RoutingRules")) check_routing_rule(rule);
}

void check_notification(const SettingSubject&, json& document) {
  for (const Destination& destination : destinations) {
    if (!has(document, destination.list)) continue;
    for (json& target : document[destination.list]) {
      for (const json& event : target["Events"]) {
        if (std::find(events.begin(), events.end(), event.get_ref<const std::string&>()) == events.end()) {
          throw invalid_argument("The event is not supported for notifications", "Event", event);
        }
      }
      check_filter_rules(target);
      check_destination(text_of(target, destination.arn_member), destination.service);
      if (text_of(target, "Id").empty()) target["Id"] = aws::uuid4();
    }
  }
}

void check_logging(const SettingSubject& subject, json& document) {
  if (!has(document, "LoggingEnabled")) return;
  const std::string name = text_of(document["LoggingEnabled"], "TargetBucket");
  const std::optional<store::Bucket> target = subject.objects.find_bucket(name);
  if (!target) {
    throw ServiceFault("InvalidTargetBucketForLogging", 400, "The target bucket for logging does not exist",
                       {{"TargetBucket", name}});
  }
  if (target->region != subject.bucket.region) {
    // Both the code and the blank at the end of the sentence are AWS's.
    throw ServiceFault("CrossLocationLoggingProhibitted", 403, "Cross S3 location logging not allowed. ",
                       {{"TargetBucketLocation", target->region}});
  }
}

void check_acceleration(const SettingSubject& subject, json&) {
  if (subject.bucket.name.find('.') == std::string::npos) return;
  throw invalid_request(
      "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names");
}

}  // namespace sagemaker::local::services::s3
