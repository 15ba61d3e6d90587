// See requirements.hpp. The format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
#include "emulator/images/sagemaker_python/requirements.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

// The value of "-r FILE", "-rFILE", "--requirement FILE", "--requirement=FILE"; empty where it is another
// line.
std::string option_value(std::string_view line, std::string_view letter, std::string_view word) {
  for (const std::string_view option : {word, letter}) {
    if (!line.starts_with(option)) continue;
    line.remove_prefix(option.size());
    const auto first = line.find_first_not_of(" \t=");
    return first == std::string_view::npos ? "" : std::string(line.substr(first));
  }
  return "";
}

std::string without_comment(const std::string& line) {
  std::string_view text = line;
  if (const auto comment = text.find(" #"); comment != std::string_view::npos) text = text.substr(0, comment);
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos || text[first] == '#') return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

bool is_local(std::string_view line) {
  if (line.find("file:") != std::string_view::npos) return true;
  if (is_url(line)) return false;
  return line.starts_with('.') || line.find('/') != std::string_view::npos || line.ends_with(".whl") ||
         line.ends_with(".gz") || line.ends_with(".zip");
}

void read(const fs::path& file, Requirements& found, std::set<fs::path>& seen) {
  if (!seen.insert(file.lexically_normal()).second) return;
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  found.text += file.filename().string() + "\n" + text + "\n";
  std::istringstream lines(text);
  for (std::string raw; std::getline(lines, raw);) {
    const std::string line = without_comment(raw);
    std::string included = option_value(line, "-r", "--requirement");
    if (included.empty()) included = option_value(line, "-c", "--constraint");
    if (!included.empty() && !is_url(included)) {
      read(file.parent_path() / included, found, seen);
    } else if (included.empty()) {
      found.editable |= !option_value(line, "-e", "--editable").empty() && !is_url(line);
      found.local |= is_local(line);
    }
  }
}

}  // namespace

Requirements read_requirements(const fs::path& file) {
  Requirements found;
  std::set<fs::path> seen;
  read(file, found, seen);
  return found;
}

}  // namespace sagemaker::local::images
