// A child process that never outlives this one: started with fork and exec, its output in two files, ended by
// SIGTERM and then SIGKILL, and killed by the kernel should this process die first. LocalEmulator is built on
// it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sagemaker::detail {

class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> command;   // argv; command[0] is the program's path
    std::filesystem::path output_file;  // its standard output; truncated
    std::filesystem::path error_file;   // its standard error; appended to
  };

  // Throws std::system_error where the files cannot be opened or the process cannot be made. A program that
  // cannot be executed shows as exit status 127 with the reason in error_file.
  explicit ChildProcess(Options options) : options_(std::move(options)) {
    // The kernel sends the parent-death signal when the *thread* that forked ends. So a thread of our own
    // forks, and lives for as long as the child does.
    keeper_ = std::thread([this] { keep(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return pid_ > 0 || failure_; });
    if (failure_) {
      lock.unlock();
      keeper_.join();
      std::rethrow_exception(failure_);
    }
  }
  ~ChildProcess() { stop(std::chrono::seconds(5)); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // nullopt while it runs; else what waitpid() says.
  std::optional<int> wait_status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  bool running() const { return !wait_status().has_value(); }

  // "exited with status 1", "was ended by signal 9 (Killed)", "is running".
  std::string state() const {
    const std::optional<int> status = wait_status();
    if (!status) return "is running";
    if (WIFSIGNALED(*status)) {
      return "was ended by signal " + std::to_string(WTERMSIG(*status)) + " (" +
             ::strsignal(WTERMSIG(*status)) + ")";
    }
    return "exited with status " + std::to_string(WEXITSTATUS(*status));
  }

  void signal(int number) {
    const std::lock_guard lock(mutex_);  // under the lock: a reaped pid may belong to someone else
    if (!status_ && pid_ > 0) ::kill(pid_, number);
  }

  bool wait_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return status_.has_value(); });
  }

  // SIGTERM, `grace`, SIGKILL. Returns when the process is gone.
  void stop(std::chrono::milliseconds grace) {
    signal(SIGTERM);
    if (!wait_for(grace)) signal(SIGKILL);
    if (keeper_.joinable()) keeper_.join();
  }

  void kill() {
    signal(SIGKILL);
    if (keeper_.joinable()) keeper_.join();
  }

 private:
  static int open_file(const std::filesystem::path& path, int flags) {
    const int descriptor = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | flags, 0600);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), path.string());
    return descriptor;
  }

  void keep() {
    std::vector<char*> arguments;
    for (std::string& argument : options_.command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_t child = -1;
    int output = -1;
    int errors = -1;
    std::exception_ptr failure;
    try {
      output = open_file(options_.output_file, O_TRUNC);
      errors = open_file(options_.error_file, O_APPEND);
      const pid_t parent = ::getpid();
      child = ::fork();
      if (child == 0) run_child(arguments, output, errors, parent);
      if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      pid_ = child;
      failure_ = failure;
      changed_.notify_all();
    }
    if (output >= 0) ::close(output);
    if (errors >= 0) ::close(errors);
    if (child <= 0) return;
    // Waits without reaping first, so that signal() can never hit a pid that is already free again.
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    const std::lock_guard lock(mutex_);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
    changed_.notify_all();
  }

  // Between fork and exec: async-signal-safe calls only.
  [[noreturn]] static void run_child(const std::vector<char*>& arguments, int output, int errors,
                                     pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // it died before the line above
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY);
    if (null >= 0) ::dup2(null, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    const char* reason = ::strerrordesc_np(errno);
    static_cast<void>(!::write(STDERR_FILENO, "cannot execute: ", 16));
    if (reason != nullptr) static_cast<void>(!::write(STDERR_FILENO, reason, ::strlen(reason)));
    static_cast<void>(!::write(STDERR_FILENO, "\n", 1));
    ::_exit(127);
  }

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // pid_, failure_ or status_
  std::optional<int> status_;
  pid_t pid_ = -1;
  std::exception_ptr failure_;  // why there is no process
  std::thread keeper_;
};

// The last `bytes_max` bytes of a text file, "" where it cannot be read.
inline std::string file_tail(const std::filesystem::path& path, std::size_t bytes_max = 2000) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "";
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::size_t>(file.tellg());
  file.seekg(static_cast<std::streamoff>(size > bytes_max ? size - bytes_max : 0));
  std::string text(std::min(size, bytes_max), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace sagemaker::detail
