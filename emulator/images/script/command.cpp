// See command.hpp.
#include "emulator/images/script/command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sagemaker::local::images {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

class Descriptor {
 public:
  Descriptor(int fd, const char* what) : fd_(fd) {
    if (fd_ < 0) fail(what);
  }
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// While it lives, SIGTERM and SIGINT are read from a descriptor.
class StopSignals {
 public:
  StopSignals()
      : signals_(blocked()), fd_(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd") {
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~StopSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  int get() const { return fd_.get(); }
  const sigset_t& before() const { return before_; }

  // The next one; 0: none.
  int next() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  static sigset_t blocked() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    return set;
  }
  sigset_t signals_;
  sigset_t before_{};
  Descriptor fd_;
};

void copy_out(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDOUT_FILENO, data, size);
    if (written < 0 && errno != EINTR) return;  // nobody reads the log any more
    if (written <= 0) continue;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child.
[[noreturn]] void execute(const Command& command, char* const* arguments, char* const* variables, int output,
                          const sigset_t& mask) {
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (::chdir(command.directory.c_str()) == 0) ::execvpe(arguments[0], arguments, variables);
  const std::string message = command.argv.front() + ": " + std::strerror(errno) + "\n";
  copy_out(message.data(), message.size());
  ::_exit(127);
}

// The number of bytes; 0 where there are no more, now or ever.
std::size_t read_output(int fd, const Command& command) {
  char buffer[16384];
  ssize_t size = ::read(fd, buffer, sizeof buffer);
  while (size < 0 && errno == EINTR) size = ::read(fd, buffer, sizeof buffer);
  if (size <= 0) return 0;
  if (command.shown) copy_out(buffer, static_cast<std::size_t>(size));
  if (command.on_output) command.on_output({buffer, static_cast<std::size_t>(size)});
  return static_cast<std::size_t>(size);
}

// What the command wrote last is in the pipe by now; what others write there may have no end.
void read_rest(int fd, const Command& command) {
  int held = 0;
  ::ioctl(fd, FIONREAD, &held);
  for (std::size_t left = held > 0 ? static_cast<std::size_t>(held) : 0; left > 0;) {
    const std::size_t size = read_output(fd, command);
    if (size == 0) return;
    left -= std::min(left, size);
  }
}

void follow(const Command& command, int output, int child, const StopSignals& signals, CommandEnd& end) {
  std::array<pollfd, 3> watched{{{output, POLLIN, 0}, {child, POLLIN, 0}, {signals.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    for (int signal = signals.next(); signal != 0; signal = signals.next()) {
      end.stopped = true;
      ::syscall(SYS_pidfd_send_signal, child, signal, nullptr, 0);
    }
    if (watched[1].revents != 0) break;
    if (watched[0].revents != 0 && read_output(output, command) == 0) watched[0].fd = -1;
  }
  read_rest(output, command);
}

}  // namespace

CommandEnd run(const Command& command) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> pairs = pointers(variables);
  const std::vector<char*> arguments = pointers(command.argv);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
  const Descriptor output(ends[0], "pipe");
  Descriptor input(ends[1], "pipe");
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  const StopSignals signals;
  const pid_t pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    execute(command, arguments.data(), command.environment.empty() ? ::environ : pairs.data(), input.get(),
            signals.before());
  }
  input.close();
  CommandEnd end;
  {
    const Descriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
    follow(command, output.get(), child.get(), signals, end);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  (WIFSIGNALED(status) ? end.signal : end.code) =
      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return end;
}

CommandResult run_command(const std::vector<std::string>& argv, const std::filesystem::path& directory) {
  CommandResult result;
  Command command{.argv = argv, .directory = directory};
  command.on_output = [&](std::string_view text) { result.output.append(text); };
  result.exit_code = run(command).exit_code();
  return result;
}

}  // namespace sagemaker::local::images
