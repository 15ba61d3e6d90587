// The small process above a container's program where there is no PID namespace. It is forked, not executed,
// so from the fork on it makes system calls only, on memory reserved before. Being a "child subreaper" it
// becomes the parent of every orphan below it, however often that one forked and whatever session it opened:
// nothing can leave the tree.
#include <cstring>
#include <stdexcept>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "emulator/runner/process.hpp"
#include "emulator/runner/process_child.hpp"

namespace sagemaker::local::runner {
namespace {

constexpr int processes_max = 1 << 17;  // of this machine, seen in one pass; what is left is seen in the next

struct ProcessTable {
  int count = 0;
  pid_t pid[processes_max];
  pid_t parent[processes_max];
  bool inside[processes_max];
};
ProcessTable table;  // zero pages until used, and used only in the forked supervisor

pid_t parse_pid(const char* text) {
  pid_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + (*text - '0');
  return *text == '\0' ? value : 0;
}

// The parent from /proc/PID/stat: the second field after the last ')', since a program's name may hold
// anything.
pid_t parent_of(int proc, const char* pid) {
  char name[64];
  std::size_t length = std::strlen(pid);
  if (length > 20) return -1;
  std::memcpy(name, pid, length);
  std::memcpy(name + length, "/stat", 6);
  const int file = ::openat(proc, name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  char text[512];
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (size <= 0) return -1;
  text[size] = '\0';
  const char* end = std::strrchr(text, ')');
  if (!end || std::strlen(end) < 5) return -1;
  pid_t parent = 0;
  for (const char* digit = end + 4; *digit >= '0' && *digit <= '9'; ++digit)
    parent = parent * 10 + (*digit - '0');
  return parent;
}

void read_process_table() {
  table.count = 0;
  const int proc = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  alignas(dirent64) char buffer[32768];
  for (;;) {
    const long bytes = ::syscall(SYS_getdents64, proc, buffer, sizeof buffer);
    if (bytes <= 0) break;
    for (long offset = 0; offset < bytes;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + offset);
      offset += entry->d_reclen;
      const pid_t pid = parse_pid(entry->d_name);
      if (pid <= 0 || table.count >= processes_max) continue;
      table.pid[table.count] = pid;
      table.parent[table.count] = parent_of(proc, entry->d_name);
      table.inside[table.count++] = false;
    }
  }
  ::close(proc);
}

// Sends a signal to all descendants of this process; returns how many there are.
int signal_descendants(int signal) {
  read_process_table();
  const pid_t self = ::getpid();
  int found = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < table.count; ++i) {
      if (table.inside[i]) continue;
      bool inside = table.parent[i] == self;
      for (int j = 0; j < table.count && !inside; ++j)
        inside = table.inside[j] && table.pid[j] == table.parent[i];
      if (!inside) continue;
      table.inside[i] = true;
      changed = true;
      ++found;
      ::kill(table.pid[i], signal);
    }
  }
  return found;
}

// Kills everything below. Stopping first keeps a program that forks without end from outrunning the kills.
void kill_descendants() {
  for (int pass = 0;; ++pass) {
    siginfo_t info{};
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD) return;
    if (pass % 3 == 0) signal_descendants(SIGSTOP);
    signal_descendants(SIGKILL);
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

[[noreturn]] void supervise(PreparedExec& prepared, int status_pipe) {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGCHLD, SIGTERM, SIGUSR1}) ::sigaddset(&watched, signal);
  const pid_t parent = prepared.parent;
  prepared.parent = ::getpid();
  int status = 127 << 8;
  int pidfd = -1;
  const pid_t program = prepared.clone_and_execute(&pidfd);
  int error = prepared.error;
  (void)!::write(status_pipe, &error, sizeof error);
  if (error == 0) {
    // Nothing of the emulator's may stay open here: its sockets and locks would outlive it.
    ::dup2(status_pipe, 0);
    ::syscall(SYS_close_range, 1U, ~0U, 0U);
    bool ended = false;
    bool kill_all = ::prctl(PR_SET_PDEATHSIG, SIGUSR1) != 0 || ::getppid() != parent;
    while (!ended && !kill_all) {
      const int signal = ::sigwaitinfo(&watched, nullptr);
      if (signal == SIGTERM) ::kill(program, SIGTERM);
      if (signal == SIGUSR1) kill_all = true;
      for (pid_t pid = 1; signal == SIGCHLD && pid > 0;) {
        int wait_status = 0;
        pid = ::waitpid(-1, &wait_status, WNOHANG);
        if (pid != program) continue;
        status = wait_status;
        ended = true;
      }
    }
    if (!ended) status = SIGKILL;
    kill_descendants();
    (void)!::write(0, &status, sizeof status);
  }
  ::_exit(0);
}

}  // namespace

Process spawn_supervised(const SpawnRequest& request) {
  const int status_pipe = request.status;
  SpawnRequest program = request;
  program.status = -1;
  PreparedExec prepared(program);
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) {
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &plain, nullptr);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NAME, "sagemaker-init");
    supervise(prepared, status_pipe);
  }
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(error));
  return {pid, open_pidfd(pid)};
}

}  // namespace sagemaker::local::runner
