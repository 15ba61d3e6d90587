// CopyObject and UploadPartCopy: bytes that are here already. A whole object is copied by giving its file a
// second name; bytes are read only where the answer needs a digest that nobody has computed yet.
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "emulator/services/s3/attributes.hpp"
#include "emulator/services/s3/conditions.hpp"
#include "emulator/services/s3/customer_key.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"
#include "emulator/services/s3/receive.hpp"
#include "emulator/services/s3/requirements.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::services::s3 {
namespace {

// A range of an open file as the body of a request.
class FileSource final : public BodySource {
 public:
  FileSource(const store::File& file, std::uint64_t offset, std::uint64_t length)
      : file_(file), offset_(offset), length_(length) {}
  std::optional<std::uint64_t> length() const override { return length_; }
  void read(const std::function<void(std::string_view)>& sink) override {
    file_.read(offset_, length_, sink);
  }

 private:
  const store::File& file_;
  std::uint64_t offset_, length_;
};

bool replaces_metadata(const json& input) {
  const std::string directive = text_of(input, "MetadataDirective", "COPY");
  if (directive != "COPY" && directive != "REPLACE") {
    throw invalid_argument("Unknown metadata directive.", "x-amz-metadata-directive", directive);
  }
  return directive == "REPLACE";
}

bool replaces_tags(const json& input) {
  const std::string directive = text_of(input, "TaggingDirective", "COPY");
  if (directive != "COPY" && directive != "REPLACE") {
    throw invalid_argument("Unknown tagging directive.", "x-amz-tagging-directive", directive);
  }
  return directive == "REPLACE";
}

// What a copy has of its own, whatever it takes over: where and how the bytes are kept.
constexpr std::array own_members = {"StorageClass",
                                    "ServerSideEncryption",
                                    "SSEKMSKeyId",
                                    "BucketKeyEnabled",
                                    "SSEKMSEncryptionContext",
                                    "SSECustomerAlgorithm",
                                    "SSECustomerKeyMD5",
                                    "WebsiteRedirectLocation",
                                    "PartSizes",
                                    "PartChecksums",
                                    "UploadId",
                                    "RestoredUntil",
                                    "AccessControlPolicy"};

// What the copy carries: the source's attributes, or those of the request, and in either case the request's
// storage class and encryption; tags by a directive of their own.
json attributes_of_copy(const json& input, const store::ObjectInfo& source, const S3Limits& limits) {
  json attributes = attributes_of(input, limits);
  json tags = replaces_tags(input) ? part_of(attributes, "Tags") : part_of(source.metadata, "Tags");
  if (!replaces_metadata(input)) {
    json kept = source.metadata;
    for (const char* member : own_members) {
      kept.erase(member);
      if (has(attributes, member)) kept[member] = attributes[member];
    }
    attributes = std::move(kept);
  } else {
    for (const char* member : {"ChecksumAlgorithm", "ChecksumValue", "ChecksumType"}) {
      if (has(source.metadata, member)) attributes[member] = source.metadata[member];
    }
  }
  attributes.erase("Tags");
  if (!tags.empty()) attributes["Tags"] = std::move(tags);
  return attributes;
}

void refuse_copy_onto_itself(const json& input, const store::Bucket& bucket, const std::string& key) {
  const json& source = part_of(input, "CopySource");
  const bool same = text_of(source, "Bucket") == bucket.name && text_of(source, "Key") == key;
  // A version that is named may be an older one, which this makes the newest again.
  if (!same || replaces_metadata(input) || has(source, "VersionId")) return;
  for (const char* member : {"StorageClass", "ServerSideEncryption", "WebsiteRedirectLocation",
                             "SSECustomerAlgorithm", "CopySourceSSECustomerAlgorithm"}) {
    if (has(input, member)) return;
  }
  throw invalid_request(
      "This copy request is illegal because it is trying to copy an object to itself without changing the "
      "object's "
      "metadata, storage class, website redirect location or encryption attributes.");
}

std::optional<Algorithm> wanted_algorithm(const json& input, const store::ObjectInfo& source) {
  if (!has(input, "ChecksumAlgorithm")) return std::nullopt;
  const std::optional<Algorithm> algorithm = algorithm_named(text_of(input, "ChecksumAlgorithm"));
  if (!algorithm) {
    throw invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  }
  const bool there_already = text_of(source.metadata, "ChecksumAlgorithm") == name_of(*algorithm) &&
                             text_of(source.metadata, "ChecksumType") == "FULL_OBJECT";
  if (there_already) return std::nullopt;
  return algorithm;
}

void require_copyable(std::uint64_t size, const S3Limits& limits) {
  if (size <= limits.put_bytes_max) return;
  throw invalid_request(
      "The specified copy source is larger than the maximum allowable size for a copy source: " +
      std::to_string(limits.put_bytes_max));
}

struct CopyRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

CopyRange copy_range_of(const json& input, std::uint64_t size) {
  if (!has(input, "CopySourceRange")) return {0, size};
  const std::string text = text_of(input, "CopySourceRange");
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const char* const end = text.data() + text.size();
  bool well_formed = text.starts_with("bytes=");
  if (well_formed) {
    const auto [dash, error] = std::from_chars(text.data() + 6, end, first);
    well_formed = error == std::errc() && dash != end && *dash == '-';
    if (well_formed) {
      const auto [stop, last_error] = std::from_chars(dash + 1, end, last);
      well_formed = last_error == std::errc() && stop == end && first <= last;
    }
  }
  if (!well_formed) {
    throw invalid_argument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        "zero-based "
        "offsets of the first and last bytes to copy",
        "x-amz-copy-source-range", text);
  }
  if (first >= size) throw invalid_request("The specified copy range is invalid for the source object size");
  if (last >= size) {
    throw invalid_argument("Range specified is not valid for source object of size: " + std::to_string(size),
                           "x-amz-copy-source-range", text);
  }
  return {first, last - first + 1};
}

}  // namespace

Service::CopySource Service::open_copy_source(const CallContext& context, const json& input) const {
  const json& source = part_of(input, "CopySource");
  const std::string name = text_of(source, "Bucket");
  std::optional<store::Bucket> bucket = objects_.find_bucket(name);
  if (!bucket) throw no_such_bucket(name);
  require_owner(context, input, "ExpectedSourceBucketOwner");
  const std::string key = text_of(source, "Key");
  const std::string version = version_of(source);
  const std::optional<std::string> customer_key = customer_key_of(input, "CopySource");
  if (!version.empty()) {
    const auto named = objects_.find_version(name, key, version);
    if (named && named->delete_marker) {
      throw invalid_request(
          "The source of a copy request may not specifically refer to a delete marker by version id.");
    }
  }
  OpenObject object = open_object(*bucket, key, version);
  require_customer_key(object.info.metadata, customer_key);
  check_copy_conditions(input, object.info);
  require_readable(object.info, now_ms());
  return {*std::move(bucket), std::move(object.info), std::move(object.file)};
}

Reply Service::copy_object(const CallContext& context, const json& input, BodySource&) {
  const store::Bucket bucket = existing_bucket(context, input);
  const std::string key = key_of(input);
  check_write_condition_syntax(input);
  const auto condition = [&](const store::ObjectInfo* current) {
    check_write_conditions(input, current, key);
  };
  while (true) {
    const CopySource source = open_copy_source(context, input);
    refuse_copy_onto_itself(input, bucket, key);
    require_copyable(source.info.size, limits_);
    store::ObjectInfo info;
    info.key = key;
    info.size = source.info.size;
    info.modified_ms = now_ms();
    info.metadata = attributes_of_copy(input, source.info, limits_);
    std::string version;
    const std::optional<Algorithm> algorithm = wanted_algorithm(input, source.info);
    const bool composite = source.info.etag.find('-') != std::string::npos;
    if (composite || algorithm) {
      // A copy is one piece again: its entity tag and checksum are those of all its bytes.
      Digests digests(json::object(), algorithm);
      if (!algorithm && text_of(info.metadata, "ChecksumType") == "COMPOSITE") {
        digests = Digests(json::object(), algorithm_named(text_of(info.metadata, "ChecksumAlgorithm")));
      }
      std::unique_ptr<store::BlobWriter> blob = objects_.new_blob();
      FileSource bytes(source.file, 0, source.info.size);
      receive(bytes, *blob, digests, limits_);
      info.etag = blob->md5_hex();
      if (digests.algorithm())
        set_checksum(info.metadata, *digests.algorithm(), digests.value(), "FULL_OBJECT");
      version = objects_.put(bucket.name, info, std::move(blob), condition).version;
    } else {
      info.etag = source.info.etag;
      try {
        version = objects_.copy(source.info, bucket.name, info, condition).version;
      } catch (const std::system_error& error) {
        if (error.code().value() == ENOENT) continue;  // replaced since it was opened: copy the new one
        throw;
      }
    }
    json result = {{"ETag", in_quotes(info.etag)}, {"LastModified", info.modified_ms}};
    describe_checksum(info.metadata, result);
    Reply reply{{{"CopyObjectResult", std::move(result)}}, std::nullopt};
    describe_encryption(info.metadata, reply.document);
    if (version != store::null_version) reply.document["VersionId"] = version;
    if (!source.bucket.versioning.empty()) reply.document["CopySourceVersionId"] = source.info.version;
    return reply;
  }
}

Reply Service::upload_part_copy(const CallContext& context, const json& input, BodySource&) {
  existing_bucket(context, input);
  const store::Upload upload = existing_upload(input);
  const std::int64_t number = part_number_of(input);
  require_customer_key_of_upload(upload.metadata, customer_key_of(input));
  const CopySource source = open_copy_source(context, input);
  const CopyRange range = copy_range_of(input, source.info.size);
  require_copyable(range.length, limits_);
  FileSource bytes(source.file, range.offset, range.length);
  Digests digests(json::object(), algorithm_named(text_of(upload.metadata, "ChecksumAlgorithm")));
  std::unique_ptr<store::BlobWriter> blob = objects_.new_blob();
  receive(bytes, *blob, digests, limits_);
  store::Part part{static_cast<int>(number), blob->size(), blob->md5_hex(), now_ms(), json::object(), ""};
  if (digests.algorithm()) set_checksum(part.metadata, *digests.algorithm(), digests.value(), "FULL_OBJECT");
  try {
    objects_.uploads().put_part(upload.id, part, std::move(blob));
  } catch (const store::UploadChanged&) {
    throw no_such_upload(upload.id);
  }
  json result = {{"ETag", in_quotes(part.etag)}, {"LastModified", part.modified_ms}};
  describe_digest(digests, result);
  Reply reply{{{"CopyPartResult", std::move(result)}}, std::nullopt};
  describe_encryption(upload.metadata, reply.document);
  if (!source.bucket.versioning.empty()) reply.document["CopySourceVersionId"] = source.info.version;
  return reply;
}

}  // namespace sagemaker::local::services::s3
