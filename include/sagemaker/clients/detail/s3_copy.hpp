// S3Client::copy: objects and folders inside S3. Up to 5 GiB one request copies an object with all that
// belongs to it; larger ones are put together from ranges of the source, all of one version.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <sagemaker/clients/detail/s3_upload.hpp>

namespace sagemaker::detail {

// The headers of a copy say things of the source, of the target and of both. One request takes them all; of
// the several that a large object needs, each takes those that it understands.
inline constexpr std::string_view source_key_prefix = "x-amz-copy-source-server-side-encryption-customer-";
inline constexpr std::string_view source_owner = "x-amz-source-expected-bucket-owner";

// Of those, for requests about the source alone.
inline aws::Headers headers_of_source(const aws::Headers& headers) {
  aws::Headers kept;
  for (const aws::Header& field : headers) {
    const std::string name = aws::to_lower(field.name);
    if (name == "x-amz-request-payer") kept.set(name, field.value);
    if (name == source_owner) kept.set("x-amz-expected-bucket-owner", field.value);
    if (name.starts_with(source_key_prefix)) {
      kept.set("x-amz-server-side-encryption-customer-" + name.substr(source_key_prefix.size()), field.value);
    }
  }
  return kept;
}

inline aws::Headers headers_of_copied_parts(const aws::Headers& headers) {
  aws::Headers kept = headers_of_parts(headers);
  for (const aws::Header& field : headers) {
    const std::string name = aws::to_lower(field.name);
    if (name == source_owner || name.starts_with(source_key_prefix)) kept.set(name, field.value);
  }
  return kept;
}

inline aws::Headers headers_of_copy_target(const aws::Headers& headers) {
  aws::Headers kept;
  for (const aws::Header& field : headers) {
    const std::string name = aws::to_lower(field.name);
    if (name != source_owner && !name.starts_with("x-amz-copy-source") && !name.ends_with("-directive")) {
      kept.add(field.name, field.value);
    }
  }
  return kept;
}

class Copier {
 public:
  Copier(const S3Client& client, const S3Copy& copy)
      : copy_(copy),
        transfer_(client, copy.options,
                  {.multipart_threshold = S3Client::put_bytes_max, .part_size = 128ull << 20}) {}

  S3TransferResult run() {
    if (copy_.folder.delete_extraneous) throw ConfigError("delete_extraneous is not supported by copy");
    const std::optional<std::uint64_t> size = single_object();
    if (size) {
      const std::string& key = copy_.from.key();
      const bool below = copy_.to.key().empty() || copy_.to.key().ends_with('/');
      add(copy_.from,
          S3Uri::of(
              {copy_.to.bucket(), below ? copy_.to.key() + key.substr(key.rfind('/') + 1) : copy_.to.key()}),
          *size);
    } else {
      transfer_.attempt(copy_.from, [&] { list(); });
    }
    transfer_.wait();
    return transfer_.finish();
  }

 private:
  std::optional<std::uint64_t> single_object() const {
    const std::string& key = copy_.from.key();
    const bool folder = key.empty() || key.ends_with('/');
    if (is_listed(copy_.scope)) return std::nullopt;
    if (copy_.scope == S3Scope::automatic && folder) return std::nullopt;
    try {
      return transfer_.client().head_object(source()).content_length;
    } catch (const ServiceError& error) {
      if (error.http_status() != 404 || copy_.scope == S3Scope::object) throw;
    }
    const auto below = transfer_.client().list_objects_v2(
        {.bucket = copy_.from.bucket(), .prefix = folder_prefix(key), .max_keys = 1});
    if (below.contents.empty()) {
      throw Error("Cannot copy " + copy_.from.text() + ": there is no such object, and none below it");
    }
    return std::nullopt;
  }

  S3ObjectInput source() const { return source_of(copy_.from); }
  S3ObjectInput source_of(const S3Uri& from) const {
    return {.bucket = from.bucket(),
            .key = from.key(),
            .version_id = copy_.version_id,
            .headers = headers_of_source(copy_.headers)};
  }

  void list() {
    if (!copy_.version_id.empty()) {
      throw ConfigError("version_id names one version of one object, but " + copy_.from.text() +
                        " is a folder");
    }
    const std::string from = listed_prefix(copy_.from.key(), copy_.scope);
    const std::string to = folder_prefix(copy_.to.key());
    // A folder that is copied into one of its own would go on to copy the copies.
    const bool inside =
        copy_.from.bucket() == copy_.to.bucket() && to.size() > from.size() && to.starts_with(from);
    std::map<std::string, S3Object> present;
    if (copy_.folder.only_changed) {
      for (S3Object object : transfer_.client().list_objects({.bucket = copy_.to.bucket(), .prefix = to})) {
        present.emplace(object.key, std::move(object));
      }
    }
    for (const S3Object& object :
         transfer_.client().list_objects({.bucket = copy_.from.bucket(), .prefix = from})) {
      if (transfer_.failed()) return;
      if (inside && object.key.starts_with(to)) continue;
      if (!belongs_to(object.key, from, copy_.scope)) continue;
      const std::string name(key_below(object.key, from));
      if ((to + name).empty() || !filter_(name)) continue;
      const auto found = present.find(to + name);
      if (found != present.end() && found->second.size == object.size &&
          found->second.last_modified >= object.last_modified) {
        transfer_.unchanged();
        continue;
      }
      add(S3Uri::of({copy_.from.bucket(), object.key}), S3Uri::of({copy_.to.bucket(), to + name}),
          object.size);
    }
  }

  void add(const S3Uri& from, const S3Uri& to, std::uint64_t size) {
    transfer_.monitor().expect(1, size);
    transfer_.pool().add([this, from, to, size] {
      transfer_.attempt(to, [&] {
        if (size <= transfer_.multipart_threshold()) {
          copy_whole(from, to, size);
        } else {
          copy_parts(from, to);
        }
      });
    });
  }

  void copy_whole(const S3Uri& from, const S3Uri& to, std::uint64_t size) {
    transfer_.client().copy_object({.source_bucket = from.bucket(),
                                    .source_key = from.key(),
                                    .source_version_id = copy_.version_id,
                                    .bucket = to.bucket(),
                                    .key = to.key(),
                                    .headers = copy_.headers});
    transfer_.monitor().moved(static_cast<std::int64_t>(size));
    transfer_.object_done({to, {}, size});
  }

  struct Big {
    Big(Transfer& transfer, PartsUpload::What what, S3ObjectInfo head, S3Uri source, S3Uri target,
        std::uint64_t part)
        : parts(transfer, std::move(what)),
          info(std::move(head)),
          from(std::move(source)),
          to(std::move(target)),
          plan(info.content_length, part, from.text()) {}
    PartsUpload parts;
    S3ObjectInfo info;
    S3Uri from, to;
    PartPlan plan;
    std::atomic<bool> failed{false};
  };

  // What one request would take along has to be read from the source and given to the new object.
  CreateMultipartUploadInput creation(const S3ObjectInput& from, const S3ObjectInfo& info,
                                      const S3Uri& to) const {
    const auto replaces = [&](const char* directive) {
      return aws::iequals(copy_.headers.get(directive), "REPLACE");
    };
    CreateMultipartUploadInput create{
        .bucket = to.bucket(), .key = to.key(), .headers = headers_of_copy_target(copy_.headers)};
    if (replaces("x-amz-metadata-directive")) {
      create.content_type = copy_.headers.get("Content-Type", create.content_type);
    } else {
      create.content_type = info.content_type;
      create.metadata = info.metadata;
      for (const char* name :
           {"Content-Encoding", "Cache-Control", "Content-Disposition", "Content-Language", "Expires"}) {
        const std::string value = info.headers.get(name);
        if (!value.empty() && !create.headers.contains(name)) create.headers.set(name, value);
      }
    }
    for (const S3ChecksumAlgorithm algorithm : aws::checksum_algorithms) {
      if (info.headers.contains(aws::header_of(algorithm))) create.checksum = algorithm;
    }
    if (!replaces("x-amz-tagging-directive") && s3_number(info.headers.get("x-amz-tagging-count")) > 0) {
      create.tags = transfer_.client().get_object_tagging(from);
    }
    return create;
  }

  void copy_parts(const S3Uri& from, const S3Uri& to) {
    const S3ObjectInput input = source_of(from);
    S3ObjectInfo info = transfer_.client().head_object(input);
    PartsUpload::What what{creation(input, info, to)};
    const auto big =
        std::make_shared<Big>(transfer_, std::move(what), std::move(info), from, to, transfer_.part_size());
    big->parts.begin();
    big->parts.expect_parts(big->plan.count());
    for (std::size_t index = 0; index < big->plan.count(); ++index) {
      transfer_.pool().continue_with([this, big, index] {
        if (big->failed) return;
        transfer_.attempt(big->to, [&] {
          try {
            copy_part(*big, index);
          } catch (...) {
            if (!big->failed.exchange(true)) throw;  // one failure for one object
          }
        });
      });
    }
  }

  void copy_part(Big& big, std::size_t index) {
    const std::uint64_t offset = big.plan.offset(index), length = big.plan.length(index);
    S3Part part;
    try {
      part = transfer_.client().upload_part_copy(
          {.upload = big.parts.id(),
           .part_number = static_cast<int>(index) + 1,
           .source_bucket = big.from.bucket(),
           .source_key = big.from.key(),
           .source_version_id = copy_.version_id,
           .source_range = "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1),
           .source_if_match = big.info.etag,
           .headers = headers_of_copied_parts(copy_.headers)});
    } catch (const ServiceError& error) {
      if (error.http_status() != 412 && error.http_status() != 416) throw;
      throw ChangedWhileTransferred(big.from.text() + " changed while it was copied to " + big.to.text());
    }
    part.size = length;
    transfer_.monitor().moved(static_cast<std::int64_t>(length));
    if (!big.parts.arrived(index, std::move(part))) return;
    big.parts.complete();
    transfer_.object_done({big.to, {}, big.plan.total});
  }

  const S3Copy& copy_;
  const NameFilter filter_{copy_.folder.include, copy_.folder.exclude};
  Transfer transfer_;
};

}  // namespace sagemaker::detail
