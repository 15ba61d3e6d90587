// sagemaker-cpp-image: what stands in for a container image with a C++ compiler. Started as the image would
// be, with "train" or "serve", it finds the user's code, compiles it (or finds it compiled) and becomes that
// program.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_cpp/build.hpp"
#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/failure.hpp"
#include "emulator/images/script/source.hpp"
#include "emulator/images/script/torchscript.hpp"

namespace {

namespace fs = std::filesystem;
using sagemaker::container::ServingEnvironment;
using sagemaker::container::TrainingEnvironment;
using sagemaker::container::Variables;
using namespace sagemaker::local::images;

const ScriptImage image{"sagemaker-cpp", "train.cpp", "inference.cpp", "CMakeLists.txt"};

// Becomes `program`; returns only where that cannot be started.
[[noreturn]] void become(const fs::path& program, const std::string& name, const std::string& command,
                         const Variables& variables) {
  set_libtorch_defaults(variables);
  std::fflush(stdout);
  ::execl(program.c_str(), name.c_str(), command.c_str(), nullptr);
  throw std::runtime_error(program.string() + " cannot be started: " + std::strerror(errno));
}

void serve_without_code(const Variables& variables) {
  const fs::path server = torchscript_server();
  if (server.empty()) {
    throw std::runtime_error(
        "the model has no code, and sagemaker-torchscript-server, which serves such models, is missing "
        "beside "
        "sagemaker-cpp-image");
  }
  become(server, server.filename().string(), "serve", variables);
}

int start(const std::string& command) {
  const Variables variables = sagemaker::container::process_variables();
  const auto base = variables.find("SAGEMAKER_BASE_DIR");
  fs::path output_dir = (base == variables.end() ? fs::path("/opt/ml") : fs::path(base->second)) / "output";
  const auto fail = [&](const std::string& message, const std::string& shown) {
    std::fflush(stdout);
    std::fprintf(stderr, "Error: %s\n", message.c_str());
    if (command == "train") write_failure(output_dir, failure_text({.message = message, .command = shown}));
    return 1;
  };
  try {
    if (command == "serve" && is_model_without_code(ServingEnvironment::read(variables), variables))
      serve_without_code(variables);
    const TrainingEnvironment env = TrainingEnvironment::read(variables);
    output_dir = env.output_dir;
    const auto source = locate_source(command, env, variables, image);
    const auto toolchain = read_toolchain(toolchain_file());
    fs::path cache = cache_directory("cpp", variables);
    if (cache.empty()) cache = env.base_dir / "build";
    const fs::path program = build_program(source, toolchain, cache);
    fs::current_path(source.directory);
    become(program, source.program, command, variables);
  } catch (const BuildError& error) {
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
      return record_command({arguments.begin() + 1, arguments.end()});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
  }
  std::fprintf(stderr, "usage: sagemaker-cpp-image train | serve\n");
  return 2;
}
