// See process_limit.hpp.
#include "emulator/runner/process_limit.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <signal.h>
#include <unistd.h>

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;

constexpr const char* root = "/sys/fs/cgroup";
constexpr const char* name_prefix = "sagemaker-local-";

// The control group of this process, below which new ones can be made; empty: none.
fs::path own_group() {
  std::error_code ignored;
  const bool unified = fs::exists(fs::path(root) / "cgroup.controllers", ignored);
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::string key = unified ? "0::" : ":pids:";
    const std::size_t at = line.find(key);
    if (at == std::string::npos) continue;
    const fs::path base = unified ? fs::path(root) : fs::path(root) / "pids";
    return base / fs::path(line.substr(at + key.size())).relative_path();
  }
  return {};
}

// What an emulator that was killed has left behind: groups without processes.
void sweep(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (!name.starts_with(name_prefix)) continue;
    const pid_t owner = std::atoi(name.c_str() + std::string_view(name_prefix).size());
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) ::rmdir(it->path().c_str());
  }
}

bool write_file(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}

}  // namespace

std::unique_ptr<ProcessLimit> ProcessLimit::make(std::uint64_t processes_max) {
  if (processes_max == 0 || ::geteuid() != 0) return nullptr;
  static const fs::path parent = own_group();
  static std::atomic<unsigned> count = 0;
  static std::once_flag swept;
  if (parent.empty()) return nullptr;
  std::call_once(swept, [] { sweep(parent); });
  const fs::path folder = parent / (name_prefix + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::error_code error;
  if (!fs::create_directory(folder, error)) return nullptr;
  std::unique_ptr<ProcessLimit> limit(new ProcessLimit(folder));
  if (!fs::exists(folder / "pids.max", error)) return nullptr;  // v2 without the controller
  return write_file(folder / "pids.max", std::to_string(processes_max)) ? std::move(limit) : nullptr;
}

ProcessLimit::~ProcessLimit() {
  // The last process may still be on its way out; what cannot be removed is swept at the next start.
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::rmdir(folder_.c_str()) == 0 || errno != EBUSY) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::uint64_t process_rlimit(std::uint64_t processes_max) {
  // "0.20 0.18 0.12 1/80 11206": the number behind the slash counts every thread of the machine.
  std::ifstream load("/proc/loadavg");
  std::string skipped;
  std::uint64_t running = 0, all = 0;
  char slash = 0;
  load >> skipped >> skipped >> skipped >> running >> slash >> all;
  return (load ? all : 4096) + processes_max;
}

}  // namespace sagemaker::local::runner
