// The containers of one job, one for each of its hosts: started together, followed to the first thing that
// decides how the job ends, and then ended. What a job of one kind or another finds in /opt/ml is not known
// here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/runner/address_lease.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/runner/instance_types.hpp"
#include "emulator/runner/stop_signal.hpp"

namespace sagemaker::local::runner {

enum class JobEnd { completed, failed, stopped, max_runtime_exceeded };

// Ends a job whose containers do not run yet: the text is the whole failure reason.
struct JobFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What a host is called, in the job and to the others: "algo-1" is the first. 0-based.
inline std::string host_name(int host_index) { return "algo-" + std::to_string(host_index + 1); }

struct JobHost {
  std::string name;  // "algo-1", by which the others find it
  std::string instance_type;
};

class HostGroup {
 public:
  // `noun`: what messages call the job. `on_line` gets the lines of the containers and of say(), from several
  // threads; it may be empty. All references must outlive the group.
  HostGroup(std::vector<JobHost> hosts, std::string noun,
            const std::function<void(int host, std::string_view line)>& on_line, const Sandbox& sandbox,
            AddressPool& addresses, const RunnerLimits& limits);

  int size() const { return static_cast<int>(hosts_.size()); }
  const std::string& name(int host) const { return hosts_[static_cast<std::size_t>(host)].name; }
  const std::string& address(int host) const { return leases_[static_cast<std::size_t>(host)].address(); }
  // What of this machine a host gets while all of them run.
  Share share(int host) const;
  // A line of the platform's own in a host's log.
  void say(int host, const std::string& line) const;

  // Starts all hosts. `container` gives what a host's container is to run on what; its names, its lines and
  // the limits of memory and processes are filled in here. Throws JobFailure where one cannot be started: the
  // others end with this group.
  void start(const std::function<ContainerSpec(int host)>& container);
  bool started() const { return started_; }

  struct End {
    JobEnd kind = JobEnd::completed;
    int host = 0;                           // that decided it
    ExitStatus exit;                        // of that host
    std::string input_failure;              // what `input_failure` has told, where that decided
    std::chrono::milliseconds run_time{0};  // from the start of the containers to their end
  };
  // Waits until every container has ended, and says what that means. The first one that fails ends the
  // others; so does a stop, the end of the time, and an `input_failure`, which is asked often. A container
  // that is to end gets SIGTERM, and SIGKILL after AWS's grace.
  End follow(std::chrono::seconds run_seconds_max, const StopSignal& stop,
             const std::function<std::optional<std::string>()>& input_failure = {});

  // Kills what still runs.
  void end() { containers_.clear(); }

 private:
  std::optional<ExitStatus> exit_of(int host) const;
  bool any_failed() const;
  bool all_ended() const;
  int first_failed() const;
  void wait_a_little() const;
  void stop_all(std::chrono::milliseconds grace) const;

  const std::vector<JobHost> hosts_;
  const std::string noun_;
  const std::function<void(int host, std::string_view line)>& on_line_;
  const Sandbox& sandbox_;
  const RunnerLimits& limits_;
  std::vector<AddressLease> leases_;
  std::vector<std::unique_ptr<Container>> containers_;
  bool started_ = false;
  std::chrono::steady_clock::time_point started_at_;
};

}  // namespace sagemaker::local::runner
