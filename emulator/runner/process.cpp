// See process.hpp. The code between clone and execve runs in the parent's memory: it only makes system calls.
#include "emulator/runner/process.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "emulator/runner/process_child.hpp"

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer's clone() takes the child for a forked process and stops watching its thread, which here is
// the parent's too. The same function under the C library's other name goes unnoticed.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept;
#define clone_sharing_memory __clone
#else
#define clone_sharing_memory ::clone
#endif
// Neither sanitizer can follow a child that runs in the parent's memory on a stack of its own.
#define NOT_WATCHED __attribute__((no_sanitize("thread", "address")))

namespace sagemaker::local::runner {

PreparedExec::PreparedExec(const SpawnRequest& request)
    : directory(request.directory), output(request.output) {
  if (request.argv.empty()) throw std::runtime_error("cannot start a container without a command");
  argv_text = request.argv;
  for (const auto& [name, value] : request.environment) environment_text.push_back(name + "=" + value);
  for (std::string& text : argv_text) argv.push_back(text.data());
  for (std::string& text : environment_text) environment.push_back(text.data());
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  status = request.status;
  network = request.network;
  parent = ::getpid();
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    // Enough for any server; a program that closes all descriptors one by one still starts quickly.
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65536);
    open_files = files;
  }
  for (const ResourceLimit& wanted : request.limits) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(wanted.resource), &limit) != 0) continue;
    limit.rlim_max = std::min<rlim_t>(limit.rlim_max, wanted.value);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
    limits.emplace_back(wanted.resource, limit);
  }
  join_file = request.join_file;
}

namespace {

// System calls as they are. The C library's functions may do more than the call, and a sanitizer's do: it
// keeps books about descriptors, handlers and locks, which the child would change for its parent.
namespace raw {

NOT_WATCHED int open(const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, 0));
}
NOT_WATCHED void close(int fd) { ::syscall(SYS_close, fd); }
NOT_WATCHED bool duplicate(int fd, int as) { return ::syscall(SYS_dup3, fd, as, 0) >= 0; }
NOT_WATCHED int duplicate_above(int fd, int least) {
  return static_cast<int>(::syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least));
}
// Into a file of the kernel; where that is not allowed nothing is lost.
NOT_WATCHED void write(const char* path, const char* text, std::size_t size) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  ::syscall(SYS_write, file, text, size);
  close(file);
}

NOT_WATCHED void default_signals(const sigset_t& mask) {
  struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
  } const plain;
  constexpr std::size_t mask_bytes = 8;
  for (int signal = 1; signal < NSIG; ++signal)
    ::syscall(SYS_rt_sigaction, signal, &plain, nullptr, mask_bytes);
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, mask_bytes);
}

}  // namespace raw

}  // namespace

NOT_WATCHED void PreparedExec::execute(const sigset_t& mask) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return;
  ::setsid();
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (open_files.rlim_max > 0) ::setrlimit(RLIMIT_NOFILE, &open_files);
  for (const auto& [resource, limit] : limits) ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  if (!join_file.empty()) raw::write(join_file.c_str(), "0", 1);
  raw::write("/proc/self/oom_score_adj", "500",
             3);  // when memory runs out the job must die, not the emulator
  // The descriptors may overlap with 0..4: copies above are taken first.
  const int output_copy = raw::duplicate_above(output, 10);
  const int status_copy = status >= 0 ? raw::duplicate_above(status, 10) : -1;
  const int network_copy = network >= 0 ? raw::duplicate_above(network, 10) : -1;
  const int null = raw::open("/dev/null", O_RDONLY);
  if (output_copy < 0 || (status >= 0 && status_copy < 0) || (network >= 0 && network_copy < 0) || null < 0)
    return;
  if (null != 0 && !raw::duplicate(null, 0)) return;
  if (!raw::duplicate(output_copy, 1) || !raw::duplicate(output_copy, 2)) return;
  unsigned first_closed = 3;
  if (status_copy >= 0) {
    if (!raw::duplicate(status_copy, 3)) return;
    first_closed = 4;
  }
  if (network_copy >= 0) {
    if (!raw::duplicate(network_copy, 4)) return;
    first_closed = 5;
  }
  if (::syscall(SYS_close_range, first_closed, ~0U, 0U) != 0) {
    for (int fd = static_cast<int>(first_closed); fd < 65536; ++fd) raw::close(fd);
  }
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) return;
  raw::default_signals(mask);
  ::execve(argv[0], argv.data(), environment.data());
}

namespace {

// No lambda: what makes a pointer of one is a function, too, and would be watched.
NOT_WATCHED int child_main(void* self) {
  auto* prepared = static_cast<PreparedExec*>(self);
  sigset_t none;
  ::sigemptyset(&none);
  prepared->execute(none);
  prepared->error = errno ? errno : ECHILD;
  ::_exit(127);
}

}  // namespace

pid_t PreparedExec::clone_and_execute(int* pidfd) {
  // A stack of its own: the parent's frames stay intact while both share the memory.
  constexpr std::size_t stack_bytes = 256 * 1024;
  void* stack =
      ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) {
    error = errno;
    return -1;
  }
  // No handler of the parent may run in the child while the memory is shared.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mask_before);
  error = 0;
  constexpr int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  const pid_t pid =
      clone_sharing_memory(child_main, static_cast<char*>(stack) + stack_bytes, flags, this, pidfd);
  if (pid < 0) error = errno;
  ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  ::munmap(stack, stack_bytes);
  return pid;
}

Process spawn(const SpawnRequest& request) {
  PreparedExec prepared(request);
  int pidfd = -1;
  const pid_t pid = prepared.clone_and_execute(&pidfd);
  UniqueFd owned(pid > 0 ? pidfd : -1);
  if (prepared.error != 0) {
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    throw std::runtime_error("cannot execute " + request.argv[0] + ": " + std::strerror(prepared.error));
  }
  return {pid, std::move(owned)};
}

ExitStatus exit_status_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {128 + WTERMSIG(wait_status), WTERMSIG(wait_status)};
  return {WEXITSTATUS(wait_status), 0};
}

bool send_signal(const UniqueFd& pidfd, int signal) {
  return pidfd && ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

bool ended(const UniqueFd& pidfd, int timeout_ms) {
  if (!pidfd) return true;
  pollfd watched{pidfd.get(), POLLIN, 0};
  int result = 0;
  do {
    result = ::poll(&watched, 1, timeout_ms);
  } while (result < 0 && errno == EINTR);
  return result > 0;
}

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

Pipe make_pipe() {
  std::array<int, 2> ends{};
  checked(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

SocketPair make_socket_pair() {
  std::array<int, 2> ends{};
  checked(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd make_event() { return UniqueFd(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")); }

void signal_event(const UniqueFd& event) {
  const std::uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof one);
}

std::filesystem::path find_program(const std::string& program,
                                   const std::map<std::string, std::string>& environment) {
  const auto executable = [](const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
  };
  if (program.empty()) return {};
  if (program.find('/') != std::string::npos)
    return executable(program) ? std::filesystem::path(program) : "";
  const auto found = environment.find("PATH");
  const std::string path = found != environment.end() ? found->second : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::filesystem::path candidate = std::filesystem::path(path.substr(begin, end - begin)) / program;
    if (end > begin && candidate.is_absolute() && executable(candidate)) return candidate;
    begin = end + 1;
  }
  return {};
}

}  // namespace sagemaker::local::runner
