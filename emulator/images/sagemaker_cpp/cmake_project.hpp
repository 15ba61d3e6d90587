// User code that is a CMake project.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "emulator/images/sagemaker_cpp/toolchain.hpp"
#include "emulator/images/script/command.hpp"
#include "emulator/images/script/source.hpp"

namespace sagemaker::local::images {

// Configures and builds it in `build`, `at_once` files at a time, and returns the executable that the entry
// point names: the target of that name
// ("train" for train.cpp), or the only executable. Throws BuildError, or std::runtime_error naming the
// executables.
std::filesystem::path build_cmake_project(const Source& source, const Toolchain& toolchain,
                                          const std::filesystem::path& build, std::size_t at_once);

// The line with the first error of a compiler, a linker or CMake; without one, the last line.
std::string first_error(const CommandResult& result);

}  // namespace sagemaker::local::images
