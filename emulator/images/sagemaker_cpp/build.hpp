// Compiles user code, once: the program is kept under the hash of all its sources, the compiler, the flags,
// libtorch and this library, so that the same code starts at once the next time.
//
// What is built: with a CMakeLists.txt, the CMake project (find_package(sagemaker) works in it), of which the
// executable named like the entry point is run, or the only one. Else the entry point and every other .cpp,
// .cc and .cxx of the source folder that has no main function of its own, linked into one program.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "emulator/images/sagemaker_cpp/toolchain.hpp"
#include "emulator/images/script/source.hpp"

namespace sagemaker::local::images {

// What the compiler found wrong; what() is its first error, `command` says in short what was run.
class BuildError : public std::runtime_error {
 public:
  BuildError(const std::string& first_error, std::string command)
      : std::runtime_error(first_error), command_(std::move(command)) {}
  const std::string& command() const { return command_; }

 private:
  std::string command_;
};

// Returns the program's path in the cache. Safe for several processes at once, which compile the same code
// once only. Throws BuildError, or std::runtime_error where something else is in the way.
std::filesystem::path build_program(const Source& source, const Toolchain& toolchain,
                                    const std::filesystem::path& cache);

}  // namespace sagemaker::local::images
