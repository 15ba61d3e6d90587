// What uploads, downloads and copies share: progress, the first failure and cancellation, and how a large
// object is cut into parts.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <sagemaker/clients/detail/s3_paths.hpp>
#include <sagemaker/clients/detail/task_pool.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/s3_transfer_types.hpp>

namespace sagemaker::detail {

inline constexpr std::uint64_t s3_parts_max = 10'000;
inline constexpr std::uint64_t s3_part_bytes_min = 5ull << 20;
inline constexpr std::uint64_t s3_part_bytes_max = 5ull << 30;
inline constexpr std::uint64_t s3_object_bytes_max = 5ull << 40;

// Parts of one object: all of the same size but the last.
struct PartPlan {
  std::uint64_t total = 0, size = 0;

  PartPlan(std::uint64_t bytes, std::uint64_t wanted, const std::string& what) : total(bytes) {
    if (bytes > s3_object_bytes_max) {
      throw Error("Your proposed upload exceeds the maximum allowed size: " + what + " has " +
                  std::to_string(bytes) + " bytes, an object at most " + std::to_string(s3_object_bytes_max));
    }
    constexpr std::uint64_t mib = 1ull << 20;
    const std::uint64_t needed = ((bytes + s3_parts_max - 1) / s3_parts_max + mib - 1) / mib * mib;
    size = std::min(std::max({wanted, needed, s3_part_bytes_min}), s3_part_bytes_max);
  }
  std::size_t count() const { return static_cast<std::size_t>((total + size - 1) / size); }
  std::uint64_t offset(std::size_t index) const { return index * size; }
  std::uint64_t length(std::size_t index) const { return std::min(size, total - offset(index)); }
};

// Counts what moves, from any thread, and tells the caller about ten times a second.
class TransferMonitor {
 public:
  TransferMonitor(aws::Clock& clock, const S3TransferOptions& options)
      : clock_(clock), options_(options), start_(clock.steady()), sampled_(start_) {}

  void expect(std::uint64_t objects, std::uint64_t bytes) {
    objects_total_ += objects;
    bytes_total_ += bytes;
  }
  void totals_known() { total_known_ = true; }

  // Bytes on their way; negative where they have to go again. Throws TransferCancelled.
  void moved(std::int64_t bytes) {
    take_back(-bytes);  // before anything may throw: the caller has counted them already
    check_stop();
    report(false);
  }
  void take_back(std::int64_t bytes) { bytes_done_ -= static_cast<std::uint64_t>(bytes); }
  void object_done(const S3TransferredObject& object) {
    ++objects_done_;
    if (options_.on_object) {
      const std::lock_guard lock(mutex_);
      options_.on_object(object);
    }
    report(false);
  }
  void finished() { report(true); }
  void check_stop() const {
    if (options_.stop.stop_requested()) throw TransferCancelled("The transfer was cancelled");
  }

 private:
  void report(bool last) {
    if (!options_.progress) return;
    std::unique_lock lock(mutex_, std::defer_lock);
    if (last) {
      lock.lock();
    } else if (!lock.try_lock()) {
      return;
    }
    const auto now = clock_.steady();
    if (!last && now - sampled_ < std::chrono::milliseconds(100)) return;
    S3Progress progress;
    progress.bytes_done = bytes_done_;
    progress.bytes_total = std::max<std::uint64_t>(bytes_total_, progress.bytes_done);
    progress.objects_done = objects_done_;
    progress.objects_total = objects_total_;
    progress.total_known = total_known_;
    progress.finished = last;
    progress.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
    const double seconds = std::chrono::duration<double>(now - sampled_).count();
    if (seconds > 0) {
      const double rate =
          static_cast<double>(progress.bytes_done - std::min(sampled_bytes_, progress.bytes_done)) / seconds;
      const double weight = rate_ > 0 ? std::min(1.0, seconds / 3) : 1.0;  // about the last three seconds
      rate_ += weight * (rate - rate_);
    }
    progress.bytes_per_second = rate_;
    sampled_ = now;
    sampled_bytes_ = progress.bytes_done;
    options_.progress(progress);
  }

  aws::Clock& clock_;
  const S3TransferOptions& options_;
  std::atomic<std::uint64_t> bytes_done_{0}, bytes_total_{0}, objects_done_{0}, objects_total_{0};
  std::atomic<bool> total_known_{false};
  std::mutex mutex_;  // of what follows, and of the caller's functions
  std::chrono::steady_clock::time_point start_, sampled_;
  std::uint64_t sampled_bytes_ = 0;
  double rate_ = 0;
};

struct TransferLimits {
  std::size_t waiting_max = 64;  // pieces of work that wait for a thread, which for a stream is memory
  std::optional<std::uint64_t> multipart_threshold = {}, part_size = {};  // where nobody said anything
};

// One call of upload, download or copy.
class Transfer {
 public:
  Transfer(const S3Client& client, const S3TransferOptions& options, const TransferLimits& limits = {})
      : client_(client),
        options_(options),
        monitor_(*client.service().config().clock, options),
        threshold_(options.multipart_threshold.value_or(
            limits.multipart_threshold.value_or(client.service().config().s3.multipart_threshold))),
        part_size_(options.part_size.value_or(
            limits.part_size.value_or(client.service().config().s3.multipart_chunksize))),
        pool_(options.threads.value_or(client.service().config().s3.max_concurrent_requests),
              limits.waiting_max) {
    if (options.threads.value_or(1) < 1) throw ConfigError("threads of a transfer must be at least 1");
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  const S3Client& client() const { return client_; }
  const S3TransferOptions& options() const { return options_; }
  // An object of no bytes has no parts.
  std::uint64_t multipart_threshold() const {
    return std::clamp(threshold_, std::uint64_t{1}, S3Client::put_bytes_max);
  }
  std::uint64_t part_size() const { return part_size_; }
  TransferMonitor& monitor() { return monitor_; }
  TaskPool& pool() { return pool_; }

  // Runs a piece of work for an object unless the transfer has failed. Never throws.
  template <typename Work>
  void attempt(const S3Uri& uri, Work&& work) {
    if (failed_) return;
    try {
      monitor_.check_stop();
      work();
    } catch (const TransferCancelled&) {
      fail(std::current_exception());
    } catch (const std::exception& error) {
      if (!options_.keep_going) return fail(std::current_exception());
      const std::lock_guard lock(mutex_);
      result_.failures.push_back({uri.text(), error.what()});
    } catch (...) {
      fail(std::current_exception());
    }
  }
  void object_done(const S3TransferredObject& object) {
    {
      const std::lock_guard lock(mutex_);
      ++result_.objects;
      result_.bytes += object.size;
    }
    monitor_.object_done(object);
  }
  void unchanged() {
    const std::lock_guard lock(mutex_);
    ++result_.unchanged;
  }
  void deleted(std::uint64_t count) { result_.deleted += count; }
  bool failed() const { return failed_; }

  // Waits for everything that was begun; throws what went wrong first.
  void wait() {
    monitor_.totals_known();
    pool_.run();
    if (first_failure_) std::rethrow_exception(first_failure_);
  }
  S3TransferResult finish() {
    monitor_.finished();
    return std::move(result_);
  }
  // Whether extraneous files or objects may be deleted: never on the strength of a transfer that failed.
  bool all_well() const { return !failed_ && result_.failures.empty(); }

 private:
  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!first_failure_) first_failure_ = std::move(failure);
    failed_ = true;
  }

  S3Client client_;
  const S3TransferOptions& options_;
  TransferMonitor monitor_;
  std::mutex mutex_;
  std::atomic<bool> failed_{false};
  std::exception_ptr first_failure_;
  S3TransferResult result_;
  const std::uint64_t threshold_, part_size_;
  TaskPool pool_;  // last: its threads end before what they use
};

// Takes what was counted for a piece back unless it arrived.
class CountedBytes {
 public:
  explicit CountedBytes(TransferMonitor& monitor) : monitor_(monitor) {}
  ~CountedBytes() { monitor_.take_back(static_cast<std::int64_t>(count_)); }
  CountedBytes(const CountedBytes&) = delete;
  CountedBytes& operator=(const CountedBytes&) = delete;
  void add(std::uint64_t bytes) {
    count_ += bytes;
    monitor_.moved(static_cast<std::int64_t>(bytes));
  }
  // As S3BytesMoved.
  void operator()(std::int64_t bytes) { bytes < 0 ? restart() : add(static_cast<std::uint64_t>(bytes)); }
  void restart() { monitor_.take_back(static_cast<std::int64_t>(std::exchange(count_, 0))); }
  void arrived() { count_ = 0; }

 private:
  TransferMonitor& monitor_;
  std::uint64_t count_ = 0;
};

// The checksum of an object from those of its parts, in base64: of all bytes where the CRCs can be put
// together, else the checksum of the checksums with "-N".
inline std::string checksum_of_parts(S3ChecksumAlgorithm algorithm, bool full_object,
                                     const std::vector<S3Part>& parts) {
  const auto raw = [](const S3Part& part) { return aws::base64_decode(part.checksum).value_or(""); };
  if (full_object) {
    std::string whole = raw(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i)
      whole = aws::combine(algorithm, whole, raw(parts[i]), parts[i].size);
    return aws::base64_encode(whole);
  }
  aws::Checksum checksum(algorithm);
  for (const S3Part& part : parts) checksum.update(raw(part));
  return aws::base64_encode(checksum.finish()) + "-" + std::to_string(parts.size());
}

// Base64 of the checksum of a part of a file.
inline std::string checksum_of_file(S3ChecksumAlgorithm algorithm, const std::filesystem::path& path,
                                    std::uint64_t offset, std::uint64_t length) {
  aws::FileSource source(path, offset, length);
  aws::Checksum checksum(algorithm);
  std::vector<char> buffer(256 * 1024);
  while (const std::size_t count = source.read(buffer.data(), buffer.size())) {
    checksum.update({buffer.data(), count});
  }
  return aws::base64_encode(checksum.finish());
}

// A file as it is at one moment.
struct LocalFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  explicit LocalFile(std::filesystem::path file) : path(std::move(file)) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) aws::throw_file_error("Cannot read " + path.string());
    size = static_cast<std::uint64_t>(status.st_size);
    modified_ns = static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  std::string stamp() const { return std::to_string(size) + " " + std::to_string(modified_ns); }
};

inline std::string file_name_hash(std::string_view identity) {
  return aws::sha256_hex(identity).substr(0, 24);
}

}  // namespace sagemaker::detail
