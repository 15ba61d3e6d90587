// What the S3 client takes and gives: plain structures, one pair an operation. Members that are left out have
// the value written here; headers that have no member of their own go into `headers`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/checksum.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/transport.hpp>

namespace sagemaker {

using S3ChecksumAlgorithm = aws::ChecksumAlgorithm;

// Which checksum an upload carries. Empty: CRC-32; none where AWS_REQUEST_CHECKSUM_CALCULATION or the
// profile's request_checksum_calculation is "when_required", for servers that know none.
using S3ChecksumChoice = std::optional<S3ChecksumAlgorithm>;

// Bytes are not those that were stored, or stored bytes not those that were sent: they must not be used.
class ChecksumError : public Error {
 public:
  using Error::Error;
};

// The object or file became another one while it was being moved.
class ChangedWhileTransferred : public Error {
 public:
  using Error::Error;
};

// A caller's stop token ended the transfer.
class TransferCancelled : public Error {
 public:
  using Error::Error;
};

// Fills a buffer with up to so many bytes and returns how many; 0 at the end.
using S3Reader = std::function<std::size_t(char* buffer, std::size_t size)>;

// Told how many bytes went out; a negative number where some have to go once more.
using S3BytesMoved = std::function<void(std::int64_t bytes)>;

using S3Tags = std::map<std::string, std::string>;

struct S3Bucket {
  std::string name;
  std::optional<aws::TimePoint> creation_date;
};

// One of three bodies is sent: `body`; the file at `file`, in constant memory; or what `reader` gives, which
// is `content_length` bytes and, since it cannot be read twice, never sent twice. At most 5 GiB, S3's limit
// for one request: S3Client::upload takes more. Over TLS the checksum follows the bytes, so a file is read
// once; without TLS the signature covers the bytes, and a file is read twice.
struct PutObjectInput {
  std::string bucket = {};
  std::string key = {};
  std::string body = {};
  std::filesystem::path file = {};
  std::string content_type = "binary/octet-stream";
  std::string content_encoding = {};
  std::string cache_control = {};
  std::map<std::string, std::string> metadata = {};  // user metadata: at most 2 KB in all
  aws::Headers headers = {};  // any further request headers: x-amz-server-side-encryption ...
  S3Reader reader = {};
  std::optional<std::uint64_t> content_length = {};
  S3ChecksumChoice checksum = {};
  std::string if_none_match = {};  // "*": only where there is no such object yet, else PreconditionFailed
  std::string if_match = {};       // only over the object of this ETag
  std::string storage_class = {};
  S3Tags tags = {};
  S3BytesMoved on_sent = {};  // of a file or reader
};

struct PutObjectOutput {
  std::string etag;  // with its quotation marks, as S3 gives it
  std::string version_id;
  aws::Headers headers;
};

// What an object is, without its bytes.
struct S3ObjectInfo {
  std::uint64_t content_length = 0;
  std::string content_type;
  std::string content_encoding;
  std::string etag;
  std::string version_id;
  std::optional<aws::TimePoint> last_modified;
  std::map<std::string, std::string> metadata;
  aws::Headers headers;
};

struct S3ObjectInput {
  std::string bucket = {};
  std::string key = {};
  std::string version_id = {};
  std::string range = {};          // get only: "bytes=0-99"
  aws::Headers headers = {};       // any further request headers
  std::string if_match = {};       // ETag; another one is ServiceError "PreconditionFailed" (412)
  std::string if_none_match = {};  // ETag; the same one is ServiceError "304"
  std::optional<aws::TimePoint> if_modified_since = {};
  std::optional<aws::TimePoint> if_unmodified_since = {};
  int part_number = 0;  // get and head: one part of an object that was uploaded in parts, from 1
};

struct GetObjectOutput {
  S3ObjectInfo info;
  std::string body;
};

// A URL that carries the signature of one request: whoever has it may make this request until it expires.
struct PresignInput {
  std::string bucket = {};
  std::string key = {};
  std::string method = "GET";
  std::chrono::seconds expires{3600};  // 1 s to 7 days
  std::string version_id = {};
  // Signed: whoever uses the URL has to send exactly these.
  aws::Headers headers = {};
  // Any further parameters. For GET: response-content-type, response-content-disposition and others replace
  // headers of the answer; for PUT of a part: uploadId and partNumber.
  std::map<std::string, std::string> query = {};
};

struct DeleteObjectsInput {
  std::string bucket = {};
  std::vector<std::string> keys = {};  // any number: sent in groups of 1,000
};

struct S3DeleteFailure {
  std::string key;
  std::string code;
  std::string message;
};

struct DeletePrefixInput {
  std::string bucket = {};
  std::string prefix = {};
  bool whole_bucket = false;  // has to be said where the prefix is empty
  bool all_versions = false;  // also older versions and delete markers: nothing can be brought back
};

struct DeletePrefixOutput {
  std::uint64_t deleted = 0;
  std::vector<S3DeleteFailure> failures;
};

struct ListObjectsV2Input {
  std::string bucket = {};
  std::string prefix = {};
  std::string delimiter = {};
  std::string start_after = {};
  std::string continuation_token = {};
  std::optional<int> max_keys = {};  // a page; at most and by default 1,000
};

struct S3Object {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;
  std::optional<aws::TimePoint> last_modified;
  std::string storage_class;
};

struct ListObjectsV2Output {
  std::vector<S3Object> contents;
  std::vector<std::string> common_prefixes;
  bool is_truncated = false;
  std::string next_continuation_token;
  int key_count = 0;
};

// An object, or a "directory": what several keys share up to the delimiter.
struct S3Entry {
  std::string name;  // the key, or the common prefix with the delimiter at its end
  std::optional<S3Object> object;
  bool is_directory() const { return !object; }
};

struct ListObjectVersionsInput {
  std::string bucket = {};
  std::string prefix = {};
};

struct S3ObjectVersion {
  std::string key;
  std::string version_id;
  bool is_latest = false;
  bool is_delete_marker = false;
  std::uint64_t size = 0;
  std::string etag;
  std::optional<aws::TimePoint> last_modified;
};

struct CopyObjectInput {
  std::string source_bucket = {};
  std::string source_key = {};
  std::string source_version_id = {};
  std::string bucket = {};
  std::string key = {};
  // Where it is set, these replace the metadata and content type of the source; else everything is copied.
  bool replace_metadata = false;
  std::string content_type = {};
  std::map<std::string, std::string> metadata = {};
  std::string source_if_match = {};  // ETag
  aws::Headers headers = {};
};

struct CopyObjectOutput {
  std::string etag;
  std::string version_id;
  std::optional<aws::TimePoint> last_modified;
};

struct S3Part {
  int number = 0;  // 1 to 10,000
  std::string etag;
  std::uint64_t size = 0;
  std::string checksum;  // base64, of the upload's algorithm; empty where it has none
};

struct S3ObjectAttributes {
  std::string etag;
  std::uint64_t size = 0;
  std::string storage_class;
  std::optional<S3ChecksumAlgorithm> checksum_algorithm;
  std::string checksum;           // base64; "...-N" for that of N checksums
  bool composite = false;         // a checksum of the parts' checksums
  std::uint64_t parts_count = 0;  // 0: not uploaded in parts
  std::vector<S3Part> parts;      // only where they have checksums
};

// ---- uploads in parts, for programs that do it themselves; S3Client::upload does it for a file

enum class S3ChecksumType { automatic, full_object, composite };  // automatic: of all bytes for CRCs

struct CreateMultipartUploadInput {
  std::string bucket = {};
  std::string key = {};
  std::string content_type = "binary/octet-stream";
  std::map<std::string, std::string> metadata = {};
  aws::Headers headers = {};
  S3ChecksumChoice checksum = {};
  S3ChecksumType checksum_type = S3ChecksumType::automatic;
  S3Tags tags = {};
};

struct S3UploadId {
  std::string bucket = {};
  std::string key = {};
  std::string upload_id = {};
};

struct UploadPartInput {
  S3UploadId upload = {};
  int part_number = 1;
  std::shared_ptr<aws::BodySource> body = {};
  S3ChecksumChoice checksum = {};
  aws::Headers headers = {};
  S3BytesMoved on_sent = {};
};

struct UploadPartCopyInput {
  S3UploadId upload = {};
  int part_number = 1;
  std::string source_bucket = {};
  std::string source_key = {};
  std::string source_version_id = {};
  std::string source_range = {};  // "bytes=0-99"
  std::string source_if_match = {};
  aws::Headers headers = {};
};

struct CompleteMultipartUploadInput {
  S3UploadId upload = {};
  std::vector<S3Part> parts = {};  // in ascending order
  S3ChecksumAlgorithm checksum_algorithm = S3ChecksumAlgorithm::crc32;
  std::string checksum = {};  // of the whole object, which S3 compares; empty: none
  aws::Headers headers = {};
};

struct S3MultipartUpload {
  std::string key;
  std::string upload_id;
  std::optional<aws::TimePoint> initiated;
};

// ---- anything else

// Any operation of S3: .method, .bucket, .key, .query and .headers make the request.
struct S3Request {
  std::string method = "GET";
  std::string bucket = {};
  std::string key = {};
  std::map<std::string, std::string> query = {};  // {"acl", ""}: "?acl="
  aws::Headers headers = {};
  std::string body = {};
  bool idempotent = true;  // false: not sent again where it may have been carried out
};

struct S3Response {
  int http_status = 0;
  aws::Headers headers;
  std::string body;
};

}  // namespace sagemaker
