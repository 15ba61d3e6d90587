// See run.hpp. The story of one job: make the hosts' folders, download, start all containers, follow
// them until the first thing that decides the outcome, end the rest, collect.
#include "emulator/runner/training/run.hpp"

#include <stdexcept>
#include <utility>

#include <unistd.h>

#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/host_group.hpp"
#include "emulator/runner/host_tree.hpp"
#include "emulator/runner/instance_types.hpp"
#include "emulator/runner/training/pipe_channel.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Kind = TrainingOutcome::Kind;

constexpr int first_master_port = 7777;  // of AWS's PyTorch containers

bool inside_ml(const fs::path& path) {
  const fs::path below = path.lexically_normal().lexically_relative("/opt/ml");
  return !below.empty() && *below.begin() != "..";
}

std::vector<JobHost> hosts_of(const Cluster& cluster) {
  std::vector<JobHost> hosts;
  for (int i = 0; i < cluster.size(); ++i) hosts.push_back({cluster.name(i), cluster.group(i).instance_type});
  return hosts;
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
        cluster_(spec.instance_groups, spec.instance_type, spec.instance_count),
        count_(cluster_.size()),
        mounts_(static_cast<std::size_t>(count_)),
        hosts_(hosts_of(cluster_), "training job", events.on_line, sandbox, addresses, limits) {}

  TrainingOutcome run() {
    try {
      for (int i = 0; i < count_; ++i) prepare(i);
      download();
      prepared();
      phase(TrainingPhase::training);
      start();
      follow();
    } catch (const InputStopped&) {
      outcome_.kind = Kind::stopped;
    } catch (const JobFailure& failure) {
      fail(failure.what());
    }
    hosts_.end();
    pipes_.clear();
    if (hosts_.started()) collect();
    return std::move(outcome_);
  }

 private:
  fs::path root_of(int host) const { return spec_.root / cluster_.name(host); }

  void phase(TrainingPhase now) {
    if (events_.on_phase) events_.on_phase(now);
  }

  void fail(const std::string& reason) {
    outcome_.kind = Kind::failed;
    outcome_.failure_reason = clean_text(reason, limits_.failure_reason_chars_max);
  }

  // Of the channels that a host gets.
  json input_data_config(int host) const {
    json config = json::object();
    for (const InputChannel& channel : spec_.channels)
      if (cluster_.position(host, channel.groups).index >= 0) config[channel.name] = channel.config;
    return config;
  }

  void prepare(int host) {
    try {
      make_training_tree(root_of(host));
      const fs::path config = root_of(host) / "ml/input/config";
      for (const auto& [name, document] : spec_.config_files) write_json_file(config / name, document);
      write_json_file(config / "hyperparameters.json", spec_.hyperparameters);
      write_json_file(config / "inputdataconfig.json", input_data_config(host));
      write_json_file(config / "resourceconfig.json", cluster_.resource_config(host));
    } catch (const std::exception& error) {
      throw JobFailure(std::string("InternalServerError: the job's folders cannot be made: ") + error.what());
    }
  }

  // The phase is for what is copied only, as on AWS.
  void download() {
    bool told = false;
    for (int host = 0; host < count_; ++host) {
      for (const InputChannel& channel : spec_.channels) {
        const Cluster::Position position = cluster_.position(host, channel.groups);
        if (position.index < 0) continue;
        if (channel.mode == InputMode::file && !std::exchange(told, true)) phase(TrainingPhase::downloading);
        try {
          bring(host, channel, position);
        } catch (const fs::filesystem_error& error) {  // its text names folders of this machine
          throw JobFailure("ClientError: Data download failed: channel " + channel.name + ": " +
                           error.code().message());
        } catch (const std::exception& error) {
          throw JobFailure("ClientError: Data download failed:" + std::string(error.what()));
        }
      }
    }
  }

  void bring(int host, const InputChannel& channel, const Cluster::Position& position) {
    const InputPlace place{.data = root_of(host) / "ml/input/data",
                           // Not below the host's root, which its container can write.
                           .read_only = spec_.root / "fastfile" / cluster_.name(host),
                           .isolated = sandbox_.isolated(),
                           .index = position.index,
                           .count = position.count,
                           .stopped = [this] { return stop_.requested(); },
                           .say = [this, host](const std::string& line) { hosts_.say(host, line); }};
    ChannelInput input = bring_input(channel, place);
    if (input.mount) mounts_[static_cast<std::size_t>(host)].push_back(std::move(*input.mount));
    if (input.pipe) pipes_.push_back(std::move(input.pipe));
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
    std::vector<Mount> result = mounts_[static_cast<std::size_t>(host)];
    if (!inside_ml(spec_.checkpoint_path)) {
      if (!sandbox_.isolated())
        throw JobFailure("ClientError: The checkpoint path " + spec_.checkpoint_path.string() +
                         " lies outside of /opt/ml, which needs bubblewrap on this machine");
      // Without "..": what makes the mounts would follow one beyond the container's root.
      result.push_back({checkpoint_folder(spec_, host), spec_.checkpoint_path.lexically_normal()});
    }
    if (!spec_.warm_pool_cache.empty()) {
      const fs::path cache = fs::absolute(spec_.warm_pool_cache) / cluster_.name(host);
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
    const Share share = hosts_.share(host);
    const fs::path ml = sandbox_.isolated() ? fs::path("/opt/ml") : fs::absolute(root_of(host)) / "ml";
    // Without a hosts file of its own a container cannot resolve the other hosts' names.
    const int master = cluster_.master();
    TrainingHost view{.job_name = spec_.job_name,
                      .base = ml,
                      .resource_config = cluster_.resource_config(host),
                      .input_data_config = input_data_config(host),
                      .hyperparameters = spec_.hyperparameters,
                      .share = share,
                      .master_address = sandbox_.isolated() ? cluster_.name(master) : hosts_.address(master),
                      .master_port = port_};
    Environment result =
        base_environment(spec_.image.environment, spec_.environment, root_of(host), sandbox_.isolated());
    result.merge(gpu_environment(share, host, this_machine()));
    result.merge(training_environment(view));
    return result;
  }

  // Jobs share this machine's network, so only one of them can have AWS's port; the addresses of running jobs
  // differ, so two that start at once do not choose the same one.
  int choose_master_port() const {
    const std::string& address = hosts_.address(0);
    const int number = std::atoi(address.c_str() + address.rfind('.') + 1);
    return free_port("0.0.0.0", first_master_port + number - 2, true);
  }

  void start() {
    if (stop_.requested()) throw InputStopped();
    port_ = choose_master_port();
    hosts_.start([this](int host) {
      return ContainerSpec{.argv = command(),
                           .environment = environment(host),
                           .root = root_of(host),
                           .writable = spec_.image.writable,
                           .mounts = mounts(host),
                           .limits = {.file_bytes = spec_.volume_bytes}};
    });
  }

  void follow() {
    const HostGroup::End end = hosts_.follow(spec_.run_seconds_max, stop_, [this] { return pipe_failure(); });
    outcome_.training_time = end.run_time;
    outcome_.kind = end.kind;
    outcome_.exit = end.exit;
    if (end.kind == Kind::failed) fail(failure_reason(end));
  }

  std::optional<std::string> pipe_failure() const {
    for (const auto& pipe : pipes_)
      if (auto failure = pipe->failure()) return failure;
    return std::nullopt;
  }

  // What the host that failed first wrote itself, else its exit code, in AWS's form. What other hosts wrote
  // is a consequence and would hide it.
  std::string failure_reason(const HostGroup::End& end) const {
    if (!end.input_failure.empty()) return "ClientError: Data download failed:" + end.input_failure;
    const std::string text = read_output(root_of(end.host), "failure");
    if (!clean_text(text, limits_.failure_reason_chars_max).empty()) return "AlgorithmError: " + text;
    return "AlgorithmError: , exit code: " + std::to_string(end.exit.code);
  }

  void collect() {
    phase(TrainingPhase::uploading);
    try {
      // Root may remove anything; another user may be kept out of folders by what the job made of them.
      for (int host = 0; host < count_ && ::geteuid() != 0; ++host) make_removable(root_of(host));
      if (events_.on_ended) events_.on_ended();
      outcome_.model_directory = artifacts("ml/model", "model");
      outcome_.output_directory = artifacts("ml/output/data", "output");
      for (int host = 0; host < count_; ++host) {
        if (const auto data = real_folder(root_of(host), "ml/input/data")) fs::remove_all(*data);
      }
      fs::remove_all(spec_.root / "fastfile");
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
  const Cluster cluster_;
  const int count_;
  std::vector<std::vector<Mount>> mounts_;  // of each host
  std::vector<std::shared_ptr<PipeChannel>> pipes_;
  int port_ = first_master_port;
  HostGroup hosts_;
  TrainingOutcome outcome_;
};

fs::path host_root(const TrainingSpec& spec, int host_index) { return spec.root / (host_name(host_index)); }

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
