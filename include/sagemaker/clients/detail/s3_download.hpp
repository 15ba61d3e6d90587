// S3Client::download: folders listed, large objects fetched as ranges of one version into a temporary file,
// verified, and only then given their name. With `resume` a journal beside the temporary file says which
// ranges have arrived; each is checked against it before it is trusted.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
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

// An object into a file, counted.
class CountedFileSink final : public aws::FileSink {
 public:
  CountedFileSink(std::filesystem::path path, CountedBytes& counted)
      : aws::FileSink(std::move(path)), counted_(counted) {}
  void start(const aws::HttpResponse& head) override {
    counted_.restart();
    aws::FileSink::start(head);
  }
  void write(std::string_view piece) override {
    aws::FileSink::write(piece);
    counted_.add(piece.size());
  }

 private:
  CountedBytes& counted_;
};

// One range of an object into its place in a file.
class RangeSink final : public aws::CheckedSink {
 public:
  struct Range {
    std::uint64_t offset = 0, length = 0;
    std::uint64_t object_size = 0;
  };
  struct Target {
    int descriptor = -1;
    std::string path;
  };

  RangeSink(Range range, Target target, S3ChecksumAlgorithm algorithm, CountedBytes& counted)
      : range_(range), target_(std::move(target)), algorithm_(algorithm), counted_(counted) {}

  void start(const aws::HttpResponse& head) override {
    const std::string expected = "bytes " + std::to_string(range_.offset) + "-" +
                                 std::to_string(range_.offset + range_.length - 1) + "/" +
                                 std::to_string(range_.object_size);
    const bool whole = range_.length == range_.object_size && head.status == 200;
    if (!whole && head.headers.get("Content-Range") != expected) {
      throw ChangedWhileTransferred("S3 answered with the range \"" + head.headers.get("Content-Range") +
                                    "\" where \"" + expected + "\" was asked for");
    }
    counted_.restart();
    checksum_.emplace(algorithm_);
    buffer_.clear();
    done_ = 0;
  }
  void write(std::string_view piece) override {
    if (done_ + buffer_.size() + piece.size() > range_.length) {
      throw Error("S3 sent more bytes than the range has that was asked for");
    }
    buffer_.append(piece);
    if (buffer_.size() >= buffer_bytes) flush();
    counted_.add(piece.size());
  }
  bool can_restart() const override { return true; }

  // Base64 of what arrived. Throws where that is not all.
  std::string finish() {
    flush();
    if (done_ != range_.length) {
      throw TransportError(TransportError::Kind::reset,
                           "The connection broke in the middle of a range: " + std::to_string(done_) +
                               " of " + std::to_string(range_.length) + " bytes came");
    }
    return aws::base64_encode(checksum_->finish());
  }

 private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;

  void flush() {
    checksum_->update(buffer_);
    aws::write_at(target_.descriptor, buffer_, range_.offset + done_, target_.path);
    done_ += buffer_.size();
    buffer_.clear();
  }

  Range range_;
  Target target_;
  S3ChecksumAlgorithm algorithm_;
  CountedBytes& counted_;
  std::optional<aws::Checksum> checksum_;
  std::string buffer_;
  std::uint64_t done_ = 0;
};

// The temporary file of a large download, and with `journal` the list of the ranges that it holds already.
class PartialFile {
 public:
  struct Options {
    std::filesystem::path target;
    std::uint64_t size = 0;
    std::string description;  // one line; what a journal must say to be taken up; "": no journal
  };

  // In two steps, so that what fails in the second one closes and removes what the first one opened.
  explicit PartialFile(const Options& options) : PartialFile(options.target, options.description) {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      throw Error("The same object is being downloaded to the same file by another program (" + path_ + ")");
    }
    if (keep_) read_journal(options.description);
    if (::ftruncate(descriptor_, static_cast<off_t>(options.size)) != 0) {
      aws::throw_file_error("Cannot write " + path_);
    }
  }
  ~PartialFile() {
    ::close(descriptor_);
    if (journal_ >= 0) ::close(journal_);
    if (!keep_) ::unlink(path_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  // Index of a range -> its checksum, as an earlier download noted them.
  const std::map<std::size_t, std::string>& noted() const { return noted_; }

  void note(std::size_t index, const std::string& checksum) {
    if (journal_ < 0) return;
    const std::string line = std::to_string(index) + " " + checksum + "\n";
    if (::write(journal_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      aws::throw_file_error("Cannot write " + journal_path());
    }
  }
  // What it holds is no use.
  void discard() {
    keep_ = false;
    if (journal_ >= 0) ::unlink(journal_path().c_str());
  }
  void commit() {
    if (::rename(path_.c_str(), target_.c_str()) != 0)
      aws::throw_file_error("Cannot create " + target_.string());
    keep_ = true;  // there is nothing left to remove
    if (journal_ >= 0) ::unlink(journal_path().c_str());
  }

 private:
  PartialFile(const std::filesystem::path& target, const std::string& description)
      : target_(target), keep_(!description.empty()) {
    const std::string id =
        keep_ ? file_name_hash(target.filename().string() + "\n" + description) : aws::uuid4();
    path_ = (target_.parent_path() / (".sagemaker-" + id + ".part")).string();
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) aws::throw_file_error("Cannot create " + path_);
  }

  std::string journal_path() const { return path_ + ".journal"; }

  void read_journal(const std::string& description) {
    std::ifstream file(journal_path());
    std::string line;
    const bool same = std::getline(file, line) && line == description;
    while (same && std::getline(file, line)) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), index);
      if (error == std::errc() && end != line.data() + line.size() && *end == ' ') {
        noted_[index] = line.substr(line.find(' ') + 1);
      }
    }
    journal_ = ::open(journal_path().c_str(),
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (same ? 0 : O_TRUNC), 0666);
    if (journal_ < 0) aws::throw_file_error("Cannot create " + journal_path());
    if (!same) {
      const std::string first = description + "\n";
      if (::write(journal_, first.data(), first.size()) != static_cast<ssize_t>(first.size())) {
        aws::throw_file_error("Cannot write " + journal_path());
      }
    }
  }

  std::filesystem::path target_;
  std::string path_;
  bool keep_;
  int descriptor_ = -1, journal_ = -1;
  std::map<std::size_t, std::string> noted_;
};

// The one checksum that S3 stored for an object.
struct StoredChecksum {
  std::optional<S3ChecksumAlgorithm> algorithm;
  std::string value;  // base64, with "-N" where it is a checksum of N checksums
  std::uint64_t parts = 0;

  explicit StoredChecksum(const aws::Headers& headers) {
    for (const S3ChecksumAlgorithm candidate : aws::checksum_algorithms) {
      value = headers.get(aws::header_of(candidate));
      if (value.empty()) continue;
      algorithm = candidate;
      const std::size_t dash = value.find('-');
      if (dash != std::string::npos) parts = s3_number(std::string_view(value).substr(dash + 1));
      return;
    }
  }
  bool combinable() const { return algorithm && parts == 0 && aws::is_crc(*algorithm); }
};

class Downloader {
 public:
  Downloader(const S3Client& client, const S3Download& download)
      : download_(download), transfer_(client, download.options) {}

  S3TransferResult run() {
    if (const auto object = single_object()) {
      namespace fs = std::filesystem;
      const bool below = fs::is_directory(download_.to) || !download_.to.has_filename();
      const std::string& key = download_.from.key();
      const std::string name = key.substr(key.rfind('/') + 1);
      if (below) relative_key(name, "");  // "." and ".." are no names
      const fs::path file = below ? download_.to / name : download_.to;
      if (!file.parent_path().empty()) make_folder(file.parent_path());
      add({download_.from, file, object->content_length, object->last_modified});
    } else {
      transfer_.attempt(download_.from, [&] { list(); });
    }
    transfer_.wait();
    if (listed_ && download_.folder.delete_extraneous && transfer_.all_well()) delete_extraneous();
    return transfer_.finish();
  }

 private:
  struct Item {
    S3Uri uri;
    std::filesystem::path file;
    std::uint64_t size = 0;
    std::optional<aws::TimePoint> modified;
  };

  S3ObjectInput input_of(const S3Uri& uri) const {
    return {.bucket = uri.bucket(),
            .key = uri.key(),
            .version_id = download_.version_id,
            .headers = download_.headers};
  }

  // nullopt: it is a folder.
  std::optional<S3ObjectInfo> single_object() const {
    const std::string& key = download_.from.key();
    const bool folder = key.empty() || key.ends_with('/');
    if (is_listed(download_.scope)) return std::nullopt;
    if (download_.scope == S3Scope::automatic && folder) return std::nullopt;
    try {
      return transfer_.client().head_object(input_of(download_.from));
    } catch (const ServiceError& error) {
      if (error.http_status() != 404 || download_.scope == S3Scope::object) throw;
    }
    const auto below = transfer_.client().list_objects_v2(
        {.bucket = download_.from.bucket(), .prefix = folder_prefix(key), .max_keys = 1});
    if (below.contents.empty()) {
      throw Error("Cannot download " + download_.from.text() +
                  ": there is no such object, and none below it");
    }
    return std::nullopt;
  }

  void list() {
    listed_ = true;
    if (!download_.version_id.empty()) {
      throw ConfigError("version_id names one version of one object, but " + download_.from.text() +
                        " is a folder");
    }
    make_folder(download_.to);
    const std::string prefix = listed_prefix(download_.from.key(), download_.scope);
    for (const S3Object& object :
         transfer_.client().list_objects({.bucket = download_.from.bucket(), .prefix = prefix})) {
      if (transfer_.failed()) return;
      if (!belongs_to(object.key, prefix, download_.scope)) continue;
      const S3Uri uri = S3Uri::of({download_.from.bucket(), object.key});
      transfer_.attempt(uri, [&] {
        const std::string name = relative_key(object.key, prefix);
        if (name.empty() || !filter_(name)) return;
        const std::filesystem::path file = download_.to / name;
        if (name.ends_with('/')) return make_folder(file);
        if (download_.folder.delete_extraneous) names_.insert(name);
        if (file.parent_path() != made_) make_folder(made_ = file.parent_path());
        add({uri, file, object.size, object.last_modified});
      });
    }
  }

  void add(Item item) {
    if (is_unchanged(item)) return transfer_.unchanged();
    transfer_.monitor().expect(1, item.size);
    transfer_.pool().add([this, item = std::move(item)] {
      transfer_.attempt(item.uri,
                        [&] { item.size < transfer_.multipart_threshold() ? get(item) : get_ranges(item); });
    });
  }

  bool is_unchanged(const Item& item) const {
    if (!download_.folder.only_changed || !item.modified) return false;
    std::error_code missing;
    if (std::filesystem::file_size(item.file, missing) != item.size || missing) return false;
    return LocalFile(item.file).modified_ns / 1'000'000'000 >= aws::to_epoch_ms(*item.modified) / 1000;
  }

  // A file is as old as its object, so that the next only_changed can tell.
  static void set_time(const std::string& path, const std::optional<aws::TimePoint>& modified) {
    if (!modified) return;
    const std::int64_t ms = aws::to_epoch_ms(*modified);
    const timespec time{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
    const std::array<timespec, 2> times{time, time};
    ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0);  // a file system without times loses nothing else
  }

  void get(const Item& item) {
    CountedBytes counted(transfer_.monitor());
    CountedFileSink sink(item.file, counted);
    const S3ObjectInfo info = transfer_.client().get_into(input_of(item.uri), sink);
    sink.commit();
    set_time(item.file.string(), info.last_modified);
    counted.arrived();
    transfer_.object_done({item.uri, item.file, info.content_length});
  }

  // A large object on its way.
  struct Big {
    Big(const Item& what, S3ObjectInfo head, std::uint64_t part_size, const std::string& description)
        : item(what),
          info(std::move(head)),
          stored(info.headers),
          plan(info.content_length, part_size, item.uri.text()),
          file({item.file, info.content_length, description}) {}
    Item item;
    S3ObjectInfo info;
    StoredChecksum stored;
    PartPlan plan;
    PartialFile file;
    std::mutex mutex;
    std::vector<S3Part> ranges;
    std::size_t left = 0;
    std::atomic<bool> failed{false};
    // What ranges are checked with: the object's own algorithm where its checksum can be put together.
    S3ChecksumAlgorithm algorithm() const {
      return stored.combinable() ? *stored.algorithm : S3ChecksumAlgorithm::crc32;
    }
  };

  void get_ranges(const Item& item) {
    S3ObjectInfo info = transfer_.client().head_object(input_of(item.uri));
    if (info.content_length == 0) return get(item);  // it shrank meanwhile
    const PartPlan plan(info.content_length, transfer_.part_size(), item.uri.text());
    std::string description;
    if (download_.options.resume) {
      const StoredChecksum stored(info.headers);
      const auto algorithm = stored.combinable() ? *stored.algorithm : S3ChecksumAlgorithm::crc32;
      description = "sagemaker-cpp-download-1 " + info.etag + " " + std::to_string(info.content_length) +
                    " " + std::to_string(plan.size) + " " + std::string(aws::name_of(algorithm)) + " " +
                    aws::uri_encode(item.uri.text());
    }
    const auto big = std::make_shared<Big>(item, std::move(info), plan.size, description);
    big->ranges.resize(big->plan.count());
    big->left = big->plan.count();
    for (std::size_t index = 0; index < big->plan.count(); ++index) {
      transfer_.pool().continue_with([this, big, index] {
        if (big->failed) return;
        transfer_.attempt(big->item.uri, [&] {
          try {
            get_range(*big, index);
          } catch (...) {
            if (!big->failed.exchange(true)) throw;  // one failure for one object
          }
        });
      });
    }
  }

  void get_range(Big& big, std::size_t index) {
    const std::uint64_t offset = big.plan.offset(index), length = big.plan.length(index);
    std::string checksum;
    const auto noted = big.file.noted().find(index);
    if (noted != big.file.noted().end() &&
        noted->second == checksum_of_file(big.algorithm(), big.file.path(), offset, length)) {
      checksum = noted->second;
      transfer_.monitor().moved(static_cast<std::int64_t>(length));
    } else {
      checksum = fetch(big, {offset, length, big.plan.total});
      big.file.note(index, checksum);
    }
    {
      const std::lock_guard lock(big.mutex);
      big.ranges[index] = {static_cast<int>(index) + 1, "", length, checksum};
      if (--big.left > 0) return;
    }
    verify(big);
    set_time(big.file.path(), big.info.last_modified);
    big.file.commit();
    transfer_.object_done({big.item.uri, big.item.file, big.plan.total});
  }

  std::string fetch(Big& big, RangeSink::Range range) {
    CountedBytes counted(transfer_.monitor());
    RangeSink sink(range, {big.file.descriptor(), big.file.path()}, big.algorithm(), counted);
    S3ObjectInput input = input_of(big.item.uri);
    input.range =
        "bytes=" + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1);
    input.if_match = big.info.etag;
    try {
      transfer_.client().get_into(input, sink);
    } catch (const ServiceError& error) {
      if (error.http_status() != 412 && error.http_status() != 416) throw;
      throw_changed(big);
    } catch (const ChangedWhileTransferred&) {
      throw_changed(big);
    }
    std::string checksum = sink.finish();
    counted.arrived();
    return checksum;
  }

  [[noreturn]] static void throw_changed(Big& big) {
    big.file.discard();
    throw ChangedWhileTransferred(big.item.uri.text() + " changed while it was downloaded: \"" +
                                  big.item.file.string() + "\" was left as it was");
  }

  void verify(Big& big) {
    if (!big.stored.algorithm) return;
    const std::string value =
        big.stored.parts > 0 ? composite_checksum(big)
        : big.stored.combinable()
            ? checksum_of_parts(big.algorithm(), true, big.ranges)
            : checksum_of_file(*big.stored.algorithm, big.file.path(), 0, big.plan.total);
    if (value.empty() || value == big.stored.value) return;
    big.file.discard();
    throw ChecksumError("Expected checksum " + big.stored.value +
                        " did not match calculated checksum: " + value + " (" +
                        std::string(aws::name_of(*big.stored.algorithm)) + ", " + big.item.uri.text() + ")");
  }

  // A checksum of checksums can only be computed over the same parts. S3 says how large they are, to those
  // who may ask for attributes; else all are taken to be as large as the first. "": the parts are not known.
  std::string composite_checksum(Big& big) {
    std::vector<S3Part> parts;
    try {
      parts = transfer_.client().get_object_attributes(input_of(big.item.uri)).parts;
    } catch (const ServiceError&) {
      parts.clear();
    }
    if (parts.size() != big.stored.parts) {
      S3ObjectInput first = input_of(big.item.uri);
      first.part_number = 1;
      const std::uint64_t size = transfer_.client().head_object(first).content_length;
      parts.clear();
      if (size == 0 || (big.plan.total + size - 1) / size != big.stored.parts) return "";
      for (std::uint64_t at = 0; at < big.plan.total; at += size) {
        parts.push_back({0, "", std::min(size, big.plan.total - at), ""});
      }
    }
    std::uint64_t at = 0;
    for (S3Part& part : parts) {
      part.checksum = checksum_of_file(*big.stored.algorithm, big.file.path(), at, part.size);
      at += part.size;
    }
    return checksum_of_parts(*big.stored.algorithm, false, parts);
  }

  void delete_extraneous() {
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(download_.to)) {
      const std::string name = entry.path().lexically_relative(download_.to).generic_string();
      if (!entry.is_directory() && !names_.contains(name) && filter_(name)) files.push_back(entry.path());
    }
    for (const fs::path& file : files) fs::remove(file);
    transfer_.deleted(files.size());
  }

  const S3Download& download_;
  const NameFilter filter_{download_.folder.include, download_.folder.exclude};
  bool listed_ = false;
  std::filesystem::path made_;   // the folder that was made last
  std::set<std::string> names_;  // only with delete_extraneous
  Transfer transfer_;
};

}  // namespace sagemaker::detail
