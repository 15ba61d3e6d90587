// See interpreter.hpp.
#include "emulator/images/interpreter.hpp"

#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t first_line_max = 256;  // Linux reads no more of it

bool is_program(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

// Of "env [-S] [NAME=VALUE ...] program ...".
std::string program_of_env(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with('-') && words[i].find('=') == std::string::npos) return words[i];
  }
  return "";
}

}  // namespace

fs::path find_executable(const std::string& name, std::string_view search_path) {
  if (name.find('/') != std::string::npos) return is_program(name) ? fs::path(name) : fs::path();
  while (!search_path.empty()) {
    const auto colon = search_path.find(':');
    const fs::path folder(search_path.substr(0, colon));
    if (folder.is_absolute() && is_program(folder / name)) return folder / name;
    search_path = colon == std::string_view::npos ? std::string_view() : search_path.substr(colon + 1);
  }
  return {};
}

std::string interpreter_fault(const fs::path& program, std::string_view search_path) {
  std::ifstream stream(program, std::ios::binary);
  std::string line(first_line_max, '\0');
  stream.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(stream.gcount()));
  if (!line.starts_with("#!")) return "";
  line = line.substr(2, line.find('\n') == std::string::npos ? std::string::npos : line.find('\n') - 2);
  if (line.ends_with('\r'))
    return "its lines end as on Windows, and no interpreter is named so; save it with Unix line ends";
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  if (words.empty()) return "its first line names no interpreter";
  if (words[0].starts_with("/opt/ml/")) return "";  // the container's own
  if (words[0].starts_with('/') && !is_program(words[0]))
    return "its interpreter " + words[0] + ", named in its first line, is not on this machine";
  if (fs::path(words[0]).filename() != "env") return "";
  const std::string wanted = program_of_env(words);
  if (wanted.empty() || !find_executable(wanted, search_path).empty()) return "";
  return "its interpreter '" + wanted + "', named in its first line, is not on the PATH of this machine";
}

}  // namespace sagemaker::local::images
