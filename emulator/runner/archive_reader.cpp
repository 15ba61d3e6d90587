// Unpacking of tar.gz. libarchive decodes; every path is walked here, from the folder's own descriptor and
// without following a link, so that no member can be written anywhere else whatever the archive says and
// whatever was unpacked before it.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "emulator/runner/archive.hpp"
#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {
namespace {

constexpr std::uint64_t ratio_free_bytes = 256ull
                                           << 20;  // RunnerLimits::archive_ratio_max counts beyond these
constexpr std::size_t path_bytes_max = 4096;

struct ArchiveCloser {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

// A member's name as part of an error message: control characters must not reach a log or a terminal.
std::string shown(std::string_view name) {
  std::string text = "'";
  for (const char c : name.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return text + (name.size() > 200 ? "...'" : "'");
}

[[noreturn]] void refuse(std::string_view member, const std::string& reason) {
  throw ArchiveError("member " + shown(member) + " " + reason);
}

// The components of a member's name; refuses one that is absolute or climbs. Empty for the folder itself.
std::vector<std::string> components(std::string_view member, std::string_view path, const char* what) {
  if (path.size() > path_bytes_max) refuse(member, std::string(what) + " is longer than 4096 bytes");
  if (path.starts_with('/')) refuse(member, std::string(what) + " is absolute: refused");
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") refuse(member, std::string(what) + " leads out of the folder ('..'): refused");
    if (!part.empty() && part != ".") parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

// A link may point anywhere below the folder: first up, but not above it, then down. A '..' after a name
// could climb through another link, so it is refused as well.
void check_link_target(std::string_view member, std::size_t depth, std::string_view target) {
  if (target.empty()) refuse(member, "is a symbolic link without a target");
  if (target.size() > path_bytes_max)
    refuse(member, "is a symbolic link with a target longer than 4096 bytes");
  if (target.starts_with('/')) refuse(member, "is a symbolic link to an absolute path: refused");
  std::size_t climbed = 0;
  bool descended = false;
  for (std::size_t begin = 0; begin <= target.size();) {
    const std::size_t end = std::min(target.find('/', begin), target.size());
    const std::string_view part = target.substr(begin, end - begin);
    if (part == "..") {
      if (descended || ++climbed > depth)
        refuse(member, "is a symbolic link that leads out of the folder: refused");
    } else if (!part.empty() && part != ".") {
      descended = true;
    }
    begin = end + 1;
  }
}

class Unpacker {
 public:
  Unpacker(const std::filesystem::path& file, const std::filesystem::path& directory,
           const RunnerLimits& limits, const Cancelled& cancelled)
      : file_(file), limits_(limits), cancelled_(cancelled), handle_(archive_read_new()) {
    if (!handle_) throw std::bad_alloc();
    archive_read_support_filter_gzip(handle_.get());
    archive_read_support_format_tar(handle_.get());
    // Names are bytes: no conversion that depends on the locale.
    archive_read_set_options(handle_.get(), "hdrcharset=BINARY");
    if (archive_read_open_filename(handle_.get(), file.c_str(), 256 * 1024) != ARCHIVE_OK) fail();
    std::filesystem::create_directories(directory);
    root_ =
        UniqueFd(checked(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), directory.string()));
  }

  void run() {
    archive_entry* entry = nullptr;
    for (std::uint64_t count = 0;; ++count) {
      const int result = archive_read_next_header(handle_.get(), &entry);
      // Also for an archive without members: a plain tar file is refused as AWS refuses it.
      if (count == 0 && result >= ARCHIVE_WARN &&
          archive_filter_code(handle_.get(), 0) != ARCHIVE_FILTER_GZIP) {
        throw ArchiveError(file_.filename().string() + " is not a gzip-compressed tar archive");
      }
      if (result == ARCHIVE_EOF) return;
      if (result < ARCHIVE_WARN) fail();
      if (count >= limits_.archive_entries_max) {
        throw ArchiveError("the archive has more than " + std::to_string(limits_.archive_entries_max) +
                           " members");
      }
      check_cancelled();
      unpack(entry);
    }
  }

 private:
  void check_cancelled() const {
    if (cancelled_ && cancelled_()) throw ArchiveCancelled();
  }

  [[noreturn]] void fail() {
    const char* reason = archive_error_string(handle_.get());
    const std::string where = member_.empty() ? "" : " (after member " + shown(member_) + ")";
    throw ArchiveError(file_.filename().string() + " cannot be read as a gzip-compressed tar archive: " +
                       (reason ? reason : "unknown error") + where);
  }

  [[noreturn]] void fail_errno(const char* what) {
    refuse(member_, std::string(what) + ": " + std::generic_category().message(errno));
  }

  void unpack(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    if (!name) name = archive_entry_pathname_utf8(entry);
    if (!name || !*name) throw ArchiveError("the archive has a member without a name");
    member_ = name;
    const auto type = archive_entry_filetype(entry);
    const char* hard_link = archive_entry_hardlink(entry);
    // The folder itself, as Python's tarfile names it in the archives that the SageMaker Python SDK repacks.
    if (!hard_link && type == AE_IFDIR && member_.find_first_not_of('/') == std::string::npos) return;
    const std::vector<std::string> parts = components(member_, member_, "has a name that");
    if (!hard_link && type == AE_IFDIR) {
      open_parent(parts, parts.size());
      return;
    }
    if (parts.empty()) refuse(member_, "has no usable name");
    const int parent = open_parent(parts, parts.size() - 1);
    const std::string& leaf = parts.back();
    if (hard_link) return make_hard_link(parent, leaf, hard_link);
    switch (type) {
      case AE_IFREG:
        return make_file(parent, leaf, entry);
      case AE_IFLNK:
        return make_symlink(parent, leaf, parts.size() - 1, archive_entry_symlink(entry));
      case AE_IFIFO:
        refuse(member_, "is a FIFO: refused");
      case AE_IFSOCK:
        refuse(member_, "is a socket: refused");
      case AE_IFBLK:
      case AE_IFCHR:
        refuse(member_, "is a device: refused");
      default:
        refuse(member_, "is neither a file nor a folder nor a link: refused");
    }
  }

  // The descriptor of the folder of the first `count` components, made where it is missing. Members of one
  // folder follow each other, so the last one is kept.
  int open_parent(const std::vector<std::string>& parts, std::size_t count) {
    const std::vector<std::string> wanted(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
    if (count == 0) return root_.get();
    if (parent_ && wanted == parent_parts_) return parent_.get();
    UniqueFd current(checked(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0), "fcntl"));
    for (const std::string& part : wanted) {
      if (::mkdirat(current.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
        fail_errno("cannot be created");
      const int next = ::openat(current.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (next < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        refuse(member_, "lies below " + shown(part) + ", which is a link or a file: refused");
      }
      if (next < 0) fail_errno("cannot be created");
      current = UniqueFd(next);
    }
    parent_ = std::move(current);
    parent_parts_ = wanted;
    return parent_.get();
  }

  // A later member of the same name replaces an earlier one, never what a link points to.
  void clear_place(int parent, const std::string& leaf) {
    if (::unlinkat(parent, leaf.c_str(), 0) == 0 || errno == ENOENT) return;
    fail_errno(errno == EISDIR ? "has the name of a folder" : "cannot replace an earlier member");
  }

  void make_symlink(int parent, const std::string& leaf, std::size_t depth, const char* target) {
    check_link_target(member_, depth, target ? target : "");
    clear_place(parent, leaf);
    if (::symlinkat(target, parent, leaf.c_str()) != 0) fail_errno("cannot be created");
  }

  void make_hard_link(int parent, const std::string& leaf, const std::string& target) {
    const std::vector<std::string> parts = components(member_, target, "is a hard link whose target");
    if (parts.empty()) refuse(member_, "is a hard link without a target");
    UniqueFd from(checked(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0), "fcntl"));
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      from =
          UniqueFd(::openat(from.get(), parts[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!from)
        refuse(member_, "is a hard link to " + shown(target) + ", which is not in the archive: refused");
    }
    struct stat status {};
    if (::fstatat(from.get(), parts.back().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
      refuse(member_, "is a hard link to " + shown(target) + ", which is not a file of the archive: refused");
    }
    struct stat same {};
    if (::fstatat(parent, leaf.c_str(), &same, AT_SYMLINK_NOFOLLOW) == 0 && same.st_ino == status.st_ino &&
        same.st_dev == status.st_dev) {
      return;  // a link to itself must not delete the only copy
    }
    clear_place(parent, leaf);
    if (::linkat(from.get(), parts.back().c_str(), parent, leaf.c_str(), 0) != 0)
      fail_errno("cannot be linked");
  }

  void make_file(int parent, const std::string& leaf, archive_entry* entry) {
    clear_place(parent, leaf);
    UniqueFd file(::openat(parent, leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) fail_errno("cannot be created");
    const std::uint64_t before = total_bytes_;
    std::uint64_t size = 0;
    for (;;) {
      const void* data = nullptr;
      std::size_t length = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(handle_.get(), &data, &length, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result < ARCHIVE_WARN) fail();
      check_cancelled();
      if (offset < 0) refuse(member_, "has a negative offset");
      size = std::max(size, static_cast<std::uint64_t>(offset) + length);  // sparse members have holes
      count_bytes(before, size);
      write_all(file.get(), static_cast<const char*>(data), length, offset);
    }
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0) {
      size = std::max(size, static_cast<std::uint64_t>(archive_entry_size(entry)));
      count_bytes(before, size);
      if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) fail_errno("cannot be written");
    }
    // Permission bits only: no set-user-id, set-group-id or sticky bit; the owner can always read and remove
    // it.
    if (::fchmod(file.get(), (archive_entry_perm(entry) & 0777) | 0600) != 0) fail_errno("cannot be written");
    if (archive_entry_mtime_is_set(entry)) {
      const timespec when{archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
      const timespec times[2] = {when, when};
      ::futimens(file.get(),
                 times);  // a time that the file system cannot hold is no reason to refuse the file
    }
  }

  void count_bytes(std::uint64_t before, std::uint64_t size) {
    if (size > limits_.archive_bytes_max || before > limits_.archive_bytes_max - size) {
      refuse(member_, "makes the archive larger than " + std::to_string(limits_.archive_bytes_max) +
                          " bytes when unpacked: refused");
    }
    total_bytes_ = before + size;
    if (total_bytes_ <= ratio_free_bytes) return;
    const auto packed =
        static_cast<std::uint64_t>(std::max<la_int64_t>(archive_filter_bytes(handle_.get(), -1), 1));
    if (total_bytes_ / packed >= limits_.archive_ratio_max) {
      refuse(member_, "makes the archive more than " + std::to_string(limits_.archive_ratio_max) +
                          " times larger when unpacked: refused as a decompression bomb");
    }
  }

  void write_all(int file, const char* data, std::size_t length, la_int64_t offset) {
    while (length > 0) {
      const ssize_t written = ::pwrite(file, data, length, offset);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno("cannot be written");
      data += written;
      offset += written;
      length -= static_cast<std::size_t>(written);
    }
  }

  std::filesystem::path file_;
  const RunnerLimits& limits_;
  const Cancelled& cancelled_;
  std::unique_ptr<archive, ArchiveCloser> handle_;
  UniqueFd root_;
  UniqueFd parent_;
  std::vector<std::string> parent_parts_;
  std::string member_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace

void unpack_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& directory,
                   const RunnerLimits& limits, const Cancelled& cancelled) {
  Unpacker(archive, directory, limits, cancelled).run();
}

}  // namespace sagemaker::local::runner
