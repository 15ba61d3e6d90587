// See toolchain.hpp.
#include "emulator/images/sagemaker_cpp/toolchain.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <sys/stat.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>

#include "emulator/images/script/command.hpp"

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

json read_json(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    throw std::runtime_error("the description of the compiler is missing: " + file.string() +
                             " (the target sagemaker_cpp_sample of sagemaker-cpp's build writes it)");
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  try {
    return aws::parse_json(text);
  } catch (const aws::JsonError& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
}

bool is_source_or_object(const std::string& word) {
  const std::string extension = fs::path(word).extension().string();
  return !word.starts_with('-') && (extension == ".cpp" || extension == ".o" || extension == ".obj");
}

// The flags of a recorded command: not what names the recorded file, and no warnings, which are for our own
// code.
std::vector<std::string> flags_of(const json& recorded) {
  std::vector<std::string> flags;
  const auto& words = recorded.at("command");
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto& word = words[i].get_ref<const std::string&>();
    if (word == "-o" || word == "-MT" || word == "-MF" || word == "-MQ") {
      ++i;
    } else if (word != "-c" && word != "-MD" && word != "-MMD" && !is_source_or_object(word) &&
               !(word.starts_with("-W") && !word.starts_with("-Wl,")) &&
               !word.starts_with("-fdiagnostics-color")) {
      flags.push_back(word);
    }
  }
  return flags;
}

// Size and time of last change: enough to see that a file was built anew.
std::string stamp_of(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return file.string() + " absent\n";
  return file.string() + " " + std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) +
         "." + std::to_string(status.st_mtim.tv_nsec) + "\n";
}

}  // namespace

std::vector<std::string> Toolchain::compile_flags_without_pch() const {
  std::vector<std::string> flags;
  for (std::size_t i = 0; i < compile_flags.size(); ++i) {
    const std::string& word = compile_flags[i];
    if (word == "-include" && i + 1 < compile_flags.size()) {
      ++i;
    } else if (word == "-Xclang" && i + 1 < compile_flags.size()) {
      // CMake gives clang "-Xclang -include-pch -Xclang FILE -Xclang -include -Xclang FILE".
      const std::string& next = compile_flags[++i];
      if (next == "-include-pch" || next == "-include") {
        i += 2;
      } else {
        flags.insert(flags.end(), {word, next});
      }
    } else {
      flags.push_back(word);
    }
  }
  return flags;
}

Toolchain read_toolchain(const fs::path& file) {
  const json document = read_json(file);
  try {
    Toolchain toolchain;
    toolchain.compiler = document.at("compile").at("command").at(0).get<std::string>();
    toolchain.compile_flags = flags_of(document.at("compile"));
    toolchain.link_flags = flags_of(document.at("link"));
    toolchain.package_directory = document.at("package_directory").get<std::string>();
    toolchain.torch_directory = document.at("torch_directory").get<std::string>();
    std::string facts = aws::dump_json(document) + stamp_of(toolchain.compiler);
    // The libraries, and the precompiled header, which is made anew when any header in it changes.
    for (const std::string& word : toolchain.link_flags) {
      if (word.starts_with('/')) facts += stamp_of(word);
    }
    for (const std::string& word : toolchain.compile_flags) {
      if (word.starts_with('/')) facts += stamp_of(word) + stamp_of(word + ".gch") + stamp_of(word + ".pch");
    }
    toolchain.fingerprint = aws::sha256_hex(facts);
    return toolchain;
  } catch (const json::exception& error) {
    throw std::runtime_error(file.string() +
                             " is not what the build of this program writes: " + error.what());
  }
}

fs::path toolchain_file() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() /
         "share/sagemaker/cpp-toolchain.json";
}

int record_command(const std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (dashes - arguments.begin() < 2 || arguments.end() - dashes < 2) {
    throw std::runtime_error("--record needs FILE STEP [KEY=VALUE ...] -- COMMAND");
  }
  const fs::path file = arguments[0];
  const std::vector<std::string> command(dashes + 1, arguments.end());
  json document = fs::exists(file) ? read_json(file) : json::object();
  for (auto fact = arguments.begin() + 2; fact != dashes; ++fact) {
    document[fact->substr(0, fact->find('='))] = fact->substr(fact->find('=') + 1);
  }
  json words = json::array();
  for (const std::string& word : command) {
    // Ninja names the products of the build relative to its own folder.
    const bool relative = !word.starts_with('-') && !word.starts_with('/') && fs::exists(word);
    words.push_back(relative ? fs::absolute(word).lexically_normal().string() : word);
  }
  document[arguments[1]] = {{"command", std::move(words)}};
  const fs::path temporary = file.string() + ".new";
  std::ofstream(temporary, std::ios::binary) << aws::dump_json(document, 2) << '\n';
  fs::rename(temporary, file);
  return run_command(command, fs::current_path()).exit_code;
}

}  // namespace sagemaker::local::images
