// See python.hpp.
#include "emulator/images/sagemaker_python/python.hpp"

#include <stdexcept>

#include <sagemaker/aws/json.hpp>

#include "emulator/images/interpreter.hpp"
#include "emulator/images/script/command.hpp"

namespace sagemaker::local::images {
namespace {

constexpr const char* question =
    "import importlib.util, json, site, sys; print(json.dumps([sys.executable, sys.version, "
    "sys.prefix != sys.base_prefix, site.getsitepackages(), "
    "importlib.util.find_spec('setuptools') is not None]))";

}  // namespace

std::filesystem::path find_python(const container::Variables& variables) {
  const auto value = [&](const char* name) -> std::string {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
  const std::string path = value("PATH"), named = value("SAGEMAKER_PYTHON");
  if (!named.empty()) {
    if (const auto found = find_executable(named, path); !found.empty()) return found;
    throw std::runtime_error("there is no Python interpreter " + named + ", which --python names");
  }
  for (const char* const name : {"python3", "python"}) {
    if (const auto found = find_executable(name, path); !found.empty()) return found;
  }
  throw std::runtime_error(
      "there is no python3 on this machine's PATH: install it (on Debian and Ubuntu: apt-get install python3 "
      "python3-pip), or name an interpreter with sagemaker-local --python FILE");
}

PythonFacts ask_python(const std::filesystem::path& python) {
  std::string output;
  Command command{.argv = {python.string(), "-I", "-c", question}, .directory = "/"};
  command.on_output = [&](std::string_view text) { output.append(text); };
  command.shown = false;
  const CommandEnd end = run(command);
  try {
    if (end.exit_code() != 0) throw std::runtime_error(output);
    const json facts = aws::parse_json(output);
    PythonFacts told{facts.at(0).get<std::string>(),
                     facts.at(1).get<std::string>(),
                     facts.at(2).get<bool>(),
                     {},
                     facts.at(4).get<bool>()};
    for (const json& folder : facts.at(3)) told.site_packages.emplace_back(folder.get<std::string>());
    return told;
  } catch (const std::exception& error) {
    throw std::runtime_error("the Python interpreter " + python.string() + " does not work: " + error.what());
  }
}

}  // namespace sagemaker::local::images
