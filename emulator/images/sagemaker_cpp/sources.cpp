// See sources.hpp.
#include "emulator/images/sagemaker_cpp/sources.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "emulator/images/script/folder_hash.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

bool is_hidden(const fs::path& file) {
  return std::any_of(file.begin(), file.end(),
                     [](const fs::path& part) { return part.string().starts_with('.'); });
}

bool is_source(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".cpp" || extension == ".cc" || extension == ".cxx" || extension == ".C";
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The end of the comment or text that begins at `at`, or `at` where there is none.
std::size_t after_comment_or_text(std::string_view code, std::size_t at) {
  const std::string_view rest = code.substr(at);
  const auto end_of = [&](std::string_view mark, std::size_t from) {
    const auto found = code.find(mark, at + from);
    return found == std::string_view::npos ? code.size() : found + mark.size();
  };
  if (rest.starts_with("//")) return end_of("\n", 2);
  if (rest.starts_with("/*")) return end_of("*/", 2);
  if (rest.starts_with("R\"")) {
    const auto open = rest.find('(');
    if (open != std::string_view::npos && open <= 18) {
      std::string closing(")");
      closing.append(rest.substr(2, open - 2)).append("\"");
      return end_of(closing, open);
    }
  }
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return at;
  if (rest.front() == '\'' && at > 0 && is_word(code[at - 1])) return at;  // 1'000'000
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == rest.front() || rest[i] == '\n') {
      return at + i + 1;
    }
  }
  return code.size();
}

}  // namespace

bool defines_main(const std::string& text) {
  // Words and parentheses that follow each other: int main (
  std::string before, word;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t skipped = after_comment_or_text(text, at);
    if (skipped != at) {
      at = skipped;
      continue;
    }
    const char c = text[at++];
    if (is_word(c)) {
      if (at >= 2 && !is_word(text[at - 2])) {
        before = word;
        word.clear();
      }
      word += c;
    } else if (c == '(') {
      if (word == "main" && (before == "int" || before == "auto")) return true;
    } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      word.clear();
      before.clear();
    }
  }
  return false;
}

bool includes_torch(const Source& source) {
  for (const fs::path& file : files_of(source.directory)) {
    const std::string text = read_file(source.directory / file);
    for (const char* const header : {"sagemaker/container", "torch/", "ATen/", "c10/"}) {
      if (text.find(header) != std::string::npos) return true;
    }
  }
  return false;
}

std::vector<fs::path> translation_units(const Source& source) {
  const fs::path entry = fs::path(source.program).lexically_normal();
  if (!is_source(entry)) {
    throw std::runtime_error("the entry point " + source.program +
                             " is no C++ file (.cpp, .cc or .cxx), and there is no "
                             "CMakeLists.txt");
  }
  std::vector<fs::path> units = {entry};
  for (const fs::path& file : files_of(source.directory)) {
    if (file != entry && is_source(file) && !is_hidden(file) &&
        !defines_main(read_file(source.directory / file)))
      units.push_back(file);
  }
  return units;
}

}  // namespace sagemaker::local::images
