// Runs a compiler (or CMake) as a child process, with all that it prints in our own output: the job's log.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sagemaker::local::images {

struct CommandResult {
  int exit_code = 0;   // 128 + signal where a signal ended it
  std::string output;  // stdout and stderr, in the order in which they came
};

// Throws std::runtime_error where it cannot be started. The output is copied to standard output as it comes.
CommandResult run_command(const std::vector<std::string>& argv, const std::filesystem::path& directory);

}  // namespace sagemaker::local::images
