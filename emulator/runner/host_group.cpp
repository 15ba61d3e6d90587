// See host_group.hpp.
#include "emulator/runner/host_group.hpp"

#include <algorithm>
#include <utility>

namespace sagemaker::local::runner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(10);
constexpr std::chrono::milliseconds peer_grace{10'000};   // for the other hosts when one has failed
constexpr std::chrono::milliseconds urgent_grace{2'000};  // a shutdown: the user waits for the emulator

}  // namespace

HostGroup::HostGroup(std::vector<JobHost> hosts, std::string noun,
                     const std::function<void(int host, std::string_view line)>& on_line,
                     const Sandbox& sandbox, AddressPool& addresses, const RunnerLimits& limits)
    : hosts_(std::move(hosts)),
      noun_(std::move(noun)),
      on_line_(on_line),
      sandbox_(sandbox),
      limits_(limits) {
  for (int i = 0; i < size(); ++i) leases_.emplace_back(addresses);
}

Share HostGroup::share(int host) const {
  return share_of(hosts_[static_cast<std::size_t>(host)].instance_type, size(), this_machine());
}

void HostGroup::say(int host, const std::string& line) const {
  if (on_line_) on_line_(host, line);
}

void HostGroup::start(const std::function<ContainerSpec(int host)>& container) {
  std::vector<HostEntry> entries;
  for (int i = 0; i < size(); ++i) entries.push_back({address(i), name(i)});
  started_at_ = Clock::now();
  for (int i = 0; i < size(); ++i) {
    const std::string& type = hosts_[static_cast<std::size_t>(i)].instance_type;
    const Share got = share(i);
    if (!sandbox_.isolated()) say(i, "sagemaker-local: " + sandbox_.description());
    if (got.gpus_missing > 0) {
      say(i, "sagemaker-local: " + type + " has " + std::to_string(got.gpus + got.gpus_missing) +
                 " GPUs, this machine has " + std::to_string(got.gpus) + "; the job runs on what is here");
    }
    ContainerSpec spec = container(i);
    spec.hostname = name(i);
    spec.hosts = entries;
    spec.limits.memory_bytes = process_memory_max(type, this_machine());
    spec.limits.processes = limits_.container_processes_max;
    spec.on_line = [this, i](std::string_view line) {
      if (on_line_) on_line_(i, line);
    };
    try {
      containers_.push_back(Container::start(std::move(spec), sandbox_, limits_));
    } catch (const std::exception& error) {
      throw JobFailure("ClientError: The container of the " + noun_ +
                       " could not be started: " + error.what());
    }
  }
  started_ = true;
}

HostGroup::End HostGroup::follow(std::chrono::seconds run_seconds_max, const StopSignal& stop,
                                 const std::function<std::optional<std::string>()>& input_failure) {
  const std::chrono::milliseconds grace = limits_.training_stop_grace;
  const Clock::time_point deadline = started_at_ + run_seconds_max;
  std::optional<JobEnd> ending;  // what made us end the containers, decided once
  bool hurried = false;
  End end;
  const auto fail = [&] {
    ending = JobEnd::failed;
    stop_all(std::min(peer_grace, grace));
  };
  for (;;) {
    const bool over = all_ended();  // before the exits are judged: one that ends later is seen next time
    if (!ending && any_failed()) fail();
    if (input_failure && !ending) {
      if (const auto failure = input_failure()) {
        end.input_failure = *failure;
        fail();
      }
    }
    if (over) break;
    if (!ending && (stop.requested() || Clock::now() >= deadline)) {
      ending = stop.requested() ? JobEnd::stopped : JobEnd::max_runtime_exceeded;
      stop_all(grace);
    }
    if (stop.urgent() && !hurried) {  // also where they were being stopped with more time already
      hurried = true;
      stop_all(std::min(urgent_grace, grace));
    }
    wait_a_little();
  }
  end.run_time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_at_);
  end.kind = ending.value_or(JobEnd::completed);
  end.host = end.kind == JobEnd::failed ? first_failed() : 0;
  end.exit = *exit_of(end.host);
  return end;
}

std::optional<ExitStatus> HostGroup::exit_of(int host) const {
  return containers_[static_cast<std::size_t>(host)]->wait_for(std::chrono::milliseconds(0));
}

bool HostGroup::any_failed() const {
  for (int host = 0; host < size(); ++host)
    if (const auto exit = exit_of(host); exit && !exit->success()) return true;
  return false;
}

bool HostGroup::all_ended() const {
  for (int host = 0; host < size(); ++host)
    if (!exit_of(host)) return false;
  return true;
}

// Of those that failed, the one that ended first: the others had lost it, or were told to end.
int HostGroup::first_failed() const {
  std::optional<Clock::time_point> first;
  int failed = 0;
  for (int host = 0; host < size(); ++host) {
    const auto exit = exit_of(host);
    if (!exit || exit->success() || (first && *first <= exit->at)) continue;
    first = exit->at;
    failed = host;
  }
  return failed;
}

void HostGroup::wait_a_little() const {
  for (const auto& container : containers_) {
    if (container->running()) {
      container->wait_for(poll_interval);
      return;
    }
  }
}

void HostGroup::stop_all(std::chrono::milliseconds grace) const {
  for (const auto& container : containers_) container->stop(grace);
}

}  // namespace sagemaker::local::runner
