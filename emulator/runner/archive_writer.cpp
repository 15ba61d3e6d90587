// Packing of a folder as tar.gz. The same contents give the same bytes: names in order, fixed owner and
// times, no time in the gzip header. Links are stored as links and never followed, so that a job cannot have
// a file of the host packed.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/runner/archive.hpp"
#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {
namespace {

constexpr std::time_t fixed_time = 315532800;  // 1980-01-01: every tool can show it
constexpr int depth_max = 256;                 // folders in folders; each keeps a descriptor open

struct WriterFreer {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct EntryFreer {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::vector<std::string> sorted_names(int directory, const std::string& shown) {
  const int copy = checked(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), shown);
  DIR* stream = ::fdopendir(copy);
  if (!stream) {
    ::close(copy);
    throw std::system_error(errno, std::generic_category(), shown);
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

class Packer {
 public:
  Packer(const std::filesystem::path& file, const Cancelled& cancelled)
      : cancelled_(cancelled),
        file_(checked(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), file.string())),
        handle_(archive_write_new()),
        buffer_(256 * 1024) {
    if (!handle_) throw std::bad_alloc();
    // GNU format: names are stored as the bytes that they are, whatever the locale. Weights hardly compress:
    // level 1.
    if (archive_write_add_filter_gzip(handle_.get()) != ARCHIVE_OK ||
        archive_write_set_format_gnutar(handle_.get()) != ARCHIVE_OK ||
        archive_write_set_options(handle_.get(), "gzip:compression-level=1,gzip:!timestamp") != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(handle_.get(), 1) != ARCHIVE_OK ||  // no padding
        archive_write_open(handle_.get(), this, nullptr, write, nullptr) != ARCHIVE_OK) {
      fail(file.string());
    }
  }
  // libarchive fills up a member that was begun and closes its filters, or it would not free them. Where the
  // archive is not whole by now that must not take as long as writing it would.
  ~Packer() { abandoned_ = true; }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void add_contents(int directory, const std::string& prefix, int depth) {
    if (depth > depth_max) throw ArchiveError("'" + prefix + "' is nested too deeply to be packed");
    for (const std::string& name : sorted_names(directory, prefix))
      add(directory, name, prefix + name, depth);
  }

  void close() {
    if (archive_write_close(handle_.get()) != ARCHIVE_OK) fail("the archive");
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    const char* reason = archive_error_string(handle_.get());
    throw ArchiveError(what + " cannot be packed: " + (reason ? reason : "unknown error"));
  }

  static la_ssize_t write(archive* handle, void* self, const void* bytes, std::size_t size) {
    auto& packer = *static_cast<Packer*>(self);
    ssize_t written = -1;
    errno = ECANCELED;
    while (!packer.abandoned_ && (written = ::write(packer.file_.get(), bytes, size)) < 0 && errno == EINTR) {
    }
    if (written < 0) archive_set_error(handle, errno, "%s", std::strerror(errno));
    return written;
  }

  void check_cancelled() const {
    if (cancelled_ && cancelled_()) throw ArchiveCancelled();
  }

  void add(int directory, const std::string& name, const std::string& path, int depth) {
    check_cancelled();
    struct stat status {};
    checked(::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), path);
    if (S_ISDIR(status.st_mode)) {
      UniqueFd folder(
          checked(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path));
      write_header(path + "/", AE_IFDIR, 0755, 0, nullptr);
      add_contents(folder.get(), path + "/", depth + 1);
    } else if (S_ISLNK(status.st_mode)) {
      char target[PATH_MAX + 1];
      const ssize_t length = ::readlinkat(directory, name.c_str(), target, PATH_MAX);
      checked(static_cast<int>(length), path);
      target[length] = '\0';
      write_header(path, AE_IFLNK, 0777, 0, target);
    } else if (S_ISREG(status.st_mode)) {
      add_file(directory, name, path);
    }
    // Sockets, FIFOs and devices are no part of an artifact: tar leaves sockets out too.
  }

  void add_file(int directory, const std::string& name, const std::string& path) {
    UniqueFd file(
        checked(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path));
    struct stat status {};
    checked(::fstat(file.get(), &status), path);
    if (!S_ISREG(status.st_mode)) throw ArchiveError("'" + path + "' changed while it was packed");
    write_header(path, AE_IFREG, status.st_mode & 0111 ? 0755 : 0644, status.st_size, nullptr);
    for (off_t left = status.st_size; left > 0;) {
      check_cancelled();
      const std::size_t wanted = std::min(buffer_.size(), static_cast<std::size_t>(left));
      const ssize_t length = ::read(file.get(), buffer_.data(), wanted);
      if (length < 0 && errno == EINTR) continue;
      checked(static_cast<int>(length), path);
      if (length == 0) throw ArchiveError("'" + path + "' became shorter while it was packed");
      if (archive_write_data(handle_.get(), buffer_.data(), static_cast<std::size_t>(length)) != length)
        fail(path);
      left -= length;
    }
  }

  void write_header(const std::string& path, unsigned type, unsigned permissions, off_t size,
                    const char* target) {
    const std::unique_ptr<archive_entry, EntryFreer> entry(archive_entry_new());
    if (!entry) throw std::bad_alloc();
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), permissions);
    archive_entry_set_size(entry.get(), size);
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_mtime(entry.get(), fixed_time, 0);
    if (target) archive_entry_set_symlink(entry.get(), target);
    if (archive_write_header(handle_.get(), entry.get()) < ARCHIVE_WARN) fail(path);
  }

  const Cancelled& cancelled_;
  UniqueFd file_;
  bool abandoned_ = false;
  std::unique_ptr<archive, WriterFreer> handle_;  // behind what it uses at its end
  std::vector<char> buffer_;
};

}  // namespace

void pack_tar_gz(const std::filesystem::path& directory, const std::filesystem::path& archive,
                 const Cancelled& cancelled) {
  UniqueFd folder(checked(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                          directory.string()));
  // Under another name until it is whole: nobody may take half an archive for the result.
  std::filesystem::path partial = archive;
  partial += ".partial";
  try {
    Packer packer(partial, cancelled);
    packer.add_contents(folder.get(), "", 0);
    packer.close();
    std::filesystem::rename(partial, archive);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw;
  }
}

}  // namespace sagemaker::local::runner
