#include "emulator/services/s3/attributes.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/tags.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::array plain_members = {
    "ContentType",     "ContentEncoding", "CacheControl",           "ContentDisposition",
    "ContentLanguage", "Expires",         "WebsiteRedirectLocation"};
constexpr std::array encryption_members = {"ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled",
                                           "SSEKMSEncryptionContext"};
constexpr std::array storage_classes = {"STANDARD",   "REDUCED_REDUNDANCY", "STANDARD_IA",
                                        "ONEZONE_IA", "GLACIER_IR",         "INTELLIGENT_TIERING",
                                        "GLACIER",    "DEEP_ARCHIVE",       "EXPRESS_ONEZONE"};
constexpr std::array customer_key_members = {"SSECustomerAlgorithm", "SSECustomerKeyMD5"};
constexpr std::array lock_members = {"ObjectLockMode", "ObjectLockRetainUntilDate",
                                     "ObjectLockLegalHoldStatus"};

void check_encryption(const json& input) {
  const std::string encryption = text_of(input, "ServerSideEncryption");
  if (encryption.empty() && !has(input, "SSEKMSKeyId")) return;
  if (encryption != "AES256" && encryption != "aws:kms" && encryption != "aws:kms:dsse") {
    throw ServiceFault("InvalidArgument", 400, "The encryption method specified is not supported",
                       {{"ArgumentName", "x-amz-server-side-encryption"}, {"ArgumentValue", encryption}});
  }
  if (encryption == "AES256" && has(input, "SSEKMSKeyId")) {
    throw invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
        "aws:kms",
        "x-amz-server-side-encryption", encryption);
  }
}

void check_redirect(const std::string& location) {
  for (const char* prefix : {"http://", "https://", "/"}) {
    if (location.starts_with(prefix)) return;
  }
  throw ServiceFault("InvalidRedirectLocation", 400,
                     "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.");
}

void check_metadata(const json& metadata, const S3Limits& limits) {
  std::size_t size = 0;
  for (const auto& [name, value] : metadata.items())
    size += name.size() + value.get_ref<const std::string&>().size();
  if (size > limits.metadata_bytes_max) {
    throw ServiceFault("MetadataTooLarge", 400,
                       "Your metadata headers exceed the maximum allowed metadata size",
                       {{"Size", size}, {"MaxSizeAllowed", limits.metadata_bytes_max}});
  }
}

}  // namespace

json attributes_of(const json& input, const S3Limits& limits) {
  // Locks belong to buckets that were created with them, and there are none such here.
  for (const char* member : lock_members) {
    if (has(input, member)) throw invalid_request("Bucket is missing Object Lock Configuration");
  }
  if (has(input, "WriteOffsetBytes")) throw not_implemented("x-amz-write-offset-bytes");
  check_encryption(input);
  if (has(input, "WebsiteRedirectLocation")) check_redirect(text_of(input, "WebsiteRedirectLocation"));
  json attributes = json::object();
  if (has(input, "AccessControlPolicy")) attributes["AccessControlPolicy"] = input["AccessControlPolicy"];
  if (const auto key_md5 = customer_key_of(input)) {
    attributes["SSECustomerAlgorithm"] = input["SSECustomerAlgorithm"];
    attributes["SSECustomerKeyMD5"] = *key_md5;
  }
  if (has(input, "Tagging")) {
    json tags = tags_in_header(text_of(input, "Tagging"));
    if (!tags.empty()) attributes["Tags"] = std::move(tags);
  }
  for (const char* member : plain_members) {
    if (has(input, member)) attributes[member] = input[member];
  }
  for (const char* member : encryption_members) {
    if (has(input, member)) attributes[member] = input[member];
  }
  if (has(input, "StorageClass")) {
    const std::string storage_class = text_of(input, "StorageClass");
    if (std::find(storage_classes.begin(), storage_classes.end(), storage_class) == storage_classes.end()) {
      throw ServiceFault("InvalidStorageClass", 400, "The storage class you specified is not valid",
                         {{"StorageClassRequested", storage_class}});
    }
    if (storage_class != "STANDARD") attributes["StorageClass"] = storage_class;
  }
  if (has(input, "Metadata") && !input["Metadata"].empty()) {
    check_metadata(input["Metadata"], limits);
    attributes["Metadata"] = input["Metadata"];
  }
  return attributes;
}

void set_checksum(json& attributes, Algorithm algorithm, const std::string& value, const std::string& type) {
  attributes["ChecksumAlgorithm"] = name_of(algorithm);
  attributes["ChecksumValue"] = value;
  attributes["ChecksumType"] = type;
}

void describe_encryption(const json& attributes, json& output) {
  for (const char* member : customer_key_members) {
    if (has(attributes, member)) output[member] = attributes[member];
  }
  if (has(attributes, "SSECustomerKeyMD5")) return;
  output["ServerSideEncryption"] = "AES256";  // what S3 does by itself
  for (const char* member : encryption_members) {
    if (has(attributes, member)) output[member] = attributes[member];
  }
}

bool is_archived(const json& attributes) {
  const std::string storage_class = text_of(attributes, "StorageClass");
  return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

void require_readable(const store::ObjectInfo& info, std::int64_t now_ms) {
  if (!is_archived(info.metadata)) return;
  if (number_of(info.metadata, "RestoredUntil").value_or(0) > now_ms) return;
  throw ServiceFault("InvalidObjectState", 403, "The operation is not valid for the object's storage class",
                     {{"StorageClass", info.metadata["StorageClass"]}});
}

void describe_checksum(const json& attributes, json& output) {
  const std::optional<Algorithm> algorithm = algorithm_named(text_of(attributes, "ChecksumAlgorithm"));
  if (!algorithm || !has(attributes, "ChecksumValue")) return;
  output[member_of(*algorithm)] = attributes["ChecksumValue"];
  output["ChecksumType"] = attributes["ChecksumType"];
}

void describe_object(const store::ObjectInfo& info, const json& input, json& output) {
  output["ETag"] = in_quotes(info.etag);
  output["LastModified"] = info.modified_ms / 1000 * 1000;
  output["AcceptRanges"] = "bytes";
  for (const char* member : plain_members) {
    if (has(info.metadata, member)) output[member] = info.metadata[member];
  }
  if (!has(output, "ContentType")) output["ContentType"] = "binary/octet-stream";
  for (const char* member : {"ContentType", "ContentEncoding", "CacheControl", "ContentDisposition",
                             "ContentLanguage", "Expires"}) {
    const std::string override_member = std::string("Response").append(member);
    if (has(input, override_member.c_str())) output[member] = input[override_member];
  }
  if (has(info.metadata, "StorageClass")) output["StorageClass"] = info.metadata["StorageClass"];
  if (has(info.metadata, "Metadata")) output["Metadata"] = info.metadata["Metadata"];
  if (has(info.metadata, "Tags")) output["TagCount"] = info.metadata["Tags"].size();
  if (const auto until = number_of(info.metadata, "RestoredUntil")) {
    output["Restore"] = "ongoing-request=\"false\", expiry-date=\"" +
                        aws::format_http_date(aws::from_epoch_ms(*until)) + "\"";
  }
  describe_encryption(info.metadata, output);
}

}  // namespace sagemaker::local::services::s3
