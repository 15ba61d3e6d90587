// What the library reads from its surroundings: environment variables, the home folder and small files.
// Everything goes through this interface, so that tests and programs with several users can pass surroundings
// of their own.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sagemaker::aws {

class Environment {
 public:
  virtual ~Environment() = default;
  // nullopt: not set. A variable that is set to nothing is an empty string.
  virtual std::optional<std::string> variable(const std::string& name) const = 0;
  // The user's home folder, empty where there is none.
  virtual std::string home() const = 0;
  // The whole file; nullopt where it does not exist or may not be read.
  virtual std::optional<std::string> read_file(const std::string& path) const = 0;

  // Replaces a file that only the user may read, and makes its folder; false where that fails. Used for what
  // AWS's tools cache.
  virtual bool write_private_file(const std::string& path, const std::string& text) const = 0;

  // The value where it is set and not empty: botocore takes an empty variable for an absent one.
  std::optional<std::string> value(const std::string& name) const {
    auto found = variable(name);
    if (found && found->empty()) found.reset();
    return found;
  }

  // `~/x` becomes a path below the home folder.
  std::string expand_user(const std::string& path) const {
    if (path != "~" && !path.starts_with("~/")) return path;
    return home() + path.substr(1);
  }
};

// The surroundings of this process.
class ProcessEnvironment final : public Environment {
 public:
  std::optional<std::string> variable(const std::string& name) const override {
    const char* text = std::getenv(name.c_str());
    if (!text) return std::nullopt;
    return std::string(text);
  }

  std::string home() const override {
    if (const char* text = std::getenv("HOME"); text && *text) return text;
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found ||
        !found->pw_dir)
      return "";
    return found->pw_dir;
  }

  std::optional<std::string> read_file(const std::string& path) const override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    std::string text;
    std::array<char, 16384> buffer{};
    bool failed = false;
    while (true) {
      const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      failed = count < 0;
      if (count <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(descriptor);
    if (failed) return std::nullopt;
    return text;
  }

  bool write_private_file(const std::string& path, const std::string& text) const override {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos && slash > 0 && !make_folder(path.substr(0, slash))) return false;
    std::string temporary = path + ".XXXXXX";
    const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);  // for the user alone
    if (descriptor < 0) return false;
    bool good = true;
    for (std::size_t done = 0; good && done < text.size();) {
      const ssize_t count = ::write(descriptor, text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      good = count > 0;
      if (good) done += static_cast<std::size_t>(count);
    }
    good = ::close(descriptor) == 0 && good && ::rename(temporary.c_str(), path.c_str()) == 0;
    if (!good) ::unlink(temporary.c_str());
    return good;
  }

 private:
  static bool make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return true;
    const std::size_t slash = path.rfind('/');
    if (errno != ENOENT || slash == std::string::npos || slash == 0) return false;
    return make_folder(path.substr(0, slash)) && (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST);
  }
};

// Surroundings made up by the program: nothing of the machine shows through.
class FixedEnvironment final : public Environment {
 public:
  std::map<std::string, std::string> variables;
  mutable std::map<std::string, std::string> files;  // path -> content; what the library writes shows up here
  std::string home_folder = "/home/user";

  std::optional<std::string> variable(const std::string& name) const override {
    return find(variables, name);
  }
  std::string home() const override { return home_folder; }
  std::optional<std::string> read_file(const std::string& path) const override { return find(files, path); }
  bool write_private_file(const std::string& path, const std::string& text) const override {
    files[path] = text;
    return true;
  }

 private:
  static std::optional<std::string> find(const std::map<std::string, std::string>& map,
                                         const std::string& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
};

inline std::shared_ptr<const Environment> process_environment() {
  static const auto environment = std::make_shared<const ProcessEnvironment>();
  return environment;
}

}  // namespace sagemaker::aws
