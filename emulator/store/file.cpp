// Files by descriptor: every short read, short write and interrupted call is handled here and nowhere else.
#include "emulator/store/file.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sagemaker::local::store {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

[[noreturn]] void fail(const std::string& action) {
  throw std::system_error(errno, std::generic_category(), action);
}

File open_file(const std::filesystem::path& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) fail("cannot open " + path.string());
  return File(descriptor);
}

}  // namespace

File File::open_to_read(const std::filesystem::path& path) { return open_file(path, O_RDONLY); }

File File::create(const std::filesystem::path& path) { return open_file(path, O_RDWR | O_CREAT | O_EXCL); }

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail("cannot read the size of a file");
  return static_cast<std::uint64_t>(status.st_size);
}

void File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void File::read(std::uint64_t offset, std::uint64_t length,
                const std::function<void(std::string_view)>& sink) const {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(length, piece_bytes)), '\0');
  while (length > 0) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, buffer.size()));
    const ssize_t count = ::pread(descriptor_, buffer.data(), wanted, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read");
    if (count == 0) throw std::system_error(EIO, std::generic_category(), "a file is shorter than it was");
    sink(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    offset += static_cast<std::uint64_t>(count);
    length -= static_cast<std::uint64_t>(count);
  }
}

void File::append_from(const File& source, std::uint64_t offset, std::uint64_t length) {
  off_t from = static_cast<off_t>(offset);
  std::uint64_t left = length;
  while (left > 0) {
    const ssize_t count =
        ::copy_file_range(source.descriptor_, &from, descriptor_, nullptr,
                          static_cast<std::size_t>(std::min<std::uint64_t>(left, 1u << 30)), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      // Not between these two file systems, not for this kind of file, or a file in /proc that looks empty.
      const bool unsupported = count == 0 || errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                               errno == ENOSYS || errno == EPERM;
      if (!unsupported) fail("cannot copy");
      break;
    }
    left -= static_cast<std::uint64_t>(count);
  }
  source.read(offset + (length - left), left, [this](std::string_view bytes) { write(bytes); });
}

void File::sync_data() {
  if (::fdatasync(descriptor_) != 0) fail("cannot sync");
}

void sync_directory(const std::filesystem::path& directory) {
  const File handle = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (::fsync(handle.descriptor()) != 0) fail("cannot sync " + directory.string());
}

}  // namespace sagemaker::local::store
