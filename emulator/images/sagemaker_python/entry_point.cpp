// See entry_point.hpp.
#include "emulator/images/sagemaker_python/entry_point.hpp"

#include <cctype>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

bool is_plain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._+-/").find(c) != std::string_view::npos;
}

// As a POSIX shell reads it back.
std::string quoted(const std::string& word) {
  bool plain = !word.empty();
  for (const char c : word) {
    plain = plain && (is_plain(c) || std::string_view("@%=:,").find(c) != std::string_view::npos);
  }
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
  return out + "'";
}

}  // namespace

EntryKind kind_of(const Source& source) {
  if (source.program.ends_with(".sh")) return EntryKind::command;
  if (fs::exists(source.directory / "setup.py")) return EntryKind::package;
  return source.program.ends_with(".py") ? EntryKind::script : EntryKind::command;
}

void check_entry_point(const std::string& program) {
  bool plain = !program.empty() && !program.starts_with('-') && !program.starts_with('/');
  for (const char c : program) plain = plain && is_plain(c);
  for (const fs::path& part : fs::path(program)) plain = plain && part != "." && part != "..";
  if (plain) return;
  throw std::runtime_error(
      "the entry point '" + program +
      "' cannot be used: its name may hold letters, digits and . _ + - /, must not begin with - "
      "or / and must lie inside the source folder");
}

std::vector<std::string> command_of(const Source& source, EntryKind kind, const fs::path& python,
                                    const std::vector<std::string>& arguments) {
  std::vector<std::string> argv;
  if (kind == EntryKind::command) {
    std::error_code ignored;
    fs::permissions(source.directory / source.program, fs::perms::all, ignored);
    std::string line = "./" + source.program;
    for (const std::string& argument : arguments) line += " " + quoted(argument);
    return {"/bin/sh", "-c", line};
  }
  argv.push_back(python.string());
  if (kind == EntryKind::package) {
    const bool file = source.program.ends_with(".py");
    argv.insert(argv.end(),
                {"-m", file ? source.program.substr(0, source.program.size() - 3) : source.program});
  } else {
    argv.push_back(source.program);
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace sagemaker::local::images
