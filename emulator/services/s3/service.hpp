// S3 without its wire format. An operation takes a document with AWS's member names (Bucket, Key, Range,
// ContentType, Metadata, ...) and a source of bytes; it returns a document and perhaps the bytes of an
// object. Times in documents are milliseconds since the epoch, entity tags stand in their quotes, checksums
// are base64 texts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/limits.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/store/bucket_settings.hpp"
#include "emulator/store/file.hpp"
#include "emulator/store/objects.hpp"
#include "emulator/store/uploads.hpp"

namespace sagemaker::local::services::s3 {

struct SettingOperation;

// The bytes that came with a request, decoded: read at most once, in pieces.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::optional<std::uint64_t> length() const = 0;  // as announced
  // What read() throws, for a broken or forged body, keeps the object from appearing.
  virtual void read(const std::function<void(std::string_view piece)>& sink) = 0;
  // Members that came behind the bytes (ChecksumCRC32, ...); complete after read().
  virtual json trailer() const { return json::object(); }
};

class EmptyBody final : public BodySource {
 public:
  std::optional<std::uint64_t> length() const override { return 0; }
  void read(const std::function<void(std::string_view)>&) override {}
};

// A part of an object's bytes. The file is open: nothing that happens to the object can change them any more.
struct Content {
  store::File file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Reply {
  json document = json::object();
  std::optional<Content> content;
};

class Service {
 public:
  Service(store::Objects& objects, store::BucketSettings& settings, std::shared_ptr<aws::Clock> clock,
          const S3Limits& limits = {});

  // By AWS's name of the operation ("PutObject"). Throws ServiceFault with S3's code, status, message and
  // fields; NotImplemented for operations that are not here. std::system_error where the disk refuses.
  Reply call(std::string_view operation, const CallContext& context, const json& input, BodySource& body);

  // The CORS rules of a bucket, for whoever asks; null: it has none; nullopt: there is no such bucket.
  std::optional<json> cors_rules(const std::string& bucket) const;
  aws::TimePoint now() const { return clock_->now(); }

 private:
  using Handler = Reply (Service::*)(const CallContext&, const json&, BodySource&);
  static Handler handler_of(std::string_view operation);

  // buckets.cpp
  Reply list_buckets(const CallContext& context, const json& input, BodySource& body);
  Reply create_bucket(const CallContext& context, const json& input, BodySource& body);
  Reply head_bucket(const CallContext& context, const json& input, BodySource& body);
  Reply delete_bucket(const CallContext& context, const json& input, BodySource& body);
  Reply get_bucket_location(const CallContext& context, const json& input, BodySource& body);
  // listing.cpp
  Reply list_objects(const CallContext& context, const json& input, BodySource& body);
  Reply list_objects_v2(const CallContext& context, const json& input, BodySource& body);
  // versions.cpp
  Reply put_bucket_versioning(const CallContext& context, const json& input, BodySource& body);
  Reply get_bucket_versioning(const CallContext& context, const json& input, BodySource& body);
  Reply list_object_versions(const CallContext& context, const json& input, BodySource& body);
  // objects.cpp, delete.cpp
  Reply put_object(const CallContext& context, const json& input, BodySource& body);
  Reply get_object(const CallContext& context, const json& input, BodySource& body);
  Reply head_object(const CallContext& context, const json& input, BodySource& body);
  Reply delete_object(const CallContext& context, const json& input, BodySource& body);
  Reply delete_objects(const CallContext& context, const json& input, BodySource& body);
  // copy.cpp
  Reply copy_object(const CallContext& context, const json& input, BodySource& body);
  Reply upload_part_copy(const CallContext& context, const json& input, BodySource& body);
  // multipart.cpp, multipart_complete.cpp
  Reply create_multipart_upload(const CallContext& context, const json& input, BodySource& body);
  Reply upload_part(const CallContext& context, const json& input, BodySource& body);
  Reply complete_multipart_upload(const CallContext& context, const json& input, BodySource& body);
  Reply abort_multipart_upload(const CallContext& context, const json& input, BodySource& body);
  Reply list_parts(const CallContext& context, const json& input, BodySource& body);
  Reply list_multipart_uploads(const CallContext& context, const json& input, BodySource& body);
  // bucket_settings.cpp
  Reply call_setting(const SettingOperation& operation, const CallContext& context, const json& input);
  Reply get_bucket_policy_status(const CallContext& context, const json& input, BodySource& body);
  // bucket_effects.cpp: what settings of a bucket do to operations on its objects
  json with_bucket_settings(std::string_view operation, const CallContext& context, const json& input,
                            const store::BucketSettings::Documents& settings) const;
  void add_expiration(const json& input, const json& lifecycle, json& output) const;
  Reply get_object_acl(const CallContext& context, const json& input, BodySource& body);
  Reply put_object_acl(const CallContext& context, const json& input, BodySource& body);
  // tagging.cpp, object_details.cpp
  Reply get_object_tagging(const CallContext& context, const json& input, BodySource& body);
  Reply put_object_tagging(const CallContext& context, const json& input, BodySource& body);
  Reply delete_object_tagging(const CallContext& context, const json& input, BodySource& body);
  Reply get_object_attributes(const CallContext& context, const json& input, BodySource& body);
  Reply restore_object(const CallContext& context, const json& input, BodySource& body);
  Reply refuse_object_lock(const CallContext& context, const json& input, BodySource& body);

  // What more than one operation needs.
  store::Bucket existing_bucket(const CallContext& context, const json& input) const;
  std::string key_of(const json& input) const;
  // The object or, where a version is named, that version of it. Throws where that is a delete marker.
  store::ObjectInfo existing_object(const store::Bucket& bucket, const std::string& key,
                                    const std::string& version) const;
  std::int64_t now_ms() const;  // whole seconds, as S3 counts
  std::int64_t page_size(const json& input, const char* member) const;
  store::Upload existing_upload(const json& input) const;
  std::int64_t part_number_of(const json& input) const;
  struct CopySource {
    store::Bucket bucket;
    store::ObjectInfo info;
    store::File file;
  };
  CopySource open_copy_source(const CallContext& context, const json& input) const;
  struct OpenObject {
    store::ObjectInfo info;
    store::File file;
  };
  OpenObject open_object(const store::Bucket& bucket, const std::string& key,
                         const std::string& version) const;
  Reply retag(const CallContext& context, const json& input, const json& tags);
  Reply complete_upload(const store::Bucket& bucket, const json& input);
  std::optional<Reply> completed_before(const store::Bucket& bucket, const json& input) const;
  void check_delete_entry(const store::Bucket& bucket, const json& entry,
                          const store::ObjectInfo* current) const;
  Reply read_object(const CallContext& context, const json& input, bool with_content);

  store::Objects& objects_;
  store::BucketSettings& settings_;
  std::shared_ptr<aws::Clock> clock_;
  S3Limits limits_;
};

}  // namespace sagemaker::local::services::s3
