// What the S3 client takes and gives: plain structures, one pair an operation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/transport.hpp>

namespace sagemaker {

struct S3Bucket {
  std::string name;
  std::optional<aws::TimePoint> creation_date;
};

// `body` is sent, or the file at `file` where that is set: in constant memory, read once for its checksums
// and once to be sent. At most 5 GiB, which is S3's limit for one request.
struct PutObjectInput {
  std::string bucket = {};
  std::string key = {};
  std::string body = {};
  std::filesystem::path file = {};
  std::string content_type = "binary/octet-stream";
  std::string content_encoding = {};
  std::string cache_control = {};
  std::map<std::string, std::string> metadata = {};  // user metadata: at most 2 KB in all
  aws::Headers headers = {};  // any further request headers: x-amz-tagging, If-None-Match ...
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
  std::string range = {};     // get only: "bytes=0-99"
  aws::Headers headers = {};  // any further request headers: If-Match, If-Modified-Since ...
};

struct GetObjectOutput {
  S3ObjectInfo info;
  std::string body;
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

struct ListObjectsV2Input {
  std::string bucket = {};
  std::string prefix = {};
  std::string delimiter = {};
  std::string start_after = {};
  std::string continuation_token = {};
  std::optional<int> max_keys = {};  // at most and by default 1,000
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

}  // namespace sagemaker
