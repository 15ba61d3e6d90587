// See commands.hpp.
#include "emulator/images/sagemaker_python/commands.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <unistd.h>

#include <sagemaker/container/environment.hpp>

#include "emulator/images/sagemaker_python/python.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr int not_found = 127;  // as a shell says it

bool leads_here(const fs::path& program) {
  std::error_code error;
  return fs::equivalent(program, "/proc/self/exe", error) && !error;
}

// The search path without the folders where this program is what python3 names.
std::string others_of(std::string_view search_path) {
  std::string others;
  for (std::size_t begin = 0; begin <= search_path.size();) {
    const std::size_t end = std::min(search_path.find(':', begin), search_path.size());
    const std::string_view folder = search_path.substr(begin, end - begin);
    if (!folder.empty() && !leads_here(fs::path(folder) / "python3"))
      others.append(others.empty() ? "" : ":").append(folder);
    begin = end + 1;
  }
  return others;
}

bool is_script(const fs::path& program) {
  std::array<char, 2> start{};
  std::ifstream(program, std::ios::binary).read(start.data(), start.size());
  return std::string_view(start.data(), start.size()) == "#!";
}

// The interpreter itself, where a script starts it. That may search the PATH for itself, and must not find
// this program there.
fs::path real_python(container::Variables variables) {
  const std::string path = variables["PATH"];
  variables["PATH"] = others_of(path);
  const fs::path python = find_python(variables);
  if (!is_script(python)) return python;
  ::setenv("PATH", variables["PATH"].c_str(), 1);
  const fs::path real = ask_python(python).executable;
  ::setenv("PATH", path.c_str(), 1);
  return real;
}

}  // namespace

bool is_python_command(const std::string& name) {
  return name == "python" || name == "python3" || name == "pip" || name == "pip3";
}

int become_python_command(const std::string& name, std::vector<std::string> arguments) {
  try {
    std::string python = real_python(container::process_variables()).string();
    if (name.starts_with("pip")) arguments.insert(arguments.begin(), {"-m", "pip"});
    std::vector<char*> argv{python.data()};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(python.c_str(), argv.data());
    throw std::runtime_error(python + " cannot be started: " + std::strerror(errno));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return not_found;
  }
}

}  // namespace sagemaker::local::images
