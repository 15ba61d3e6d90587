// Buckets and objects: metadata in SQLite, bytes in files under hashed names. An object is visible whole or
// not at all: bytes go to a temporary file, are synced and renamed, and only then does the metadata row
// appear.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/database.hpp"

namespace sagemaker::local::store {

struct Bucket {
  std::string name;
  std::string region;
  std::int64_t created_ms = 0;
};

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;  // without quotes
  std::int64_t modified_ms = 0;
  json metadata =
      json::object();  // content headers, user metadata, checksums: as the S3 service wants to keep them
  std::string blob;    // which file holds the bytes
};

// The bucket was not there, or was deleted in the meantime.
class MissingBucket : public std::runtime_error {
 public:
  explicit MissingBucket(std::string_view name)
      : std::runtime_error("no such bucket: " + std::string(name)) {}
};

class Uploads;

// Bytes on their way in: append, then commit through Objects::put, or go out of scope and be gone.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual void append(std::string_view bytes) = 0;  // throws std::system_error (ENOSPC, EIO)
  virtual std::uint64_t size() const = 0;
  virtual std::string md5_hex() const = 0;  // of what was appended so far
};

class Objects {
 public:
  Objects(Database& database, std::filesystem::path directory, Durability durability);
  ~Objects();
  static std::string_view schema();

  bool create_bucket(const Bucket& bucket);  // false: exists
  std::optional<Bucket> find_bucket(std::string_view name) const;
  std::vector<Bucket> buckets() const;
  enum class DeleteBucket { deleted, missing, not_empty };
  DeleteBucket delete_bucket(std::string_view name);

  std::unique_ptr<BlobWriter> new_blob();
  // Publishes the blob under the key, replacing what was there. `condition` is asked inside the transaction
  // with the current object (nullptr: none) and may throw to refuse. Throws MissingBucket.
  void put(std::string_view bucket, const ObjectInfo& info, std::unique_ptr<BlobWriter> blob,
           const std::function<void(const ObjectInfo* current)>& condition = {});
  // A file of this machine as an object (its bytes are copied); etag and size are computed.
  ObjectInfo put_file(std::string_view bucket, std::string_view key, const std::filesystem::path& file,
                      json metadata = json::object());
  std::optional<ObjectInfo> find(std::string_view bucket, std::string_view key) const;
  // The bytes of an object under another key: both share them on disk, nothing is copied. The rest is as for
  // put(). Throws std::system_error (ENOENT) where `source` was replaced or deleted since it was found.
  void copy(const ObjectInfo& source, std::string_view bucket, const ObjectInfo& info,
            const std::function<void(const ObjectInfo* current)>& condition = {});
  bool erase(std::string_view bucket, std::string_view key,
             const std::function<void(const ObjectInfo* current)>& condition = {});
  // Keys in UTF-8 binary order, behind `start_after`, with the prefix; at most `limit`.
  std::vector<ObjectInfo> list(std::string_view bucket, std::string_view prefix, std::string_view start_after,
                               std::size_t limit) const;
  // The file with the bytes. Open it at once: a later put or delete of the key removes it.
  std::filesystem::path blob_path(const ObjectInfo& info) const;

  // Multipart uploads into these buckets.
  Uploads& uploads() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::store
