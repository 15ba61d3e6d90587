// tar.gz in and out, on libarchive. Unpacking trusts nothing: no member may leave the folder, by name or by
// link, only files, folders and links inside are made, and size, count and ratio are limited.
#pragma once

#include <filesystem>
#include <stdexcept>

#include "emulator/limits.hpp"

namespace sagemaker::local::runner {

class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;  // names the member and the reason
};

void unpack_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& directory,
                   const RunnerLimits& limits);
// The contents of `directory` (not the folder itself), in name order, owner and times normalised, as
// `archive`.
void pack_tar_gz(const std::filesystem::path& directory, const std::filesystem::path& archive);

}  // namespace sagemaker::local::runner
