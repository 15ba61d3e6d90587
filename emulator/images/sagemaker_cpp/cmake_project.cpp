// See cmake_project.hpp. Which executables there are is read from CMake's file API:
// https://cmake.org/cmake/help/latest/manual/cmake-file-api.7.html
#include "emulator/images/sagemaker_cpp/cmake_project.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/images/sagemaker_cpp/build.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

json read_reply(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return aws::parse_json(
      std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
}

// Name -> file of the executables that the project builds.
std::map<std::string, fs::path> executables_of(const fs::path& build) {
  const fs::path replies = build / ".cmake/api/v1/reply";
  std::map<std::string, fs::path> executables;
  for (const auto& entry : fs::directory_iterator(replies)) {
    if (!entry.path().filename().string().starts_with("target-")) continue;
    const json target = read_reply(entry.path());
    if (target.value("type", "") != "EXECUTABLE" || target.value("isGeneratorProvided", false)) continue;
    executables[target.at("name").get<std::string>()] =
        build / target.at("artifacts").at(0).at("path").get<std::string>();
  }
  return executables;
}

fs::path choose(const std::map<std::string, fs::path>& executables, const std::string& program) {
  for (const std::string& name : {program, fs::path(program).stem().string()}) {
    const auto found = executables.find(name);
    if (found != executables.end()) return found->second;
  }
  if (executables.size() == 1) return executables.begin()->second;
  std::string names;
  for (const auto& [name, file] : executables) names += (names.empty() ? "" : ", ") + name;
  throw std::runtime_error("the CMake project builds no executable named " +
                           fs::path(program).stem().string() + " after the entry point " + program +
                           "; it builds: " + (names.empty() ? "none" : names));
}

void run(const std::vector<std::string>& argv, const fs::path& directory, const std::string& shown) {
  const CommandResult result = run_command(argv, directory);
  if (result.exit_code != 0) throw BuildError(first_error(result), shown);
}

std::string_view without_blanks(std::string_view line) {
  const auto first = line.find_first_not_of(" \t\r");
  const auto last = line.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : line.substr(first, last - first + 1);
}

}  // namespace

std::string first_error(const CommandResult& result) {
  std::string last;
  std::string_view rest = result.output;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = without_blanks(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    for (const std::string_view mark :
         {"error: ", "CMake Error", "undefined reference", "undefined symbol"}) {
      if (line.find(mark) == std::string_view::npos) continue;
      // CMake tells what is wrong in the next line.
      const bool cmake = mark == "CMake Error" && line.ends_with(':');
      const auto next = cmake ? without_blanks(rest.substr(0, rest.find('\n'))) : std::string_view();
      return std::string(line) + (next.empty() ? "" : " " + std::string(next));
    }
    if (!line.empty()) last = line;
  }
  return last.empty() ? "exit code " + std::to_string(result.exit_code) : last;
}

fs::path build_cmake_project(const Source& source, const Toolchain& toolchain, const fs::path& build,
                             std::size_t at_once) {
  const fs::path query = build / ".cmake/api/v1/query";
  fs::create_directories(query);
  std::ofstream(query / "codemodel-v2", std::ios::binary);
  std::vector<std::string> configure = {
      "cmake",
      "-S",
      source.directory.string(),
      "-B",
      build.string(),
      "-DCMAKE_BUILD_TYPE=Release",
      "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON",  // the folder is renamed when it is complete
      "-DCMAKE_CXX_COMPILER=" + toolchain.compiler,
      "-Dsagemaker_DIR=" + toolchain.package_directory.string()};
  if (!toolchain.torch_directory.empty())
    configure.push_back("-DTorch_DIR=" + toolchain.torch_directory.string());
  run(configure, source.directory, "cmake -S " + source.directory.string());
  const fs::path executable = choose(executables_of(build), source.program);
  run({"cmake", "--build", build.string(), "--parallel", std::to_string(at_once)}, source.directory,
      "cmake --build");
  if (!fs::exists(executable))
    throw std::runtime_error("the CMake project did not build " + executable.string());
  return executable;
}

}  // namespace sagemaker::local::images
