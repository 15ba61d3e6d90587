// Folders that jobs share: compiled programs, installed Python packages. Several jobs, of several emulators,
// use them at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sagemaker::local::images {

// How much a cache keeps; the least recently used entries go first.
struct CacheLimits {
  std::size_t entries;
  std::uintmax_t bytes;
};
constexpr CacheLimits compiled_programs_max{200, std::uintmax_t{4} << 30};
constexpr CacheLimits python_packages_max{50, std::uintmax_t{20} << 30};  // one with torch takes gigabytes

// Held while an entry is made (exclusive) or used (shared).
class FileLock {
 public:
  enum class Mode { exclusive, shared };
  // Waits. Throws std::runtime_error where the file cannot be made.
  FileLock(const std::filesystem::path& file, Mode mode);
  // Removes the file. Of an exclusive lock only: who waits for it then takes a new one.
  void discard() const;

  // Exclusive, if nobody else has it now.
  static std::optional<FileLock> try_exclusive(const std::filesystem::path& file);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : file_(std::move(other.file_)), fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(fd_, other.fd_);
    return *this;
  }

 private:
  explicit FileLock(std::filesystem::path file) : file_(std::move(file)) {}
  bool take(int how);

  std::filesystem::path file_;
  int fd_ = -1;
};

// Where the cache `kind` ("cpp", "python") lies: the folder that the variable SAGEMAKER_<KIND>_CACHE names,
// else in XDG_CACHE_HOME or ~/.cache. Made where it is missing. Empty where none of them can be written.
std::filesystem::path cache_directory(const std::string& kind,
                                      const std::map<std::string, std::string>& variables);

// Says that `entry` was used now.
void mark_used(const std::filesystem::path& entry);

// The entries are the folders in `cache`. One whose lock (`NAME.lock` beside it) somebody holds stays.
void remove_least_recently_used(const std::filesystem::path& cache, const CacheLimits& limits);

}  // namespace sagemaker::local::images
