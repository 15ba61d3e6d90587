// Child processes of an image's program: compilers, pip, the user's script.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local::images {

struct Command {
  std::vector<std::string> argv;
  std::filesystem::path directory;
  std::map<std::string, std::string> environment = {};  // all of it; empty: that of this process
  std::function<void(std::string_view)> on_output = {};
  bool shown = true;  // in the log
};

struct CommandEnd {
  int code = 0;          // of a program that ended by itself; 127 where it could not be started
  int signal = 0;        // that ended it, 0: none
  bool stopped = false;  // SIGTERM or SIGINT came meanwhile
  // As a shell tells it: 128 + signal.
  int exit_code() const { return signal > 0 ? 128 + signal : code; }
  // As Python's subprocess tells it: -signal.
  int return_code() const { return signal > 0 ? -signal : code; }
};

// Runs to its end. stdout and stderr go to standard output as they come, which is the job's log. A SIGTERM or
// SIGINT that reaches this process meanwhile goes on to the command. What the command leaves running in the
// background is not waited for. Throws std::runtime_error where no process can be made.
CommandEnd run(const Command& command);

struct CommandResult {
  int exit_code = 0;   // 128 + signal where a signal ended it
  std::string output;  // stdout and stderr, in the order in which they came
};

// For commands whose output is wanted whole.
CommandResult run_command(const std::vector<std::string>& argv, const std::filesystem::path& directory);

}  // namespace sagemaker::local::images
