// Packages that the user's code asks for, by requirements.txt or by being a package itself. They are
// installed into a virtual environment of the cache, over the machine's own packages, which stay as they are,
// and are kept under the hash of the interpreter and of what was asked for: the next job with the same
// requirements starts at once. What pip resolved then stays until the requirements change.
#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "emulator/images/sagemaker_python/entry_point.hpp"
#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/failure.hpp"
#include "emulator/images/script/source.hpp"

namespace sagemaker::local::images {

class InstallError : public std::runtime_error {
 public:
  explicit InstallError(FailedCommand failed)
      : std::runtime_error(failure_text(failed)), failed_(std::move(failed)) {}
  const FailedCommand& failed() const { return failed_; }

 private:
  FailedCommand failed_;
};

struct Packages {
  std::filesystem::path python;    // to run the script with
  std::filesystem::path bin = {};  // to be put on the PATH; empty: nothing was installed
  std::optional<FileLock> in_use = {};
};

// `own_folder`: of this job alone, for what cannot be shared. An empty `cache`: nothing is shared. Throws
// InstallError with pip's last words, or std::runtime_error.
Packages install_packages(const Source& source, EntryKind kind, const std::filesystem::path& python,
                          const std::filesystem::path& cache, const std::filesystem::path& own_folder);

}  // namespace sagemaker::local::images
