// See cache.hpp.
#include "emulator/images/script/cache.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

struct Entry {
  fs::file_time_type used;
  fs::path path;
  std::uintmax_t bytes;
};

std::uintmax_t size_of(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code ignored;
    if (!file->is_symlink(ignored) && file->is_regular_file(ignored)) bytes += file->file_size(ignored);
  }
  return bytes;
}

std::vector<Entry> entries_of(const fs::path& cache) {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::directory_iterator entry(cache, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const fs::path extension = entry->path().extension();
    if (entry->is_directory(ignored) && extension != ".new" && extension != ".old")
      entries.push_back({entry->last_write_time(ignored), entry->path(), size_of(entry->path())});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used > b.used; });
  return entries;
}

}  // namespace

FileLock::FileLock(const fs::path& file, Mode mode) : file_(file) {
  if (!take(mode == Mode::exclusive ? LOCK_EX : LOCK_SH))
    throw std::runtime_error("cannot lock " + file.string() + ": " + std::strerror(errno));
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileLock::take(int how) {
  for (;;) {
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) return false;
    int result = ::flock(fd_, how);
    while (result != 0 && errno == EINTR) result = ::flock(fd_, how);
    if (result != 0) return false;
    // Somebody may have removed the file while this waited for it.
    struct stat held {
    }, named{};
    if (::fstat(fd_, &held) == 0 && ::stat(file_.c_str(), &named) == 0 && held.st_ino == named.st_ino)
      return true;
    ::close(std::exchange(fd_, -1));
  }
}

void FileLock::discard() const { ::unlink(file_.c_str()); }

std::optional<FileLock> FileLock::try_exclusive(const fs::path& file) {
  FileLock lock(file);
  if (!lock.take(LOCK_EX | LOCK_NB)) return std::nullopt;
  return lock;
}

fs::path cache_directory(const std::string& kind, const std::map<std::string, std::string>& variables) {
  const auto named = [&](const std::string& name, const char* below) {
    const auto found = variables.find(name);
    return found == variables.end() || found->second.empty() ? fs::path() : fs::path(found->second) / below;
  };
  std::string upper = kind;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  fs::path cache = named("SAGEMAKER_" + upper + "_CACHE", "");
  if (cache.empty()) cache = named("XDG_CACHE_HOME", "sagemaker-local");
  if (cache.empty()) cache = named("HOME", ".cache/sagemaker-local");
  if (cache.empty()) return {};
  if (named("SAGEMAKER_" + upper + "_CACHE", "").empty()) cache /= kind;
  std::error_code error;
  fs::create_directories(cache, error);
  if (!error && ::access(cache.c_str(), W_OK) == 0) return cache;
  std::printf("The cache %s cannot be written\n", cache.c_str());
  return {};
}

void mark_used(const fs::path& entry) {
  std::error_code ignored;
  fs::last_write_time(entry, fs::file_time_type::clock::now(), ignored);
}

void remove_least_recently_used(const fs::path& cache, const CacheLimits& limits) {
  std::size_t count = 0;
  std::uintmax_t bytes = 0;
  for (const Entry& entry : entries_of(cache)) {
    ++count;
    bytes += entry.bytes;
    const bool newest = count == 1;  // somebody has just made it
    if (newest || (count <= limits.entries && bytes <= limits.bytes)) continue;
    const auto lock = FileLock::try_exclusive(entry.path.string() + ".lock");
    if (!lock) continue;  // in use
    std::error_code ignored;
    // Out of sight first: nobody finds half of it.
    const fs::path removed = entry.path.string() + ".old";
    fs::remove_all(removed, ignored);
    fs::rename(entry.path, removed, ignored);
    fs::remove_all(removed, ignored);
    lock->discard();
    --count;
    bytes -= entry.bytes;
  }
}

}  // namespace sagemaker::local::images
