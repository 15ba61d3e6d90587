// The bytes of an open file in pieces, unpacked on the way where they are gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `size` bytes; 0: the end. Throws std::system_error, or std::runtime_error for bytes that are no
  // whole gzip stream.
  virtual std::size_t read(char* target, std::size_t size) = 0;
};

// From the beginning of the file, whatever its offset is. `name` is what messages call it.
std::unique_ptr<ByteSource> byte_source(const UniqueFd& file, bool gzip, const std::string& name);

}  // namespace sagemaker::local::runner
