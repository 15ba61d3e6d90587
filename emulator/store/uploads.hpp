// Multipart uploads that are under way. They survive a restart, as they do on AWS: parts are settled blobs
// with rows of their own, and completing one turns them into an object in a single transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/blobs.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::store {

struct Upload {
  std::string id;
  std::string bucket;
  std::string key;
  std::int64_t initiated_ms = 0;
  json metadata = json::object();  // of the object to be
};

struct Part {
  int number = 0;
  std::uint64_t size = 0;
  std::string etag;  // MD5 of the part, in hex
  std::int64_t modified_ms = 0;
  json metadata = json::object();  // checksums
  std::string blob;
};

// The upload was completed or aborted, or one of its parts replaced, while it was being completed.
class UploadChanged : public std::runtime_error {
 public:
  UploadChanged() : std::runtime_error("the multipart upload changed while it was used") {}
};

class Uploads {
 public:
  Uploads(Database& database, Blobs& blobs) : database_(database), blobs_(blobs) {}

  void create(const Upload& upload);  // throws MissingBucket
  std::optional<Upload> find(std::string_view id) const;
  // By key and then by id, behind (`key`, `id`), with the prefix; at most `limit`. An empty `id` means:
  // behind all uploads of that key.
  std::vector<Upload> list(std::string_view bucket, std::string_view prefix, std::string_view key,
                           std::string_view id, std::size_t limit) const;
  // Keeps a part; one with the same number is replaced. Throws UploadChanged where the upload is gone.
  void put_part(std::string_view id, const Part& part, std::unique_ptr<BlobWriter> blob);
  std::vector<Part> parts(std::string_view id, int after, std::size_t limit) const;
  // As for Objects::put(). `disturbed`: the key was written or deleted since the upload began.
  using Condition = std::function<void(const ObjectInfo* current, bool disturbed)>;
  // Publishes the parts, one behind the other, as the object and ends the upload. Returns what was stored.
  ObjectInfo complete(const Upload& upload, const std::vector<Part>& parts, const ObjectInfo& info,
                      const Condition& condition = {});
  bool abort(std::string_view id);  // false: there was none

 private:
  Database& database_;
  Blobs& blobs_;
};

}  // namespace sagemaker::local::store
