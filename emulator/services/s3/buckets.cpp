// Buckets: their names, their region, and when they may go.
#include <algorithm>
#include <array>
#include <string>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/acl.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/regions.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/services/s3/setting_checks.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::int64_t bucket_page_max = 10'000;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_ip_address(const std::string& name) {
  return std::count(name.begin(), name.end(), '.') == 3 &&
         name.find_first_not_of("0123456789.") == std::string::npos;
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool is_bucket_name(const std::string& name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back())) return false;
  const auto allowed = [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; };
  if (!std::all_of(name.begin(), name.end(), allowed)) return false;
  if (name.find("..") != std::string::npos || looks_like_ip_address(name)) return false;
  const std::array reserved_beginnings = {"xn--", "sthree-", "amzn-s3-demo-"};
  const std::array reserved_ends = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
  return std::none_of(reserved_beginnings.begin(), reserved_beginnings.end(),
                      [&](const char* text) { return name.starts_with(text); }) &&
         std::none_of(reserved_ends.begin(), reserved_ends.end(),
                      [&](const char* text) { return name.ends_with(text); });
}

// The region a bucket is to be in. us-east-1 is the one that cannot be named, and from which others can be
// reached.
std::string region_for(const CallContext& context, const std::string& constraint) {
  const auto illegal = [&](const std::string& text) {
    return ServiceFault(
        "IllegalLocationConstraintException", 400,
        "The " + text +
            " location constraint is incompatible for the region specific endpoint this request was "
            "sent to.");
  };
  if (context.region != "us-east-1") {
    if (constraint.empty()) throw illegal("unspecified");
    // The first region outside the United States is also known by an older name.
    const bool by_old_name = constraint == "EU" && context.region == "eu-west-1";
    if (constraint != context.region && !by_old_name) throw illegal(constraint);
    return context.region;
  }
  if (constraint.empty()) return "us-east-1";
  if (constraint == "EU") return "eu-west-1";
  if (constraint == "us-east-1" || !is_region(constraint)) {
    throw ServiceFault("InvalidLocationConstraint", 400, "The specified location-constraint is not valid",
                       {{"LocationConstraint", constraint}});
  }
  return constraint;
}

}  // namespace

Reply Service::list_buckets(const CallContext& context, const json& input, BodySource&) {
  const std::string prefix = text_of(input, "Prefix");
  const std::string region = text_of(input, "BucketRegion");
  const std::string token = text_of(input, "ContinuationToken");
  if (!region.empty() && region != context.region && !is_region(region)) {
    throw ServiceFault("InvalidArgument", 400, "Argument value " + region + " is not a valid AWS Region",
                       {{"ArgumentName", "bucket-region"}});
  }
  std::string after;
  if (!token.empty()) {
    const std::optional<std::string> decoded = aws::base64_decode(token);
    if (!decoded) {
      throw ServiceFault("InvalidArgument", 400, "The continuation token provided is incorrect",
                         {{"ArgumentName", "continuation-token"}});
    }
    after = *decoded;
  }
  const std::int64_t limit = number_of(input, "MaxBuckets").value_or(bucket_page_max);
  if (limit < 1 || limit > bucket_page_max) {
    throw invalid_argument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets",
                           std::to_string(limit));
  }
  json buckets = json::array();
  Reply reply;
  for (const store::Bucket& bucket : objects_.buckets()) {
    if (!bucket.name.starts_with(prefix) || bucket.name <= after) continue;
    if (!region.empty() && bucket.region != region) continue;
    if (static_cast<std::int64_t>(buckets.size()) == limit) {
      reply.document["ContinuationToken"] = aws::base64_encode(buckets.back()["Name"].get<std::string>());
      break;
    }
    buckets.push_back({{"Name", bucket.name},
                       {"CreationDate", bucket.created_ms / 1000 * 1000},
                       {"BucketRegion", bucket.region}});
  }
  reply.document["Buckets"] = std::move(buckets);
  reply.document["Owner"] = owner_of(context);
  if (!prefix.empty()) reply.document["Prefix"] = prefix;
  return reply;
}

namespace {

ServiceFault acl_with_enforced_owner(const std::string& bucket) {
  return {"InvalidBucketAclWithObjectOwnership",
          400,
          "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
          {{"BucketName", bucket}}};
}

// What a request to create a bucket asks for besides the bucket.
store::BucketSettings::Documents settings_of_new_bucket(const CallContext& context, const json& input) {
  store::BucketSettings::Documents settings;
  const std::string ownership = text_of(input, "ObjectOwnership", "BucketOwnerEnforced");
  if (ownership != "BucketOwnerEnforced" && ownership != "BucketOwnerPreferred" &&
      ownership != "ObjectWriter") {
    throw ServiceFault("InvalidArgument", 400, "Invalid x-amz-object-ownership header: " + ownership,
                       {{"ArgumentName", "x-amz-object-ownership"}});
  }
  if (ownership != "BucketOwnerEnforced") {
    settings["ownership"] = {{"Rules", json::array({{{"ObjectOwnership", ownership}}})}};
  }
  if (has_acl_headers(input)) {
    const json acl = acl_of(context, input);
    const bool owner_only = asks_for_owner_only(input);
    if (ownership == "BucketOwnerEnforced" && !owner_only)
      throw acl_with_enforced_owner(text_of(input, "Bucket"));
    // A new bucket blocks what would open it to everybody.
    if (is_public_acl(acl)) {
      throw ServiceFault("InvalidBucketAclWithBlockPublicAccessError", 400,
                         "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
                         {{"BucketName", text_of(input, "Bucket")}});
    }
    if (!owner_only) settings["acl"] = acl;
  }
  const json& configuration = part_of(input, "CreateBucketConfiguration");
  if (has(configuration, "Tags")) {
    check_bucket_tags(
        configuration["Tags"],
        {"InvalidTag", 400,
         "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. "
         "Remove \"aws:\" from your tag keys and try again."});
    settings["tagging"] = {{"TagSet", configuration["Tags"]}};
  }
  if (text_of(configuration, "LocationConstraint") == "EU") settings["location"] = "EU";
  return settings;
}

}  // namespace

Reply Service::create_bucket(const CallContext& context, const json& input, BodySource&) {
  const std::string name = text_of(input, "Bucket");
  if (!is_bucket_name(name)) {
    throw ServiceFault("InvalidBucketName", 400, "The specified bucket is not valid.",
                       {{"BucketName", name}});
  }
  if (text_of(input, "ObjectLockEnabledForBucket") == "true") {
    throw not_implemented("x-amz-bucket-object-lock-enabled");
  }
  const json& configuration = part_of(input, "CreateBucketConfiguration");
  const std::string constraint = text_of(configuration, "LocationConstraint");
  const store::BucketSettings::Documents settings = settings_of_new_bucket(context, input);
  const store::Bucket bucket{name, region_for(context, constraint), now_ms()};
  if (!objects_.create_bucket(bucket, settings)) {
    const std::optional<store::Bucket> existing = objects_.find_bucket(name);
    // The oldest region has always answered 200 to a repeated request, and still does.
    const bool legacy = existing && existing->region == "us-east-1" && bucket.region == "us-east-1";
    if (!legacy) {
      throw ServiceFault("BucketAlreadyOwnedByYou", 409,
                         "Your previous request to create the named bucket succeeded and you already own it.",
                         {{"BucketName", name}});
    }
  }
  Reply reply;
  reply.document["Location"] = "/" + name;
  reply.document["BucketArn"] = "arn:" + context.partition + ":s3:::" + name;
  return reply;
}

Reply Service::head_bucket(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  return {{{"BucketRegion", bucket.region},
           {"BucketArn", "arn:" + context.partition + ":s3:::" + bucket.name},
           {"AccessPointAlias", false}},
          std::nullopt};
}

Reply Service::delete_bucket(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  switch (objects_.delete_bucket(bucket.name)) {
    case store::Objects::DeleteBucket::missing:
      throw no_such_bucket(bucket.name);
    case store::Objects::DeleteBucket::not_empty:
      throw ServiceFault("BucketNotEmpty", 409,
                         bucket.versioning.empty()
                             ? "The bucket you tried to delete is not empty"
                             : "The bucket you tried to delete is not empty. You must delete all versions in "
                               "the bucket.",
                         {{"BucketName", bucket.name}});
    case store::Objects::DeleteBucket::deleted:
      break;
  }
  return {};
}

Reply Service::get_bucket_location(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const json named = settings_.find(bucket.name, "location").value_or(bucket.region);
  return {{{"LocationConstraint", named == "us-east-1" ? json("") : named}}, std::nullopt};
}

}  // namespace sagemaker::local::services::s3
