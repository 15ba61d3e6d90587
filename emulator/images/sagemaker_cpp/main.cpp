// sagemaker-cpp-image: what stands in for a container image with a C++ compiler. Started as the image would
// be, with "train" or "serve", it finds the user's code, compiles it (or finds it compiled) and becomes that
// program.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_cpp/build.hpp"

namespace {

namespace fs = std::filesystem;
using sagemaker::container::TrainingEnvironment;
using sagemaker::container::Variables;

// Measured to pay for libtorch on the CPU: one pool of threads rather than two that fight; threads that sleep
// rather than spin while they wait for each other, which makes training ten times slower as soon as other
// programs need the processors; memory that is kept. Nothing that the user has set is changed.
void set_defaults(const Variables& variables) {
  const auto cpus = variables.find("SM_NUM_CPUS");
  if (cpus != variables.end()) ::setenv("OMP_NUM_THREADS", cpus->second.c_str(), 0);
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  ::setenv("OPENBLAS_NUM_THREADS", "1", 0);
  ::setenv("MALLOC_TRIM_THRESHOLD_", "536870912", 0);
  ::setenv("MALLOC_MMAP_THRESHOLD_", "536870912", 0);
}

fs::path cache_directory(const Variables& variables, const fs::path& base_dir) {
  const auto named = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? fs::path() : fs::path(found->second);
  };
  fs::path cache = named("SAGEMAKER_CPP_CACHE");
  if (cache.empty() && !named("XDG_CACHE_HOME").empty())
    cache = named("XDG_CACHE_HOME") / "sagemaker-local/cpp";
  if (cache.empty() && !named("HOME").empty()) cache = named("HOME") / ".cache/sagemaker-local/cpp";
  std::error_code error;
  if (!cache.empty()) fs::create_directories(cache, error);
  if (!cache.empty() && !error && ::access(cache.c_str(), W_OK) == 0) return cache;
  std::printf("There is no cache for compiled programs: %s cannot be written\n", cache.c_str());
  return base_dir / "build";
}

// /opt/ml/output/failure, as the training toolkit writes it. A file that is there stays as it is.
void write_failure(const fs::path& output_dir, const std::string& message, const std::string& command) {
  std::error_code error;
  fs::create_directories(output_dir, error);
  if (fs::exists(output_dir / "failure", error)) return;
  std::ofstream stream(output_dir / "failure", std::ios::binary);
  stream << "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"" << message << "\"\nCommand \"" << command
         << "\"\n";
}

int start(const std::string& command) {
  const Variables variables = sagemaker::container::process_variables();
  const auto base = variables.find("SAGEMAKER_BASE_DIR");
  fs::path output_dir = (base == variables.end() ? fs::path("/opt/ml") : fs::path(base->second)) / "output";
  const auto fail = [&](const std::string& message, const std::string& shown) {
    std::fflush(stdout);
    std::fprintf(stderr, "Error: %s\n", message.c_str());
    if (command == "train") write_failure(output_dir, message, shown);
    return 1;
  };
  try {
    const TrainingEnvironment env = TrainingEnvironment::read(variables);
    output_dir = env.output_dir;
    const auto source = sagemaker::local::images::locate_source(command, env, variables);
    const auto toolchain =
        sagemaker::local::images::read_toolchain(sagemaker::local::images::toolchain_file());
    const fs::path program =
        sagemaker::local::images::build_program(source, toolchain, cache_directory(variables, env.base_dir));
    set_defaults(variables);
    fs::current_path(source.directory);
    std::fflush(stdout);
    ::execl(program.c_str(), source.program.c_str(), command.c_str(), nullptr);
    return fail(program.string() + " cannot be started: " + std::strerror(errno),
                source.program + " " + command);
  } catch (const sagemaker::local::images::BuildError& error) {
    return fail(error.what(), error.command());
  } catch (const std::exception& error) {
    return fail(error.what(), "sagemaker-cpp-image " + command);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && (arguments[0] == "train" || arguments[0] == "serve"))
    return start(arguments[0]);
  if (!arguments.empty() && arguments[0] == "--record") {
    try {
      return sagemaker::local::images::record_command({arguments.begin() + 1, arguments.end()});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
  }
  std::fprintf(stderr, "usage: sagemaker-cpp-image train | serve\n");
  return 2;
}
