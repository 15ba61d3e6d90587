#include "emulator/runner/guarded_folder.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "emulator/runner/host_tree.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

// Below `folder`, through folders only: a link anywhere in `path` is an error (ELOOP).
UniqueFd open_below(int folder, const std::string& path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// One folder's own files; the folders in it are left to the caller. So no depth costs descriptors or stack.
void collect(UniqueFd folder, const std::string& prefix, std::vector<GuardedFolder::File>& files,
             std::vector<std::string>& folders) {
  const std::unique_ptr<DIR, DirectoryCloser> directory(::fdopendir(folder.get()));
  if (!directory) return;
  const int descriptor = folder.release();  // the stream's own now
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    if (::fstatat(descriptor, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      folders.push_back(prefix + name);
    } else if (S_ISREG(status.st_mode)) {
      files.push_back({prefix + name, static_cast<std::uint64_t>(status.st_size),
                       std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                       status.st_ino});
    }
  }
}

// The folder for a file, made where it is missing.
UniqueFd make_parents(UniqueFd folder, const fs::path& parents, const std::string& what) {
  for (const fs::path& part : parents) {
    if (::mkdirat(folder.get(), part.c_str(), 0755) != 0 && errno != EEXIST) checked(-1, what);
    UniqueFd next = open_below(folder.get(), part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    checked(next.get(), what);
    folder = std::move(next);
  }
  return folder;
}

}  // namespace

UniqueFd GuardedFolder::root() const {
  const UniqueFd anchor(::open(anchor_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!anchor) return {};
  return open_below(anchor.get(), relative_.string(), O_RDONLY | O_DIRECTORY);
}

std::vector<GuardedFolder::File> GuardedFolder::files() const {
  std::vector<File> found;
  std::vector<std::string> folders;
  const UniqueFd top = root();
  if (!top) return found;
  collect(open_below(top.get(), ".", O_RDONLY | O_DIRECTORY), "", found, folders);
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    // One that has become a link, is gone, or lies too deep for a path is left out.
    collect(open_below(top.get(), folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), folder + "/", found, folders);
  }
  std::sort(found.begin(), found.end(), [](const File& a, const File& b) { return a.name < b.name; });
  return found;
}

GuardedFolder::Opened GuardedFolder::open(const std::string& name) const {
  const UniqueFd folder = root();
  checked(folder.get(), relative_.string());
  Opened opened{open_below(folder.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status {};
  checked(opened.descriptor.get(), name);
  checked(::fstat(opened.descriptor.get(), &status), name);
  if (!S_ISREG(status.st_mode)) throw std::system_error(EINVAL, std::generic_category(), name);
  return opened;
}

GuardedFolder::File GuardedFolder::put(const std::string& name, const fs::path& source) const {
  static std::atomic<unsigned> number{0};
  UniqueFd folder = root();
  checked(folder.get(), relative_.string());
  const fs::path path = checked_relative(name);
  folder = make_parents(std::move(folder), path.parent_path(), name);
  const std::string leaf = path.filename(), unfinished = ".sagemaker-" + std::to_string(++number) + ".part";
  const UniqueFd from(checked(::open(source.c_str(), O_RDONLY | O_CLOEXEC), name));
  const UniqueFd to = open_below(folder.get(), unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  checked(to.get(), name);
  struct stat status {};
  try {
    copy_bytes(from.get(), to.get(), name);
    checked(::renameat(folder.get(), unfinished.c_str(), folder.get(), leaf.c_str()), name);
    checked(::fstat(to.get(), &status), name);
  } catch (...) {
    ::unlinkat(folder.get(), unfinished.c_str(), 0);
    throw;
  }
  return {path.generic_string(), static_cast<std::uint64_t>(status.st_size),
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
}

}  // namespace sagemaker::local::runner
