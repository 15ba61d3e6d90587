// The Python of this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

// SAGEMAKER_PYTHON (what sagemaker-local's --python names), else python3 or python on the PATH. Throws
// std::runtime_error saying what to install.
std::filesystem::path find_python(const container::Variables& variables);

// What an interpreter tells of itself.
struct PythonFacts {
  std::filesystem::path executable;  // the real one, where `python` is a starter that chooses a version
  std::string version;               // as sys.version has it, with how it was built
  bool virtual_environment = false;
  std::vector<std::filesystem::path> site_packages;
  bool has_setuptools = false;
};

// Starts it. Throws std::runtime_error with what it says where it does not work.
PythonFacts ask_python(const std::filesystem::path& python);

}  // namespace sagemaker::local::images
