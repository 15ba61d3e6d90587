// See worker.hpp.
#include "emulator/images/sagemaker_python/serving/worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/images/sagemaker_python/serving/worker_source.hpp"

namespace sagemaker::local::images {
namespace {

constexpr int worker_socket = 3;  // where boot.py expects it

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Prepared {
  char* const* arguments;
  char* const* variables;
  const char* directory;
  int socket;
};

// Between fork and exec other threads of the parent may hold any lock: system calls only.
[[noreturn]] void execute(const Prepared& prepared) {
  ::setpgid(0, 0);  // so that what it starts can be killed with it
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int signal : {SIGTERM, SIGINT, SIGPIPE, SIGCHLD}) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  if (prepared.socket == worker_socket) {
    ::fcntl(worker_socket, F_SETFD, 0);
  } else {
    ::dup2(prepared.socket, worker_socket);
  }
  ::syscall(SYS_close_range, worker_socket + 1, ~0U, 0U);  // sockets of clients, above all
  if (::chdir(prepared.directory) == 0)
    ::execve(prepared.arguments[0], prepared.arguments, prepared.variables);
  const char* const why = ::strerrordesc_np(errno);
  ::write(STDERR_FILENO, why, std::strlen(why)) < 0 ? ::_exit(126) : ::_exit(127);
}

std::string describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + ::strsignal(info.si_status) + ")";
}

}  // namespace

Worker::Sockets Worker::socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  return {ends[0], ends[1]};
}

Worker::Worker(const WorkerSpec& spec) : Worker(spec, socket_pair()) {}

Worker::Worker(const WorkerSpec& spec, Sockets sockets) : channel_(sockets.ours) {
  const std::vector<std::string> argv = {spec.python.string(), "-c", std::string(worker_boot())};
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> arguments = pointers(argv), pairs = pointers(variables);
  const Prepared prepared{arguments.data(), pairs.data(), spec.directory.c_str(), sockets.theirs};
  const pid_t pid = ::fork();
  if (pid == 0) execute(prepared);
  const int reason = errno;
  ::close(sockets.theirs);
  errno = reason;
  if (pid < 0) fail("fork");
  ::setpgid(pid, pid);
  pid_ = pid;
  json head{{"modules", json::array()}, {"settings", spec.settings}};
  std::vector<std::string_view> sources;
  for (const WorkerModule& module : worker_modules()) {
    head["modules"].push_back({module.name, module.source.size()});
    sources.push_back(module.source);
  }
  // Where this fails the process has ended, and wait_loaded says so.
  channel_.send(head, sources, Channel::Clock::now() + std::chrono::seconds(60));
}

Worker::~Worker() {
  kill();
  wait();
}

Loaded Worker::wait_loaded(Channel::Clock::time_point deadline) {
  Frame frame;
  switch (channel_.receive(frame, deadline)) {
    case Channel::Result::timed_out:
      return {.message = "the model was not loaded in time (SAGEMAKER_STARTUP_TIMEOUT)"};
    case Channel::Result::ended: {
      const auto end = ended_within(std::chrono::seconds(5));
      const bool killed = end && end->starts_with("signal 9 ");
      return {
          .status = killed ? 507 : 500,
          .message = "the worker ended while it loaded the model: " + end.value_or("it closed its socket")};
    }
    case Channel::Result::done:
      break;
  }
  if (frame.head.value("op", "") == "ready")
    return {.ok = true, .status = 200, .message = {}, .milliseconds = frame.head.value("milliseconds", 0)};
  return {.status = frame.head.value("status", 500), .message = frame.body};
}

void Worker::kill() {
  const std::lock_guard lock(mutex_);
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

std::string Worker::wait() {
  siginfo_t info{};
  {
    const std::lock_guard lock(mutex_);
    if (end_) return *end_;
  }
  // Its number stays taken until it is reaped under the lock, so that kill() never meets another process.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  ::kill(-pid_, SIGKILL);  // what it left behind
  ::waitpid(pid_, nullptr, 0);
  reaped_ = true;
  end_ = describe(info);
  return *end_;
}

std::optional<std::string> Worker::ended_within(std::chrono::milliseconds patience) {
  const auto deadline = Channel::Clock::now() + patience;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return end_;
      siginfo_t info{};
      if (!reaped_ && ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
          info.si_pid == pid_)
        return describe(info);
    }
    if (Channel::Clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace sagemaker::local::images
