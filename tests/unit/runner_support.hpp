// What the tests of the runner share: scripts as images, lines that a container wrote, sandboxes of both
// kinds.
#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/runner/container.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using local::runner::Sandbox;

inline fs::path write_script(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  fs::permissions(file, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
  return file;
}

inline std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The wait status of a child process that does this as an ordinary user, whom permissions keep out; SIGALRM
// ends it where it hangs.
inline int as_ordinary_user(const std::function<void()>& work) {
  constexpr unsigned seconds = 30, nobody = 65534;
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(seconds);
    if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1);  // may look at its own /proc
    try {
      work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(2);
    }
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

// Collects lines from any thread.
class Lines {
 public:
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool contains(const std::string& text) const {
    for (const std::string& line : all()) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }
  // What follows "name=" in the first line that begins so.
  std::string value_of(const std::string& name) const {
    for (const std::string& line : all()) {
      if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    return "(absent)";
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Polls a condition that another process brings about; false after 20 s, which no correct run needs.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Whether a process of this machine has `marker` in its command line; a zombie has none.
inline bool process_exists(const std::string& marker) {
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    if (read_text(it->path() / "cmdline").find(marker) != std::string::npos) return true;
  }
  return false;
}

inline const Sandbox& plain_sandbox() {
  static const Sandbox sandbox(Sandbox::Mode::none);
  return sandbox;
}

// nullptr, with a note, where bubblewrap does not work on this machine.
inline const Sandbox* isolated_sandbox() {
  static const Sandbox sandbox(Sandbox::Mode::detect);
  if (sandbox.isolated()) return &sandbox;
  skip(sandbox.description());
  return nullptr;
}

// Runs a check in both kinds of sandbox.
inline void in_both_sandboxes(const std::function<void(const Sandbox&)>& check) {
  SUBCASE("without a sandbox") { check(plain_sandbox()); }
  SUBCASE("in bubblewrap") {
    if (const Sandbox* sandbox = isolated_sandbox()) check(*sandbox);
  }
}

}  // namespace sagemaker::tests
