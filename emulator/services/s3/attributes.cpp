#include "emulator/services/s3/attributes.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::array plain_members = {
    "ContentType",     "ContentEncoding", "CacheControl",           "ContentDisposition",
    "ContentLanguage", "Expires",         "WebsiteRedirectLocation"};
constexpr std::array encryption_members = {"ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"};
constexpr std::array storage_classes = {"STANDARD",   "REDUCED_REDUNDANCY", "STANDARD_IA",
                                        "ONEZONE_IA", "GLACIER_IR",         "INTELLIGENT_TIERING",
                                        "GLACIER",    "DEEP_ARCHIVE",       "EXPRESS_ONEZONE"};
// Members that would change what an object means, and their headers. Ignoring them would be a lie.
constexpr std::array<std::pair<const char*, const char*>, 8> refused_members = {{
    {"Tagging", "x-amz-tagging"},
    {"ObjectLockMode", "x-amz-object-lock-mode"},
    {"ObjectLockRetainUntilDate", "x-amz-object-lock-retain-until-date"},
    {"ObjectLockLegalHoldStatus", "x-amz-object-lock-legal-hold"},
    {"SSECustomerAlgorithm", "x-amz-server-side-encryption-customer-algorithm"},
    {"SSEKMSEncryptionContext", "x-amz-server-side-encryption-context"},
    {"SSECustomerKey", "x-amz-server-side-encryption-customer-key"},
    {"WriteOffsetBytes", "x-amz-write-offset-bytes"},
}};

void check_encryption(const json& input) {
  const std::string encryption = text_of(input, "ServerSideEncryption");
  if (encryption.empty() && !has(input, "SSEKMSKeyId")) return;
  if (encryption != "AES256" && encryption != "aws:kms" && encryption != "aws:kms:dsse") {
    throw ServiceFault("InvalidArgument", 400, "The encryption method specified is not supported",
                       {{"ArgumentName", "x-amz-server-side-encryption"}, {"ArgumentValue", encryption}});
  }
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
  for (const auto& [member, header] : refused_members) {
    if (has(input, member)) throw not_implemented(header);
  }
  check_encryption(input);
  json attributes = json::object();
  if (has(input, "AccessControlPolicy")) attributes["AccessControlPolicy"] = input["AccessControlPolicy"];
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
  output["ServerSideEncryption"] = "AES256";  // what S3 does by itself
  for (const char* member : encryption_members) {
    if (has(attributes, member)) output[member] = attributes[member];
  }
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
  describe_encryption(info.metadata, output);
}

}  // namespace sagemaker::local::services::s3
