// S3Client::upload and upload_stream: folders walked, large files cut into parts, and uploads that go on
// where an earlier one was interrupted.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/file.h>
#include <sys/stat.h>

#include <sagemaker/clients/detail/s3_transfer_base.hpp>

namespace sagemaker::detail {

// Remembers the upload id of an unfinished upload in a small file, locked as long as the upload runs. What
// describes the upload (the file's size and time, part size, checksums, headers) has to be the same for it to
// be taken up again.
class UploadState {
 public:
  struct Key {
    std::filesystem::path folder;  // empty: the default
    std::string identity;          // which file goes where
    std::string description;       // one line
  };

  explicit UploadState(const Key& key) : description_(key.description) {
    const std::filesystem::path folder = key.folder.empty() ? default_folder() : key.folder;
    make_folder(folder);
    path_ = (folder / (file_name_hash(key.identity) + ".upload")).string();
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) aws::throw_file_error("Cannot create " + path_);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor_);
      throw Error("The same file is being uploaded to the same place by another program (" + path_ + ")");
    }
    std::ifstream file(path_);
    std::string line;
    std::getline(file, line);
    std::getline(file, upload_id_);
    described_alike_ = line == description_;
  }
  ~UploadState() { ::close(descriptor_); }
  UploadState(const UploadState&) = delete;
  UploadState& operator=(const UploadState&) = delete;

  const std::string& upload_id() const { return upload_id_; }  // "": there is none
  bool described_alike() const { return described_alike_; }

  void store(const std::string& upload_id) {
    upload_id_ = upload_id;
    const std::string text = description_ + "\n" + upload_id + "\n";
    if (::ftruncate(descriptor_, 0) != 0) aws::throw_file_error("Cannot write " + path_);
    aws::write_at(descriptor_, text, 0, path_);
  }
  void remove() { ::unlink(path_.c_str()); }

 private:
  static std::filesystem::path default_folder() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') return std::filesystem::path(state) / "sagemaker" / "transfers";
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home == '\0') {
      throw ConfigError(
          "There is no folder for the state of uploads: set state_folder, XDG_STATE_HOME or HOME");
    }
    return std::filesystem::path(home) / ".local" / "state" / "sagemaker" / "transfers";
  }

  std::string path_, description_, upload_id_;
  int descriptor_ = -1;
  bool described_alike_ = false;
};

// One upload in parts. Its tasks share it; the last one completes it. When it goes without having been
// completed, it is aborted: by then none of its parts is on the way.
class PartsUpload {
 public:
  struct What {
    CreateMultipartUploadInput create;
    aws::Headers complete_headers = {};
    bool keep_unfinished = false;
  };

  PartsUpload(Transfer& transfer, What what)
      : transfer_(transfer), what_(std::move(what)), part_headers_(headers_of_parts(what_.create.headers)) {
    what_.create.checksum = transfer.client().checksum_to_send(what_.create.checksum);
  }
  ~PartsUpload() {
    if (completed_ || upload_.upload_id.empty() || what_.keep_unfinished) return;
    abort(upload_.upload_id);
  }
  PartsUpload(const PartsUpload&) = delete;
  PartsUpload& operator=(const PartsUpload&) = delete;

  void begin() { take_up(transfer_.client().create_multipart_upload(what_.create).upload_id); }
  void take_up(const std::string& upload_id) { upload_ = {what_.create.bucket, what_.create.key, upload_id}; }
  const S3UploadId& id() const { return upload_; }
  const S3ChecksumChoice& algorithm() const { return what_.create.checksum; }  // empty: none
  bool full_object() const {
    return algorithm() && S3Client::is_full_object(*algorithm(), what_.create.checksum_type);
  }

  void expect_parts(std::size_t count) {
    parts_.resize(count);
    left_ = count;
  }

  S3Part send(std::size_t index, std::shared_ptr<aws::BodySource> body) {
    CountedBytes counted(transfer_.monitor());
    S3Part part =
        transfer_.client().upload_part({.upload = upload_,
                                        .part_number = static_cast<int>(index) + 1,
                                        .body = std::move(body),
                                        .checksum = algorithm(),
                                        .headers = part_headers_,
                                        .on_sent = [&counted](std::int64_t bytes) { counted(bytes); }});
    counted.arrived();
    return part;
  }
  // Whether it was the last one.
  bool arrived(std::size_t index, S3Part part) {
    const std::lock_guard lock(mutex_);
    parts_[index] = std::move(part);
    return --left_ == 0;
  }

  PutObjectOutput complete() {
    aws::Headers headers = part_headers_;
    for (const aws::Header& field : what_.complete_headers) headers.set(field.name, field.value);
    PutObjectOutput output = transfer_.client().complete_multipart_upload(
        {.upload = upload_,
         .parts = parts_,
         .checksum_algorithm = algorithm().value_or(S3ChecksumAlgorithm::crc32),
         .checksum = checksum(),
         .headers = std::move(headers)});
    completed_ = true;
    return output;
  }

  // Of the object; empty where S3 said nothing of a part.
  std::string checksum() const {
    for (const S3Part& part : parts_) {
      if (part.checksum.empty()) return "";
    }
    return algorithm() ? checksum_of_parts(*algorithm(), full_object(), parts_) : "";
  }

  void abort(const std::string& upload_id) noexcept {
    try {
      transfer_.client().abort_multipart_upload({what_.create.bucket, what_.create.key, upload_id},
                                                part_headers_);
    } catch (...) {
      // The failure that led here is what the caller hears of; a lifecycle rule removes what is left.
    }
  }

 private:
  Transfer& transfer_;
  What what_;
  aws::Headers part_headers_;
  S3UploadId upload_;
  std::mutex mutex_;
  std::vector<S3Part> parts_;
  std::size_t left_ = 0;
  bool completed_ = false;
};

template <class Source>
CreateMultipartUploadInput creation_of(const Source& source, const S3Uri& to) {
  return {.bucket = to.bucket(),
          .key = to.key(),
          .content_type = source.content_type,
          .metadata = source.metadata,
          .headers = source.headers,
          .checksum = source.checksum,
          .checksum_type = source.checksum_type,
          .tags = source.tags};
}

class Uploader {
 public:
  Uploader(const S3Client& client, const S3Upload& upload)
      : upload_(upload), transfer_(client, upload.options) {}

  S3TransferResult run() {
    namespace fs = std::filesystem;
    if (fs::is_directory(upload_.from)) {
      transfer_.attempt(upload_.to, [&] { walk_root(); });
    } else if (fs::is_regular_file(upload_.from)) {
      const bool below = upload_.to.key().empty() || upload_.to.key().ends_with('/');
      const std::string key = below ? upload_.to.key() + upload_.from.filename().string() : upload_.to.key();
      add_file(upload_.from, S3Uri::of({upload_.to.bucket(), key}));
    } else {
      throw ConfigError("Cannot upload \"" + upload_.from.string() + "\": there is no such file or folder");
    }
    transfer_.wait();
    if (upload_.folder.delete_extraneous && transfer_.all_well() && fs::is_directory(upload_.from)) {
      delete_extraneous();
    }
    return transfer_.finish();
  }

 private:
  void walk_root() {
    prefix_ = folder_prefix(upload_.to.key());
    if (upload_.folder.only_changed) {
      for (S3Object object :
           transfer_.client().list_objects({.bucket = upload_.to.bucket(), .prefix = prefix_})) {
        present_.emplace(object.key, std::move(object));
      }
    }
    walk(upload_.from, "");
  }

  void walk(const std::filesystem::path& folder, const std::string& below) {
    bool empty = true;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (transfer_.failed()) return;
      empty = false;
      const std::string name = below + entry.path().filename().string();
      if (entry.is_directory()) {
        if (!entry.is_symlink()) walk(entry.path(), name + "/");
      } else if (entry.is_regular_file() && filter_(name)) {
        if (upload_.folder.delete_extraneous) names_.insert(name);
        add_file(entry.path(), S3Uri::of({upload_.to.bucket(), prefix_ + name}));
      }
    }
    if (!empty || !upload_.empty_folders || below.empty() || !filter_(below)) return;
    if (upload_.folder.delete_extraneous) names_.insert(below);
    const S3Uri uri = S3Uri::of({upload_.to.bucket(), prefix_ + below});
    transfer_.monitor().expect(1, 0);
    transfer_.pool().add([this, uri] {
      transfer_.attempt(uri, [&] {
        transfer_.client().put_object({.bucket = uri.bucket(),
                                       .key = uri.key(),
                                       .headers = upload_.headers,
                                       .checksum = upload_.checksum});
        transfer_.object_done({uri});
      });
    });
  }

  void add_file(const std::filesystem::path& path, const S3Uri& uri) {
    transfer_.attempt(uri, [&] {
      LocalFile file(path);
      if (is_unchanged(file, uri.key())) return transfer_.unchanged();
      transfer_.monitor().expect(1, file.size);
      transfer_.pool().add([this, file = std::move(file), uri] {
        transfer_.attempt(uri, [&] {
          if (file.size < transfer_.multipart_threshold()) {
            put(file, uri);
          } else {
            put_parts(file, uri);
          }
        });
      });
    });
  }

  bool is_unchanged(const LocalFile& file, const std::string& key) const {
    const auto found = present_.find(key);
    if (found == present_.end() || found->second.size != file.size) return false;
    const auto& modified = found->second.last_modified;
    return modified && aws::to_epoch_ms(*modified) / 1000 >= file.modified_ns / 1'000'000'000;
  }

  void put(const LocalFile& file, const S3Uri& uri) {
    CountedBytes counted(transfer_.monitor());
    transfer_.client().put_object({.bucket = uri.bucket(),
                                   .key = uri.key(),
                                   .file = file.path,
                                   .content_type = upload_.content_type,
                                   .metadata = upload_.metadata,
                                   .headers = upload_.headers,
                                   .checksum = upload_.checksum,
                                   .if_none_match = upload_.if_none_match,
                                   .tags = upload_.tags,
                                   .on_sent = [&counted](std::int64_t bytes) { counted(bytes); }});
    counted.arrived();
    transfer_.object_done({uri, file.path, file.size});
  }

  // A large file on its way.
  struct Big {
    Big(Transfer& transfer, PartsUpload::What what, LocalFile local, S3Uri target, std::uint64_t part_size)
        : parts(transfer, std::move(what)),
          file(std::move(local)),
          uri(std::move(target)),
          plan(file.size, part_size, file.path.string()) {}
    std::optional<UploadState> state;  // before `parts`: it is unlocked after everything else
    PartsUpload parts;
    LocalFile file;
    S3Uri uri;
    PartPlan plan;
    std::map<int, S3Part> stored;  // what S3 has of an earlier attempt
    std::atomic<bool> failed{false};
  };

  void put_parts(const LocalFile& file, const S3Uri& uri) {
    PartsUpload::What what{creation_of(upload_, uri)};
    what.keep_unfinished = upload_.options.resume;
    if (!upload_.if_none_match.empty()) what.complete_headers.set("If-None-Match", upload_.if_none_match);
    const auto big = std::make_shared<Big>(transfer_, std::move(what), file, uri, transfer_.part_size());
    if (upload_.options.resume) {
      begin_or_take_up(*big);
    } else {
      big->parts.begin();
    }
    big->parts.expect_parts(big->plan.count());
    for (std::size_t index = 0; index < big->plan.count(); ++index) {
      transfer_.pool().continue_with([this, big, index] {
        if (big->failed) return;
        transfer_.attempt(big->uri, [&] {
          try {
            put_part(*big, index);
          } catch (...) {
            if (!big->failed.exchange(true)) throw;  // one failure for one file
          }
        });
      });
    }
  }

  void put_part(Big& big, std::size_t index) {
    const std::uint64_t offset = big.plan.offset(index), length = big.plan.length(index);
    S3Part part;
    const auto stored = big.stored.find(static_cast<int>(index) + 1);
    if (stored != big.stored.end() && stored->second.size == length && big.parts.algorithm() &&
        stored->second.checksum == checksum_of_file(*big.parts.algorithm(), big.file.path, offset, length)) {
      part = stored->second;
      transfer_.monitor().moved(static_cast<std::int64_t>(length));
    } else {
      part = big.parts.send(index, std::make_shared<aws::FileSource>(big.file.path, offset, length));
      if (part.size != length) throw_changed(big);
    }
    if (!big.parts.arrived(index, std::move(part))) return;
    if (LocalFile(big.file.path).stamp() != big.file.stamp()) throw_changed(big);
    big.parts.complete();
    if (big.state) big.state->remove();
    transfer_.object_done({big.uri, big.file.path, big.file.size});
  }

  [[noreturn]] static void throw_changed(const Big& big) {
    throw ChangedWhileTransferred("\"" + big.file.path.string() + "\" changed while it was uploaded to " +
                                  big.uri.text() + ": nothing was stored");
  }

  void begin_or_take_up(Big& big) {
    std::string headers;
    for (const aws::Header& field : upload_.headers) headers += field.name + ":" + field.value + "\n";
    for (const auto& [name, value] : upload_.metadata) headers += name + "=" + value + "\n";
    headers += upload_.content_type + "\n" + tags_header(upload_.tags);
    const aws::Uri& endpoint = transfer_.client().service().config().endpoint;
    big.state.emplace(UploadState::Key{
        upload_.options.state_folder,
        endpoint.origin() + "\n" + big.uri.text() + "\n" + std::filesystem::canonical(big.file.path).string(),
        "sagemaker-cpp-upload-1 " + big.file.stamp() + " " + std::to_string(big.plan.size) + " " +
            (big.parts.algorithm() ? std::string(aws::name_of(*big.parts.algorithm())) : "none") +
            (big.parts.full_object() ? " full " : " composite ") + file_name_hash(headers)});
    const std::string earlier = big.state->upload_id();
    if (!earlier.empty() && big.state->described_alike()) {
      big.parts.take_up(earlier);
      try {
        for (S3Part part : transfer_.client().list_parts(big.parts.id()))
          big.stored.emplace(part.number, part);
        return;
      } catch (const ServiceError& error) {
        if (error.code() != "NoSuchUpload") throw;
      }
    } else if (!earlier.empty()) {
      big.parts.abort(earlier);  // of a file that has changed since
    }
    big.parts.begin();
    big.state->store(big.parts.id().upload_id);
  }

  void delete_extraneous() {
    std::vector<std::string> keys;
    std::uint64_t count = 0;
    const auto flush = [&] {
      for (const S3DeleteFailure& failure : transfer_.client().delete_objects({upload_.to.bucket(), keys})) {
        throw Error("Cannot delete \"" + failure.key + "\": " + failure.code + ": " + failure.message);
      }
      count += keys.size();
      keys.clear();
    };
    for (const S3Object& object :
         transfer_.client().list_objects({.bucket = upload_.to.bucket(), .prefix = prefix_})) {
      const std::string name = object.key.substr(prefix_.size());
      if (name.empty() || names_.contains(name) || !filter_(name)) continue;
      if (name.ends_with('/') && !upload_.empty_folders) continue;  // somebody's stand-in for a folder
      keys.push_back(object.key);
      if (keys.size() == S3Client::delete_keys_max) flush();
    }
    flush();
    transfer_.deleted(count);
  }

  const S3Upload& upload_;
  const NameFilter filter_{upload_.folder.include, upload_.folder.exclude};
  std::string prefix_;
  std::map<std::string, S3Object> present_;  // only with only_changed
  std::set<std::string> names_;              // only with delete_extraneous
  Transfer transfer_;
};

// Parts are read one after the other by the caller's thread and sent by the others.
class StreamUploader {
 public:
  StreamUploader(const S3Client& client, const S3UploadStream& upload)
      : upload_(upload),
        options_(upload.options),
        transfer_(client, options_, {.waiting_max = 0}),
        parts_(transfer_, {creation_of(upload, upload.to)}) {
    options_.keep_going = false;  // there is only one object
  }
  ~StreamUploader() { transfer_.pool().run(); }  // what is still on its way uses the members below
  StreamUploader(const StreamUploader&) = delete;
  StreamUploader& operator=(const StreamUploader&) = delete;

  S3TransferResult run() {
    std::string part = next_part(transfer_.part_size());
    std::uint64_t total = part.size();
    if (ended_) {
      put(std::move(part));
    } else {
      transfer_.attempt(upload_.to, [&] { parts_.begin(); });
      std::size_t index = 0;
      while (!transfer_.failed()) {
        send(index++, std::move(part));
        if (ended_ || transfer_.failed()) break;
        part = read_next(index);
        if (part.empty()) break;
        total += part.size();
      }
      transfer_.wait();
      transfer_.attempt(upload_.to, [&] { complete(index, total); });
    }
    transfer_.wait();
    return transfer_.finish();
  }

 private:
  // A failure of the caller's function is one of the transfer: what was begun is aborted.
  std::string read_next(std::size_t index) {
    std::string part;
    transfer_.attempt(upload_.to, [&] {
      if (index >= s3_parts_max) {
        throw Error("The stream for " + upload_.to.text() + " has more bytes than 10,000 parts can hold");
      }
      part = next_part(grown_part_size(index));
    });
    return part;
  }

  // Doubles every thousand parts, so that 10,000 of them hold more than the 5 TiB that an object may have.
  std::uint64_t grown_part_size(std::size_t index) const {
    const std::uint64_t first = std::max(transfer_.part_size(), s3_part_bytes_min);
    return std::min(first << (index / 1000), s3_part_bytes_max);
  }

  std::string next_part(std::uint64_t wanted) {
    std::string part(static_cast<std::size_t>(std::max(wanted, s3_part_bytes_min)), '\0');
    std::size_t size = 0;
    while (size < part.size()) {
      const std::size_t count = upload_.reader(part.data() + size, part.size() - size);
      if (count == 0) {
        ended_ = true;
        break;
      }
      size += count;
    }
    part.resize(size);
    transfer_.monitor().expect(0, size);
    return part;
  }

  void put(std::string bytes) {
    transfer_.attempt(upload_.to, [&] {
      const std::uint64_t size = bytes.size();
      transfer_.client().put_object({.bucket = upload_.to.bucket(),
                                     .key = upload_.to.key(),
                                     .body = std::move(bytes),
                                     .content_type = upload_.content_type,
                                     .metadata = upload_.metadata,
                                     .headers = upload_.headers,
                                     .checksum = upload_.checksum,
                                     .tags = upload_.tags});
      transfer_.monitor().moved(static_cast<std::int64_t>(size));
      transfer_.object_done({upload_.to, {}, size});
    });
  }

  void send(std::size_t index, std::string bytes) {
    const auto body = std::make_shared<aws::BytesSource>(std::move(bytes));
    transfer_.pool().add([this, index, body] {
      transfer_.attempt(upload_.to, [&] {
        S3Part part = parts_.send(index, body);
        const std::lock_guard lock(mutex_);
        sent_.emplace(index, std::move(part));
      });
    });
  }

  void complete(std::size_t count, std::uint64_t total) {
    parts_.expect_parts(count);
    for (auto& [index, part] : sent_) parts_.arrived(index, std::move(part));
    parts_.complete();
    transfer_.object_done({upload_.to, {}, total});
  }

  const S3UploadStream& upload_;
  S3TransferOptions options_;
  Transfer transfer_;
  PartsUpload parts_;
  std::mutex mutex_;
  std::map<std::size_t, S3Part> sent_;
  bool ended_ = false;
};

}  // namespace sagemaker::detail
