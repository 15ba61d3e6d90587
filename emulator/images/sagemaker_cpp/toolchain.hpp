// How user code is compiled: exactly as CMake compiled and linked a sample program with the toolkit, recorded
// when this project was built, in share/sagemaker/cpp-toolchain.json beside the program's folder. So the
// compiler, the libtorch, the flags and the precompiled header are those of the build, in the build tree and
// when installed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sagemaker::local::images {

struct Toolchain {
  std::string compiler;
  std::vector<std::string> compile_flags;   // without source, output, dependency files and warnings
  std::vector<std::string> link_flags;      // without objects and output
  std::filesystem::path package_directory;  // for find_package(sagemaker)
  std::filesystem::path torch_directory;    // for find_package(Torch)
  // Changes where the compiler, a flag, libtorch, or any header of the library changes. Costs a few stat
  // calls.
  std::string fingerprint;

  // The compile flags without the precompiled header, for a compiler that refuses it.
  std::vector<std::string> compile_flags_without_pch() const;
};

// Throws std::runtime_error saying what is wrong with the file.
Toolchain read_toolchain(const std::filesystem::path& file);

// The file that belongs to this program.
std::filesystem::path toolchain_file();

// Used as CMake's compiler and linker launcher, with FILE STEP [KEY=VALUE ...] -- COMMAND...: adds the
// command to the file under STEP, sets the keys, and runs the command. Returns its exit code.
int record_command(const std::vector<std::string>& arguments);

}  // namespace sagemaker::local::images
