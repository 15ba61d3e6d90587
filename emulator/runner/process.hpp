// Starting and following processes. Spawning is cheap from a large, threaded process (the child shares its
// memory until it executes), inherits nothing but the descriptors named here, and gives a pidfd: signals
// cannot hit a recycled pid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "emulator/runner/container.hpp"
#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

struct Process {
  pid_t pid = -1;
  UniqueFd pidfd;
};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_...
  std::uint64_t value = 0;
};

struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0] is a path
  std::map<std::string, std::string> environment;
  std::filesystem::path directory;  // working directory; empty: the caller's
  int output = -1;                  // becomes standard output and standard error
  int status = -1;                  // becomes descriptor 3 where it is not -1
  int network = -1;                 // becomes descriptor 4 where it is not -1; needs `status`
  std::vector<ResourceLimit> limits =
      {};                      // set before the program is executed; never above what this one has
  std::string join_file = {};  // of a control group
};

// The child is killed when the calling *thread* ends, so a thread that spawns must outlive the child.
// Throws std::runtime_error naming the program where it cannot be executed.
Process spawn(const SpawnRequest& request);

// The same, but below a small supervisor: it forwards SIGTERM to the program, adopts every orphan of the tree
// and, when the program has ended or SIGUSR1 arrives, kills all of them, daemons included. For use where no
// PID namespace does it. Writes the program's wait status (an int) to `status`. Also ends the tree when the
// calling thread ends.
Process spawn_supervised(const SpawnRequest& request);

// What waitpid reported, as an ExitStatus.
ExitStatus exit_status_of(int wait_status);

// Sends a signal; false where the process is gone.
bool send_signal(const UniqueFd& pidfd, int signal);

// Waits up to `timeout_ms` (-1: for ever) for the end of a process, child of this one or not.
bool ended(const UniqueFd& pidfd, int timeout_ms);

UniqueFd open_pidfd(pid_t pid);  // empty where there is no such process

// A pipe, a socket pair or an eventfd, close-on-exec. Throw std::system_error.
struct Pipe {
  UniqueFd read, write;
};
Pipe make_pipe();
// Two ends of a connection of messages.
struct SocketPair {
  UniqueFd ours, theirs;
};
SocketPair make_socket_pair();
UniqueFd make_event();
void signal_event(const UniqueFd& event);

// Looks `program` up in the PATH of `environment` as a shell would; an empty path where there is no such
// program.
std::filesystem::path find_program(const std::string& program,
                                   const std::map<std::string, std::string>& environment);

}  // namespace sagemaker::local::runner
