// See host_tree.hpp.
#include "emulator/runner/host_tree.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/runner/unique_fd.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t copy_piece_bytes = 32u << 20;  // between two looks whether the job is stopped

void write_all(int to, const char* bytes, std::size_t size, const fs::path& target) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = ::write(to, bytes + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    done += static_cast<std::size_t>(checked(static_cast<int>(written), target.string()));
  }
}

void make_tree(const fs::path& root, std::initializer_list<const char*> folders) {
  std::error_code ignored;
  // Root may remove anything; another user may be kept out of folders by what a job made of them.
  if (::geteuid() != 0 && fs::is_directory(fs::symlink_status(root, ignored))) make_removable(root);
  fs::remove_all(root);
  for (const char* folder : folders) fs::create_directories(root / folder);
}

}  // namespace

bool copy_bytes(int from, int to, const fs::path& target, const std::function<bool()>& stopped) {
  if (::ioctl(to, FICLONE, from) == 0) return true;
  bool in_kernel = true;
  std::vector<char> buffer;
  for (;;) {
    if (stopped && stopped()) return false;
    if (in_kernel) {
      const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, copy_piece_bytes, 0);
      if (copied > 0) continue;
      if (copied == 0) return true;
      if (errno == EINTR) continue;
      if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        checked(-1, target.string());
      in_kernel = false;
      buffer.resize(256 * 1024);
    }
    const ssize_t length = ::read(from, buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (checked(static_cast<int>(length), target.string()) == 0) return true;
    write_all(to, buffer.data(), static_cast<std::size_t>(length), target);
  }
}

fs::path checked_relative(const std::string& relative) {
  const fs::path path(relative);
  const bool climbs =
      std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
  if (relative.empty() || path.is_absolute() || climbs || relative.find('\0') != std::string::npos) {
    throw std::runtime_error("the object name '" + clean_text(relative, 200) +
                             "' cannot be a file below the channel's folder");
  }
  return path.lexically_normal();
}

void make_training_tree(const fs::path& root) {
  make_tree(root, {"ml/input/config", "ml/input/data", "ml/model", "ml/output/data", "ml/output/intermediate",
                   "ml/output/metrics/sagemaker", "ml/output/profiler", "ml/output/tensors", "ml/checkpoints",
                   "ml/code", "work"});
}

void make_processing_tree(const fs::path& root) {
  make_tree(root, {"ml/config", "ml/processing", "ml/output", "work"});
}

void write_json_file(const fs::path& file, const json& value) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << aws::dump_json(value);
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

bool InputFolder::place(const std::string& relative) {
  relative_ = relative;
  path_ = directory_ / checked_relative(relative);
  const bool is_folder = relative.ends_with('/');
  const fs::path parent = is_folder ? path_ : path_.parent_path();
  if (made_ != parent.native()) {
    fs::create_directories(parent);
    made_ = parent.native();
  }
  return !is_folder;
}

bool InputFolder::copy(const UniqueFd& from, const std::function<bool()>& stopped) const {
  const UniqueFd to = create();
  return copy_bytes(from.get(), to.get(), path_, stopped);
}

UniqueFd InputFolder::create() const {
  return UniqueFd(checked(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644),
                          "cannot write '" + relative_ + "'"));
}

bool InputFolder::link(const fs::path& source) const {
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno == EEXIST || errno == EISDIR || errno == ENOTDIR) checked(-1, "cannot write '" + relative_ + "'");
  return false;
}

std::optional<fs::path> real_folder(const fs::path& root, const fs::path& relative) {
  fs::path current = root;
  for (const fs::path& part : relative) {
    current /= part;
    std::error_code ignored;
    if (!fs::is_directory(fs::symlink_status(current, ignored))) return std::nullopt;
  }
  return current;
}

std::string read_output(const fs::path& root, const char* name) {
  const std::optional<fs::path> output = real_folder(root, "ml/output");
  if (!output) return "";
  const UniqueFd file(::open((*output / name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return "";
  std::array<char, output_bytes_max> text{};
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t length = ::read(file.get(), text.data() + size, text.size() - size);
    if (length <= 0) break;
    size += static_cast<std::size_t>(length);
  }
  return std::string(text.data(), size);
}

void make_removable(const fs::path& folder) noexcept {
  try {
    fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      if (fs::is_directory(entry.symlink_status())) make_removable(entry.path());
  } catch (const std::exception&) {  // not ours, or gone
  }
}

void merge_folder(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  std::vector<fs::path> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(from))
    names.push_back(entry.path().filename());
  for (const fs::path& name : names) {
    const fs::file_status source = fs::symlink_status(from / name);
    const fs::file_status target = fs::symlink_status(to / name);
    if (fs::is_directory(source) && fs::is_directory(target)) {
      merge_folder(from / name, to / name);
      continue;
    }
    if (fs::is_directory(source) || fs::is_directory(target)) fs::remove_all(to / name);
    fs::rename(from / name, to / name);
  }
}

std::string clean_text(std::string_view text, std::size_t chars_max) {
  std::string clean;
  for (std::size_t chars = 0; chars < chars_max && !text.empty(); ++chars) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text[0] == '\0') {
      clean += '?';
      text.remove_prefix(1);
    } else {
      clean += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  while (!clean.empty() &&
         (clean.back() == '\n' || clean.back() == '\r' || clean.back() == ' ' || clean.back() == '\t')) {
    clean.pop_back();
  }
  return clean;
}

}  // namespace sagemaker::local::runner
