// See command.hpp.
#include "emulator/images/sagemaker_cpp/command.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sagemaker::local::images {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void copy_out(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDOUT_FILENO, data, size);
    if (written < 0 && errno != EINTR) return;  // nobody reads the log any more
    if (written <= 0) continue;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& argv, const std::filesystem::path& directory) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    if (::chdir(directory.c_str()) == 0) ::execvp(arguments.front(), arguments.data());
    const std::string message = argv.front() + ": " + std::strerror(errno) + "\n";
    copy_out(message.data(), message.size());
    ::_exit(127);
  }
  ::close(ends[1]);
  CommandResult result;
  char buffer[16384];
  for (;;) {
    const ssize_t size = ::read(ends[0], buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    result.output.append(buffer, static_cast<std::size_t>(size));
    copy_out(buffer, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  result.exit_code = wait_for(child);
  return result;
}

}  // namespace sagemaker::local::images
