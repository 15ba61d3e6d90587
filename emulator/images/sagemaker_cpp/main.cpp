// sagemaker-cpp-image: what stands in for a container image with a C++ compiler. Started as the image would
// be, with "train" or "serve", it finds the user's code, compiles it (or finds it compiled) and becomes that
// program; so it does with a source file and its arguments, as an interpreter with its script.
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
[[noreturn]] void become(const fs::path& program, std::string name, std::vector<std::string> arguments,
                         const Variables& variables) {
  set_libtorch_defaults(variables);
  std::fflush(stdout);
  std::vector<char*> argv{name.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
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
  become(server, server.filename().string(), {"serve"}, variables);
}

fs::path base_directory(const Variables& variables) {
  const auto base = variables.find("SAGEMAKER_BASE_DIR");
  return base == variables.end() ? fs::path("/opt/ml") : fs::path(base->second);
}

fs::path build(const Source& source, const fs::path& base, const Variables& variables) {
  const auto toolchain = read_toolchain(toolchain_file());
  fs::path cache = cache_directory("cpp", variables);
  if (cache.empty()) cache = base / "build";
  return build_program(source, toolchain, cache);
}

bool is_source_file(const std::string& argument) {
  const std::string extension = fs::path(argument).extension().string();
  return extension == ".cpp" || extension == ".cc" || extension == ".cxx";
}

// The folder that is compiled is the one where ScriptProcessor puts a job's code, else that of the file.
Source source_of(const fs::path& file, const fs::path& base) {
  const fs::path path = fs::absolute(file).lexically_normal();
  const fs::path code = fs::absolute(base / "processing/input/code").lexically_normal();
  const fs::path below = path.lexically_relative(code);
  if (below.empty() || *below.begin() == "..") return {path.parent_path(), path.filename().string()};
  return {code, below.string()};
}

// Of a processing job: what the compiler finds wrong is its exit message, where the job's description shows
// it.
int run_file(const fs::path& file, const std::vector<std::string>& arguments) {
  const Variables variables = sagemaker::container::process_variables();
  const fs::path base = base_directory(variables);
  const auto fail = [&](const std::string& message, const std::string& shown) {
    std::fflush(stdout);
    std::fprintf(stderr, "Error: %s\n", message.c_str());
    write_message(base / "output", failure_text({.message = message, .command = shown}));
    return 1;
  };
  try {
    const Source source = source_of(file, base);
    // A CMake project need not have a file of the program's name.
    if (!fs::exists(file) && !fs::exists(source.directory / image.project_file))
      throw std::runtime_error("there is no file " + file.string());
    become(build(source, base, variables), file.string(), arguments, variables);
  } catch (const BuildError& error) {
    return fail(error.what(), error.command());
  } catch (const std::exception& error) {
    return fail(error.what(), "sagemaker-cpp-image " + file.string());
  }
}

int start(const std::string& command) {
  const Variables variables = sagemaker::container::process_variables();
  fs::path output_dir = base_directory(variables) / "output";
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
    const fs::path program = build(source, env.base_dir, variables);
    fs::current_path(source.directory);
    become(program, source.program, {command}, variables);
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
  if (!arguments.empty() && is_source_file(arguments[0]))
    return run_file(arguments[0], {arguments.begin() + 1, arguments.end()});
  if (!arguments.empty() && arguments[0] == "--record") {
    try {
      return record_command({arguments.begin() + 1, arguments.end()});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
  }
  std::fprintf(stderr, "usage: sagemaker-cpp-image train | serve | FILE.cpp [argument...]\n");
  return 2;
}
