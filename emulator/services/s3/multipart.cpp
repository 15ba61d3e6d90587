// Multipart uploads up to their completion: begin, parts, listings, end without a result.
#include <cinttypes>
#include <cstdio>
#include <string>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/attributes.hpp"
#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/listing.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/receive.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

// Ids sort by the time of their upload, as ListMultipartUploads wants them.
std::string new_upload_id(std::int64_t now_ms) {
  char time[17];
  std::snprintf(time, sizeof time, "%012" PRIx64, static_cast<std::uint64_t>(now_ms));
  std::string id = time + aws::uuid4();
  std::erase(id, '-');
  return id;
}

bool is_upload_id(const std::string& text) {
  return text.size() == 44 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Where a page of uploads begins: behind this one, or without an id behind all of that key.
struct Position {
  std::string key;
  std::string id{};
};

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// ChecksumAlgorithm and ChecksumType of the object to be, with AWS's default type.
void choose_checksum(const json& input, json& metadata) {
  const std::string type = upper(text_of(input, "ChecksumType"));
  if (!has(input, "ChecksumAlgorithm")) {
    if (!type.empty()) {
      throw invalid_request(
          "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
    }
    return;
  }
  const std::optional<Algorithm> algorithm = algorithm_named(text_of(input, "ChecksumAlgorithm"));
  if (!algorithm) {
    throw invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  }
  const std::string name = aws::to_lower(name_of(*algorithm));
  if (type == "COMPOSITE" && *algorithm == Algorithm::crc64nvme) {
    throw invalid_request("The COMPOSITE checksum type cannot be used with the " + name +
                          " checksum algorithm.");
  }
  if (type == "FULL_OBJECT" && !is_crc(*algorithm)) {
    throw invalid_request("The FULL_OBJECT checksum type cannot be used with the " + name +
                          " checksum algorithm.");
  }
  if (!type.empty() && type != "COMPOSITE" && type != "FULL_OBJECT") {
    throw invalid_request("Value for x-amz-checksum-type header is invalid.");
  }
  metadata["ChecksumAlgorithm"] = name_of(*algorithm);
  metadata["ChecksumType"] = !type.empty()                        ? type
                             : *algorithm == Algorithm::crc64nvme ? "FULL_OBJECT"
                                                                  : "COMPOSITE";
}

// A part of an upload with a checksum has to come with one of the same algorithm; where the whole object's
// checksum is what counts, the service may compute it.
void check_part_checksum(const Digests& digests, const json& upload) {
  if (!has(upload, "ChecksumAlgorithm")) return;
  const std::string expected = text_of(upload, "ChecksumAlgorithm");
  if (!digests.claimed() && text_of(upload, "ChecksumType") == "FULL_OBJECT") return;
  const std::string actual = digests.claimed() ? std::string(name_of(*digests.algorithm())) : "null";
  if (actual == expected) return;
  throw invalid_request("Checksum Type mismatch occurred, expected checksum Type: " +
                        aws::to_lower(expected) + ", actual checksum Type: " + aws::to_lower(actual));
}

}  // namespace

std::int64_t Service::part_number_of(const json& input) const {
  const std::int64_t number = number_of(input, "PartNumber").value_or(0);
  if (number < 1 || number > limits_.part_number_max) {
    throw invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber",
                           std::to_string(number));
  }
  return number;
}

store::Upload Service::existing_upload(const json& input) const {
  const std::string id = text_of(input, "UploadId");
  std::optional<store::Upload> upload = objects_.uploads().find(id);
  if (!upload || upload->bucket != text_of(input, "Bucket") || upload->key != text_of(input, "Key")) {
    throw no_such_upload(id);
  }
  return *std::move(upload);
}

Reply Service::create_multipart_upload(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  store::Upload upload;
  upload.initiated_ms = now_ms();
  upload.id = new_upload_id(aws::to_epoch_ms(clock_->now()));
  upload.bucket = bucket.name;
  upload.key = key_of(input);
  upload.metadata = attributes_of(input, limits_);
  choose_checksum(input, upload.metadata);
  objects_.uploads().create(upload);
  Reply reply{{{"Bucket", upload.bucket}, {"Key", upload.key}, {"UploadId", upload.id}}, std::nullopt};
  for (const char* member : {"ChecksumAlgorithm", "ChecksumType"}) {
    if (has(upload.metadata, member)) reply.document[member] = upload.metadata[member];
  }
  describe_encryption(upload.metadata, reply.document);
  return reply;
}

Reply Service::upload_part(const CallContext& context, const json& input, BodySource& body) {
  existing_bucket(context, input);
  const std::int64_t number = part_number_of(input);
  const store::Upload upload = existing_upload(input);
  require_customer_key_of_upload(upload.metadata, customer_key_of(input));
  Digests digests(input, algorithm_named(text_of(upload.metadata, "ChecksumAlgorithm")));
  check_part_checksum(digests, upload.metadata);
  std::unique_ptr<store::BlobWriter> blob = objects_.new_blob();
  receive(body, *blob, digests, limits_);
  store::Part part{static_cast<int>(number), blob->size(), blob->md5_hex(), now_ms(), json::object(), ""};
  if (digests.algorithm()) set_checksum(part.metadata, *digests.algorithm(), digests.value(), "FULL_OBJECT");
  try {
    objects_.uploads().put_part(upload.id, part, std::move(blob));
  } catch (const store::UploadChanged&) {
    throw no_such_upload(upload.id);
  }
  Reply reply;
  reply.document["ETag"] = in_quotes(part.etag);
  describe_digest(digests, reply.document);
  describe_encryption(upload.metadata, reply.document);
  return reply;
}

Reply Service::abort_multipart_upload(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  const store::Upload upload = existing_upload(input);
  if (!objects_.uploads().abort(upload.id)) throw no_such_upload(upload.id);
  return {};
}

Reply Service::list_parts(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  const store::Upload upload = existing_upload(input);
  const std::int64_t limit = page_size(input, "MaxParts");
  const std::int64_t marker =
      std::min(number_of(input, "PartNumberMarker").value_or(0), limits_.part_number_max);
  std::vector<store::Part> parts =
      objects_.uploads().parts(upload.id, static_cast<int>(marker), static_cast<std::size_t>(limit) + 1);
  const bool truncated = static_cast<std::int64_t>(parts.size()) > limit;
  if (truncated) parts.pop_back();
  json entries = json::array();
  for (const store::Part& part : parts) {
    json entry = {{"PartNumber", part.number},
                  {"LastModified", part.modified_ms},
                  {"ETag", in_quotes(part.etag)},
                  {"Size", part.size}};
    describe_checksum(part.metadata, entry);
    entry.erase("ChecksumType");
    entries.push_back(std::move(entry));
  }
  Reply reply;
  reply.document = {
      {"Bucket", upload.bucket},    {"Key", upload.key},
      {"UploadId", upload.id},      {"Initiator", owner_of(context)},
      {"Owner", owner_of(context)}, {"StorageClass", text_of(upload.metadata, "StorageClass", "STANDARD")},
      {"PartNumberMarker", marker}, {"NextPartNumberMarker", parts.empty() ? 0 : parts.back().number},
      {"MaxParts", limit},          {"IsTruncated", truncated},
      {"Parts", std::move(entries)}};
  for (const char* member : {"ChecksumAlgorithm", "ChecksumType"}) {
    if (has(upload.metadata, member)) reply.document[member] = upload.metadata[member];
  }
  return reply;
}

Reply Service::list_multipart_uploads(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string prefix = text_of(input, "Prefix");
  const std::string delimiter = text_of(input, "Delimiter");
  const std::string key_marker = text_of(input, "KeyMarker");
  const std::string id_marker = key_marker.empty() ? "" : text_of(input, "UploadIdMarker");
  const std::int64_t limit = page_size(input, "MaxUploads");
  check_encoding(input);
  if (!id_marker.empty() && !is_upload_id(id_marker)) {
    throw invalid_argument("Invalid uploadId marker", "upload-id-marker", id_marker);
  }
  // A marker that is a common prefix stands for all the keys under it.
  const bool marks_prefix = id_marker.empty() && marks_common_prefix(key_marker, prefix, delimiter);
  const Page<store::Upload> page = walk_keys<store::Upload>(
      PageRequest{prefix, delimiter, static_cast<std::size_t>(limit)},
      Position{marks_prefix ? behind_all_with(key_marker) : key_marker, id_marker},
      [&](const Position& behind, std::size_t count) {
        return objects_.uploads().list(bucket.name, prefix, behind.key, behind.id, count);
      },
      [](const store::Upload& upload) {
        return Position{upload.key, upload.id};
      });
  json output = {{"Bucket", bucket.name},    {"KeyMarker", key_marker},
                 {"Prefix", prefix},         {"UploadIdMarker", id_marker},
                 {"MaxUploads", limit},      {"IsTruncated", page.truncated},
                 {"Uploads", json::array()}, {"CommonPrefixes", json::array()}};
  if (!delimiter.empty()) output["Delimiter"] = delimiter;
  if (has(input, "EncodingType")) output["EncodingType"] = "url";
  if (page.size() > 0) {
    output["NextKeyMarker"] = page.last();
    output["NextUploadIdMarker"] = page.ends_with_prefix ? "" : page.entries.back().id;
  }
  const json owner = owner_of(context);
  for (const store::Upload& upload : page.entries) {
    json entry = {{"Key", upload.key},
                  {"UploadId", upload.id},
                  {"Initiator", owner},
                  {"Owner", owner},
                  {"StorageClass", text_of(upload.metadata, "StorageClass", "STANDARD")},
                  {"Initiated", upload.initiated_ms}};
    for (const char* member : {"ChecksumAlgorithm", "ChecksumType"}) {
      if (has(upload.metadata, member)) entry[member] = upload.metadata[member];
    }
    output["Uploads"].push_back(std::move(entry));
  }
  for (const std::string& group : page.common_prefixes) {
    output["CommonPrefixes"].push_back({{"Prefix", group}});
  }
  return {std::move(output), std::nullopt};
}

}  // namespace sagemaker::local::services::s3
