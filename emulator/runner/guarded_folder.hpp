// A folder that a running job owns while the emulator reads and writes in it. The job may replace any file or
// folder by a link at any moment, so every access goes through descriptors and follows none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

class GuardedFolder {
 public:
  // `anchor` must be out of the job's reach; `relative` below it may hold anything by now.
  GuardedFolder(std::filesystem::path anchor, std::filesystem::path relative)
      : anchor_(std::move(anchor)), relative_(std::move(relative)) {}

  struct File {
    std::string name;  // relative, with '/'
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  // of its content
    std::uint64_t inode = 0;
    bool operator==(const File&) const = default;
  };
  // The regular files below, in name order; links and special files are left out. Empty where the folder is
  // not there (any more), or is none.
  std::vector<File> files() const;

  // The file opened for reading, as a path that leads to exactly it while the descriptor lives.
  struct Opened {
    UniqueFd descriptor;
    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor.get()); }
  };
  Opened open(const std::string& name) const;  // throws std::system_error

  // Puts a copy of `source` there, whole or not at all; folders on the way are made. Returns what files()
  // will say of it. Throws std::system_error, also where a link is in the way.
  File put(const std::string& name, const std::filesystem::path& source) const;

 private:
  UniqueFd root() const;  // empty where there is none

  std::filesystem::path anchor_, relative_;
};

}  // namespace sagemaker::local::runner
