// What a child process needs between its creation and execve, prepared before: there it may not allocate.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/resource.h>

#include "emulator/runner/process.hpp"

namespace sagemaker::local::runner {

struct PreparedExec {
  explicit PreparedExec(const SpawnRequest& request);
  PreparedExec(const PreparedExec&) = delete;
  PreparedExec& operator=(const PreparedExec&) = delete;

  // In the child: session, limits, descriptors, signals, execve. Returns only on failure, with errno.
  void execute(const sigset_t& mask);

  // Creates the child with shared memory and runs execute() in it; returns once it has executed or failed.
  // `error` is errno of what failed, 0 where the program runs. -1 where there is no child.
  pid_t clone_and_execute(int* pidfd);

  std::vector<std::string> argv_text, environment_text;
  std::vector<char*> argv, environment;
  std::filesystem::path directory;
  int output = -1;
  int status = -1;
  int network = -1;
  pid_t parent = -1;
  rlimit open_files{};
  std::vector<std::pair<int, rlimit>> limits;
  std::string join_file;
  sigset_t mask_before{};
  volatile int error = 0;
};

}  // namespace sagemaker::local::runner
