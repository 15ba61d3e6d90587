// tar.gz in and out, on libarchive. Unpacking trusts nothing: no member may leave the folder, by name or by
// link, only files, folders and links inside are made, and size, count and ratio are limited. Both ways can take
// minutes, so both can be told to give up.
#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>

#include "emulator/limits.hpp"

namespace sagemaker::local::runner {

class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;  // names the member and the reason
};

// Whoever asked for it does not want it any more.
class ArchiveCancelled : public ArchiveError {
 public:
  ArchiveCancelled() : ArchiveError("the work on the archive was cancelled") {}
};

// Asked again and again, between pieces of some hundred kilobytes; empty: never. True ends the work by
// ArchiveCancelled.
using Cancelled = std::function<bool()>;

// What was unpacked before a failure or a cancellation stays.
void unpack_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& directory,
                   const RunnerLimits& limits, const Cancelled& cancelled = {});
// The contents of `directory` (not the folder itself), in name order, owner and times normalised, as
// `archive`, which is there when it is whole and not before.
void pack_tar_gz(const std::filesystem::path& directory, const std::filesystem::path& archive,
                 const Cancelled& cancelled = {});

}  // namespace sagemaker::local::runner
