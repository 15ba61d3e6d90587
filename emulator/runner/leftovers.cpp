#include "emulator/runner/leftovers.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> command_of(const fs::path& process) {
  std::ifstream file(process / "cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

}  // namespace

std::vector<pid_t> end_leftovers(const fs::path& work) {
  std::vector<pid_t> ended;
  const std::string below = (work / "").string();
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto pid = static_cast<pid_t>(std::atol(it->path().filename().c_str()));
    if (pid <= 1 || pid == ::getpid()) continue;
    const std::vector<std::string> command = command_of(it->path());
    if (command.empty() || fs::path(command.front()).filename() != "bwrap") continue;
    const bool ours = std::any_of(command.begin(), command.end(),
                                  [&](const std::string& word) { return word.starts_with(below); });
    if (ours && ::kill(pid, SIGKILL) == 0) ended.push_back(pid);
  }
  return ended;
}

}  // namespace sagemaker::local::runner
