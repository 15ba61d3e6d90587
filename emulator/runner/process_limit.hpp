// How many processes a container may have. For an ordinary user the kernel counts them by user
// (RLIMIT_NPROC); root is exempt from that, so for root a control group of its own holds the container, where
// the machine has one that can be written (cgroup v1 `pids`, or v2 with the pids controller handed down).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sagemaker::local::runner {

class ProcessLimit {
 public:
  // nullptr where no control group is needed or possible.
  static std::unique_ptr<ProcessLimit> make(std::uint64_t processes_max);
  ~ProcessLimit();  // after the last process has ended
  ProcessLimit(const ProcessLimit&) = delete;
  ProcessLimit& operator=(const ProcessLimit&) = delete;

  // A process that writes "0" there is in the group, and all that it starts.
  const std::string& join_file() const { return join_file_; }

 private:
  explicit ProcessLimit(std::string folder)
      : folder_(std::move(folder)), join_file_(folder_ + "/cgroup.procs") {}

  std::string folder_, join_file_;
};

// The value of RLIMIT_NPROC that leaves a user `processes_max` more processes than run on this machine now.
std::uint64_t process_rlimit(std::uint64_t processes_max);

}  // namespace sagemaker::local::runner
