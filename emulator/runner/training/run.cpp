// See training_run.hpp. The story of one job: make the hosts' folders, download, start all containers, follow
// them until the first thing that decides the outcome, end the rest, collect.
#include "emulator/runner/training/run.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include "emulator/runner/address_lease.hpp"
#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/host_tree.hpp"
#include "emulator/runner/instance_types.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Kind = TrainingOutcome::Kind;

constexpr auto poll_interval = std::chrono::milliseconds(10);
constexpr std::chrono::milliseconds peer_grace{10'000};  // for the other hosts when one has failed
constexpr std::chrono::milliseconds urgent_grace{
    2'000};                              // a shutdown: the user waits for the emulator to end
constexpr int first_master_port = 7777;  // of AWS's PyTorch containers

// Ends the preparation of a job: the text is the whole failure reason.
struct JobFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct JobStopped {};

bool inside_ml(const fs::path& path) {
  const fs::path below = path.lexically_normal().lexically_relative("/opt/ml");
  return !below.empty() && *below.begin() != "..";
}

class Job {
 public:
  Job(const TrainingSpec& spec, const TrainingEvents& events, const StopSignal& stop, const Sandbox& sandbox,
      AddressPool& addresses, const RunnerLimits& limits)
      : spec_(spec),
        events_(events),
        stop_(stop),
        sandbox_(sandbox),
        limits_(limits),
        count_(std::max(1, spec.instance_count)) {
    for (int i = 0; i < count_; ++i) {
      hosts_.push_back("algo-" + std::to_string(i + 1));
      leases_.emplace_back(addresses);
    }
    sorted_hosts_ = hosts_;
    std::sort(sorted_hosts_.begin(), sorted_hosts_.end());
  }

  TrainingOutcome run() {
    try {
      for (int i = 0; i < count_; ++i) prepare(i);
      download();
      prepared();
      phase(TrainingPhase::training);
      start();
      follow();
    } catch (const JobStopped&) {
      outcome_.kind = Kind::stopped;
    } catch (const JobFailure& failure) {
      fail(failure.what());
    }
    containers_.clear();
    if (started_) collect();
    return std::move(outcome_);
  }

 private:
  fs::path root_of(int host) const { return spec_.root / hosts_[static_cast<std::size_t>(host)]; }

  void phase(TrainingPhase now) {
    if (events_.on_phase) events_.on_phase(now);
  }

  void fail(const std::string& reason) {
    outcome_.kind = Kind::failed;
    outcome_.failure_reason = clean_text(reason, limits_.failure_reason_chars_max);
  }

  json input_data_config() const {
    json config = json::object();
    for (const InputChannel& channel : spec_.channels) config[channel.name] = channel.config;
    return config;
  }

  json resource_config(int host) const {
    const json group = {{"instance_group_name", "homogeneousCluster"},
                        {"instance_type", spec_.instance_type},
                        {"hosts", sorted_hosts_}};
    return {{"current_host", hosts_[static_cast<std::size_t>(host)]},
            {"current_instance_type", spec_.instance_type},
            {"current_group_name", "homogeneousCluster"},
            {"hosts", sorted_hosts_},
            {"instance_groups", json::array({group})},
            {"network_interface_name", "lo"}};  // the hosts' addresses are loopback addresses
  }

  void prepare(int host) {
    try {
      make_training_tree(root_of(host));
      const fs::path config = root_of(host) / "ml/input/config";
      write_json_file(config / "hyperparameters.json", spec_.hyperparameters);
      write_json_file(config / "inputdataconfig.json", input_data_config());
      write_json_file(config / "resourceconfig.json", resource_config(host));
    } catch (const std::exception& error) {
      throw JobFailure(std::string("InternalServerError: the job's folders cannot be made: ") + error.what());
    }
  }

  void download() {
    if (spec_.channels.empty()) return;
    phase(TrainingPhase::downloading);
    for (int host = 0; host < count_; ++host) {
      for (const InputChannel& channel : spec_.channels) {
        try {
          download(host, channel);
        } catch (const std::exception& error) {
          throw JobFailure("ClientError: Data download failed:" + std::string(error.what()));
        }
      }
    }
  }

  void download(int host, const InputChannel& channel) {
    const fs::path folder = root_of(host) / "ml/input/data" / channel.name;
    if (channel.name.empty() || channel.name == ".." || channel.name.find('/') != std::string::npos) {
      throw std::runtime_error("'" + channel.name + "' cannot be the name of a channel");
    }
    fs::create_directories(folder);
    if (!channel.files) return;
    for (const InputFile& file : channel.files(host, count_)) {
      if (stop_.requested()) throw JobStopped();
      copy_input(file.source, folder, file.relative_path);
    }
  }

  void prepared() {
    for (int host = 0; host < count_; ++host) fs::create_directories(checkpoint_folder(spec_, host));
    if (!events_.on_prepared) return;
    try {
      events_.on_prepared();
    } catch (const std::runtime_error& error) {
      throw JobFailure(error.what());
    }
  }

  // What does not lie in the host's own /opt/ml but has to be seen in the container.
  std::vector<Mount> mounts(int host) const {
    std::vector<Mount> result;
    if (!inside_ml(spec_.checkpoint_path)) {
      if (!sandbox_.isolated())
        throw JobFailure("ClientError: The checkpoint path " + spec_.checkpoint_path.string() +
                         " lies outside of /opt/ml, which needs bubblewrap on this machine");
      result.push_back({checkpoint_folder(spec_, host), spec_.checkpoint_path});
    }
    if (!spec_.warm_pool_cache.empty()) {
      const fs::path cache = fs::absolute(spec_.warm_pool_cache) / hosts_[static_cast<std::size_t>(host)];
      const fs::path shown = root_of(host) / "ml/sagemaker/warmpoolcache";
      fs::create_directories(cache);
      fs::create_directories(sandbox_.isolated() ? shown : shown.parent_path());
      if (sandbox_.isolated())
        result.push_back({cache, "/opt/ml/sagemaker/warmpoolcache"});
      else
        fs::create_directory_symlink(cache, shown);
    }
    return result;
  }

  // docker's rules: the entry point replaces the image's command, arguments replace "train".
  std::vector<std::string> command() const {
    std::vector<std::string> argv = spec_.entry_point.empty() ? spec_.image.command : spec_.entry_point;
    if (!spec_.arguments.empty()) {
      argv.insert(argv.end(), spec_.arguments.begin(), spec_.arguments.end());
    } else if (spec_.entry_point.empty()) {
      argv.push_back("train");
    }
    return argv;
  }

  Environment environment(int host) const {
    const Share share = share_of(spec_.instance_type, count_, this_machine());
    const fs::path ml = sandbox_.isolated() ? fs::path("/opt/ml") : fs::absolute(root_of(host)) / "ml";
    // Without a hosts file of its own a container cannot resolve the other hosts' names.
    const std::size_t master = static_cast<std::size_t>(
        std::find(hosts_.begin(), hosts_.end(), sorted_hosts_.front()) - hosts_.begin());
    TrainingHost view{
        .job_name = spec_.job_name,
        .base = ml,
        .resource_config = resource_config(host),
        .input_data_config = input_data_config(),
        .hyperparameters = spec_.hyperparameters,
        .share = share,
        .master_address = sandbox_.isolated() ? sorted_hosts_.front() : leases_[master].address(),
        .master_port = port_};
    Environment result =
        base_environment(spec_.image.environment, spec_.environment, root_of(host), sandbox_.isolated());
    result.merge(gpu_environment(share, host, this_machine()));
    result.merge(training_environment(view));
    return result;
  }

  void say(int host, const std::string& line) {
    if (events_.on_line) events_.on_line(host, line);
  }

  // Jobs share this machine's network, so only one of them can have AWS's port; the addresses of running jobs
  // differ, so two that start at once do not choose the same one.
  int choose_master_port() const {
    const std::string& address = leases_[0].address();
    const int number = std::atoi(address.c_str() + address.rfind('.') + 1);
    return free_port("0.0.0.0", first_master_port + number - 2);
  }

  void start() {
    if (stop_.requested()) throw JobStopped();
    std::vector<HostEntry> entries;
    for (int i = 0; i < count_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      entries.push_back({leases_[at].address(), hosts_[at]});
    }
    port_ = choose_master_port();
    const Share share = share_of(spec_.instance_type, count_, this_machine());
    started_at_ = Clock::now();
    for (int i = 0; i < count_; ++i) {
      if (share.gpus_missing > 0) {
        say(i, "sagemaker-local: " + spec_.instance_type + " has " +
                   std::to_string(share.gpus + share.gpus_missing) + " GPUs, this machine has " +
                   std::to_string(share.gpus) + "; the job runs on what is here");
      }
      ContainerSpec container{.argv = command(),
                              .environment = environment(i),
                              .root = root_of(i),
                              .hostname = hosts_[static_cast<std::size_t>(i)],
                              .hosts = entries,
                              .writable = spec_.image.writable,
                              .mounts = mounts(i),
                              .on_line = [this, i](std::string_view line) {
                                if (events_.on_line) events_.on_line(i, line);
                              }};
      try {
        containers_.push_back(Container::start(std::move(container), sandbox_, limits_));
      } catch (const std::exception& error) {
        throw JobFailure("ClientError: The container of the training job could not be started: " +
                         std::string(error.what()));
      }
    }
    started_ = true;
  }

  // Waits until every container has ended, and says what that means.
  void follow() {
    const Clock::time_point deadline = started_at_ + spec_.run_seconds_max;
    std::optional<Kind> ending;  // what made us end the containers, decided once
    bool hurried = false;
    for (;;) {
      bool all_ended = true;
      for (int host = 0; host < count_; ++host) {
        const auto exit = containers_[static_cast<std::size_t>(host)]->wait_for(std::chrono::milliseconds(0));
        if (!exit) {
          all_ended = false;
        } else if (!ending && !exit->success()) {
          ending = Kind::failed;
          failed_host_ = host;
          outcome_.exit = *exit;
          stop_all(std::min<std::chrono::milliseconds>(peer_grace, limits_.training_stop_grace));
        }
      }
      if (all_ended) break;
      if (!ending && (stop_.requested() || Clock::now() >= deadline)) {
        ending = stop_.requested() ? Kind::stopped : Kind::max_runtime_exceeded;
        stop_all(limits_.training_stop_grace);
      }
      if (stop_.urgent() && !hurried) {  // also where they were being stopped with more time already
        hurried = true;
        stop_all(std::min<std::chrono::milliseconds>(urgent_grace, limits_.training_stop_grace));
      }
      wait_a_little();
    }
    outcome_.training_time =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_at_);
    conclude(ending.value_or(Kind::completed));
  }

  void wait_a_little() {
    for (const auto& container : containers_) {
      if (container->running()) {
        container->wait_for(poll_interval);
        return;
      }
    }
  }

  void stop_all(std::chrono::milliseconds grace) {
    for (const auto& container : containers_) container->stop(grace);
  }

  void conclude(Kind kind) {
    outcome_.kind = kind;
    if (kind == Kind::failed) return fail(failure_reason());
    outcome_.exit = containers_[0]->wait_for(std::chrono::milliseconds(0));
  }

  // What the job itself wrote, from the host that failed first, else from any other; else its exit code, in
  // AWS's form.
  std::string failure_reason() const {
    std::string text = read_failure(root_of(failed_host_));
    for (int host = 0; host < count_ && clean_text(text, 1).empty(); ++host)
      text = read_failure(root_of(host));
    if (!clean_text(text, limits_.failure_reason_chars_max).empty()) return "AlgorithmError: " + text;
    return "AlgorithmError: , exit code: " + std::to_string(outcome_.exit->code);
  }

  void collect() {
    phase(TrainingPhase::uploading);
    try {
      outcome_.model_directory = artifacts("ml/model", "model");
      outcome_.output_directory = artifacts("ml/output/data", "output");
      for (int host = 0; host < count_; ++host) {
        if (const auto data = real_folder(root_of(host), "ml/input/data")) fs::remove_all(*data);
      }
    } catch (const std::exception& error) {
      fail(std::string("InternalServerError: the job's artifacts cannot be collected: ") + error.what());
    }
  }

  fs::path artifacts(const char* relative, const char* name) {
    const fs::path merged = spec_.root / "artifacts" / name;
    fs::remove_all(merged);
    fs::create_directories(merged);
    for (int host = 0; host < count_; ++host) {
      if (const auto folder = real_folder(root_of(host), relative)) merge_folder(*folder, merged);
    }
    return merged;
  }

  const TrainingSpec& spec_;
  const TrainingEvents& events_;
  const StopSignal& stop_;
  const Sandbox& sandbox_;
  const RunnerLimits& limits_;
  const int count_;
  std::vector<std::string> hosts_, sorted_hosts_;
  std::vector<AddressLease> leases_;
  int port_ = first_master_port;
  std::vector<std::unique_ptr<Container>> containers_;
  bool started_ = false;
  Clock::time_point started_at_;
  int failed_host_ = 0;
  TrainingOutcome outcome_;
};

fs::path host_root(const TrainingSpec& spec, int host_index) {
  return spec.root / ("algo-" + std::to_string(host_index + 1));
}

}  // namespace

fs::path checkpoint_folder(const TrainingSpec& spec, int host_index) {
  if (!inside_ml(spec.checkpoint_path)) return host_root(spec, host_index) / "checkpoints";
  return host_root(spec, host_index) / "ml" /
         spec.checkpoint_path.lexically_normal().lexically_relative("/opt/ml");
}

fs::path intermediate_folder(const TrainingSpec& spec, int host_index) {
  return host_root(spec, host_index) / "ml/output/intermediate";
}

TrainingOutcome TrainingRunner::run(const TrainingSpec& spec, const TrainingEvents& events,
                                    const StopSignal& stop) {
  try {
    return Job(spec, events, stop, sandbox_, addresses_, limits_).run();
  } catch (const std::exception& error) {
    TrainingOutcome outcome;
    outcome.failure_reason =
        clean_text(std::string("InternalServerError: ") + error.what(), limits_.failure_reason_chars_max);
    return outcome;
  }
}

}  // namespace sagemaker::local::runner
