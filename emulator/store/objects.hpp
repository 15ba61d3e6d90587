// Buckets and objects: metadata in SQLite, bytes in files under hashed names. An object is visible whole or
// not at all: bytes go to a temporary file, are synced and renamed, and only then does the metadata row
// appear.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/bucket_settings.hpp"
#include "emulator/store/database.hpp"

namespace sagemaker::local::store {

struct Bucket {
  std::string name;
  std::string region;
  std::int64_t created_ms = 0;
  std::string versioning{};  // "" (never asked for), "Enabled" or "Suspended"
};

// The version of objects that were put while their bucket did not keep versions.
inline constexpr std::string_view null_version = "null";

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;  // without quotes
  std::int64_t modified_ms = 0;
  json metadata =
      json::object();  // content headers, user metadata, checksums: as the S3 service wants to keep them
  std::string blob;    // which file holds the bytes
  // Given by the store when it publishes the object.
  std::string version{null_version};
  std::int64_t sequence = 0;   // of two versions of a key the newer one has the greater number
  bool delete_marker = false;  // no object at all: it says that the key was deleted
  bool latest = true;          // what a request without a version id is about
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
  virtual std::string md5_hex() = 0;  // of what was appended so far
};

// What is asked of an object before it is replaced or deleted: called inside the transaction with the object
// of that moment (nullptr: none), and may throw to refuse.
using Condition = std::function<void(const ObjectInfo* current)>;

// How to erase, beyond the plain way.
struct Erasing {
  std::string version{};    // only this version, for good; "": the key, which may leave a delete marker
  std::int64_t now_ms = 0;  // when the marker was made
  Condition condition{};    // asked about what would be deleted or hidden
};

struct Erased {
  bool existed = false;        // an object or version was deleted or hidden
  bool delete_marker = false;  // a marker was made, or was what has been deleted
  std::string version{};       // of the marker made or of the version deleted
};

// One of several that are erased at once, and what became of it.
struct Erasure {
  std::string key;
  Erasing how{};
  Erased erased{};
  std::exception_ptr refusal{};  // what its condition threw: it was left alone
};

class Objects {
 public:
  Objects(Database& database, std::filesystem::path directory, Durability durability);
  ~Objects();
  static std::string_view schema();

  // With its settings, for which the tables of BucketSettings are needed. false: it exists, nothing was
  // changed.
  bool create_bucket(const Bucket& bucket, const BucketSettings::Documents& settings = {});
  std::optional<Bucket> find_bucket(std::string_view name) const;
  std::vector<Bucket> buckets() const;
  enum class DeleteBucket { deleted, missing, not_empty };
  DeleteBucket delete_bucket(std::string_view name);

  // "Enabled" or "Suspended"; false: there is no such bucket.
  bool set_versioning(std::string_view bucket, std::string_view versioning);

  std::unique_ptr<BlobWriter> new_blob();
  // Publishes the blob under the key. What was there is replaced or, where the bucket keeps versions, becomes
  // an older version. Returns what was stored. Throws MissingBucket.
  ObjectInfo put(std::string_view bucket, const ObjectInfo& info, std::unique_ptr<BlobWriter> blob,
                 const Condition& condition = {});
  // A file of this machine as an object (its bytes are copied); etag and size are computed.
  ObjectInfo put_file(std::string_view bucket, std::string_view key, const std::filesystem::path& file,
                      json metadata = json::object());
  // Many of them, all or none: they become visible together, and what the disk is waited for is waited for
  // side by side.
  struct NewFile {
    std::string key;
    std::filesystem::path file;
    json metadata = json::object();
  };
  std::vector<ObjectInfo> put_files(std::string_view bucket, const std::vector<NewFile>& files);
  // The bytes of an object under another key: both share them on disk, nothing is copied. The rest is as for
  // put(). Throws std::system_error (ENOENT) where `source` was replaced or deleted since it was found.
  ObjectInfo copy(const ObjectInfo& source, std::string_view bucket, const ObjectInfo& info,
                  const Condition& condition = {});
  Erased erase(std::string_view bucket, std::string_view key, const Erasing& how = {});
  // All of them in one transaction, one behind the other: together they wait for the disk once.
  void erase_all(std::string_view bucket, std::vector<Erasure>& erasures);
  // Changes the metadata of an object where it is ("": of its latest version). Returns it, or the delete
  // marker that is there instead and was not changed.
  std::optional<ObjectInfo> change_metadata(std::string_view bucket, std::string_view key,
                                            std::string_view version,
                                            const std::function<void(json& metadata)>& change);

  // The object that a key stands for now.
  std::optional<ObjectInfo> find(std::string_view bucket, std::string_view key) const;
  // The same, or the delete marker that is there instead.
  std::optional<ObjectInfo> find_latest(std::string_view bucket, std::string_view key) const;
  std::optional<ObjectInfo> find_version(std::string_view bucket, std::string_view key,
                                         std::string_view version) const;
  // Keys in UTF-8 binary order, behind `start_after`, with the prefix; at most `limit`.
  std::vector<ObjectInfo> list(std::string_view bucket, std::string_view prefix, std::string_view start_after,
                               std::size_t limit) const;
  // Versions and delete markers, by key and for each key the newest first. Begins behind the version of `key`
  // with the number `sequence`: the smallest number there is stands for "behind all of that key".
  std::vector<ObjectInfo> list_versions(std::string_view bucket, std::string_view prefix,
                                        std::string_view key, std::int64_t sequence, std::size_t limit) const;
  // The file with the bytes. Open it at once: a later put or delete of the key removes it.
  std::filesystem::path blob_path(const ObjectInfo& info) const;

  // Multipart uploads into these buckets.
  Uploads& uploads() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sagemaker::local::store
