// See build.hpp.
#include "emulator/images/sagemaker_cpp/build.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/images/sagemaker_cpp/cmake_project.hpp"
#include "emulator/images/sagemaker_cpp/sources.hpp"
#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/command.hpp"
#include "emulator/images/script/folder_hash.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr const char* program_name = "program";

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

bool refuses_pch(const std::string& output) {
  return output.find("precompiled") != std::string::npos || output.find("PCH file") != std::string::npos;
}

// What to do about the two errors that the code alone does not explain.
std::string with_hint(const std::string& error) {
  if (error.find("undefined symbol") != std::string::npos ||
      error.find("undefined reference") != std::string::npos)
    return error + " (a library beyond libtorch is linked by a CMakeLists.txt beside the entry point)";
  if (error.find("fatal error: ") != std::string::npos && error.find("No such file") != std::string::npos)
    return error +
           " (neither in the source folder nor on this machine: install the library's development files, and "
           "link it by a CMakeLists.txt beside the entry point)";
  return error;
}

struct Unit {
  fs::path source;
  fs::path object;
  bool precompiled_header;
};

void compile_unit(const Source& source, const Toolchain& toolchain, const Unit& unit) {
  const std::vector<std::string> file = {"-I",    ".",
                                         "-Wall", "-fdiagnostics-color=never",
                                         "-c",    unit.source.string(),
                                         "-o",    unit.object.string()};
  const auto run = [&](const std::vector<std::string>& flags) {
    return run_command(joined(joined({toolchain.compiler}, flags), file), source.directory);
  };
  CommandResult result =
      run(unit.precompiled_header ? toolchain.compile_flags : toolchain.compile_flags_without_pch());
  if (result.exit_code != 0 && unit.precompiled_header && refuses_pch(result.output)) {
    std::puts("The precompiled header cannot be used; compiling without it");
    result = run(toolchain.compile_flags_without_pch());
  }
  if (result.exit_code != 0)
    throw BuildError(with_hint(first_error(result)), "c++ -c " + unit.source.string());
}

// A file that includes libtorch takes a gigabyte or more to compile: memory limits the number of compilers
// too.
std::size_t compilers_at_once() {
  const auto pages = static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_AVPHYS_PAGES)));
  const std::size_t by_memory =
      pages / (std::size_t{1536} * 1024 * 1024 / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  return std::clamp<std::size_t>(by_memory, 1, std::max(1u, std::thread::hardware_concurrency()));
}

void compile_files(const Source& source, const Toolchain& toolchain, const fs::path& build) {
  const bool precompiled_header = includes_torch(source);
  std::vector<Unit> units;
  for (const fs::path& file : translation_units(source)) {
    units.push_back({file, build / (std::to_string(units.size()) + ".o"), precompiled_header});
  }
  const std::size_t at_once = compilers_at_once();
  for (std::size_t first = 0; first < units.size(); first += at_once) {
    std::vector<std::future<void>> running;
    for (std::size_t i = first; i < std::min(units.size(), first + at_once); ++i) {
      running.push_back(
          std::async(std::launch::async, [&, i] { compile_unit(source, toolchain, units[i]); }));
    }
    for (const auto& one : running) one.wait();
    for (auto& one : running) one.get();
  }
  std::vector<std::string> link = {toolchain.compiler};
  for (const Unit& unit : units) link.push_back(unit.object.string());
  link = joined(std::move(link), toolchain.link_flags);
  link.insert(link.end(), {"-o", (build / program_name).string()});
  const CommandResult result = run_command(link, source.directory);
  if (result.exit_code != 0)
    throw BuildError(with_hint(first_error(result)), "c++ " + source.program + " (link)");
  for (const Unit& unit : units) fs::remove(unit.object);
}

// What the user's environment adds to the compiler's and CMake's search paths and flags.
std::string compiler_variables() {
  std::string set;
  for (const char* const name :
       {"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX",
        "SOURCE_DATE_EPOCH", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "CMAKE_PREFIX_PATH",
        "CMAKE_GENERATOR", "CMAKE_INCLUDE_PATH", "CMAKE_LIBRARY_PATH", "PKG_CONFIG_PATH"}) {
    if (const char* value = std::getenv(name)) set += std::string("\n") + name + "=" + value;
  }
  return set;
}

}  // namespace

fs::path build_program(const Source& source, const Toolchain& toolchain, const fs::path& cache) {
  const std::string key = aws::sha256_hex(hash_of_folder(source.directory) + "\n" + source.program + "\n" +
                                          toolchain.fingerprint + compiler_variables());
  const fs::path programs = cache / "programs";
  const fs::path entry = programs / key;
  const fs::path program = entry / program_name;
  std::error_code ignored;
  if (fs::exists(program)) {
    mark_used(entry);
    return fs::canonical(program);
  }
  fs::create_directories(programs);
  const fs::path lock_file = programs / (key + ".lock");
  auto lock = FileLock::try_exclusive(lock_file);
  if (!lock) {
    std::printf("Waiting for another job, which compiles %s\n", source.program.c_str());
    std::fflush(stdout);
    lock.emplace(lock_file, FileLock::Mode::exclusive);
  }
  if (fs::exists(program)) return fs::canonical(program);

  const auto start = std::chrono::steady_clock::now();
  const fs::path build = programs / (key + ".new");
  fs::remove_all(build);  // left by a process that was killed
  fs::create_directories(build);
  std::printf("Compiling %s\n", source.program.c_str());
  std::fflush(stdout);
  try {
    if (fs::exists(source.directory / "CMakeLists.txt")) {
      const fs::path built = build_cmake_project(source, toolchain, build / "cmake", compilers_at_once());
      fs::create_symlink(built.lexically_relative(build), build / program_name);
    } else {
      compile_files(source, toolchain, build);
    }
  } catch (...) {
    fs::remove_all(build, ignored);
    lock->discard();
    throw;
  }
  fs::rename(build, entry);
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  std::printf("Compiled %s in %.1f s\n", source.program.c_str(), static_cast<double>(took.count()) / 1000.0);
  std::fflush(stdout);
  remove_least_recently_used(programs, compiled_programs_max);
  return fs::canonical(program);
}

}  // namespace sagemaker::local::images
