// See run.hpp. The story of one job: make the hosts' folders, download, start all containers, follow them
// until the first thing that decides the outcome, end the rest, read what they have to say.
#include "emulator/runner/processing/run.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <unistd.h>

#include "emulator/runner/container_environment.hpp"
#include "emulator/runner/host_group.hpp"
#include "emulator/runner/host_tree.hpp"
#include "emulator/runner/training/cluster.hpp"
#include "emulator/utf8.hpp"

namespace sagemaker::local::runner {
namespace {

namespace fs = std::filesystem;
using Kind = ProcessingOutcome::Kind;

constexpr const char* ml_folder = "/opt/ml";
constexpr const char* processing_folder = "/opt/ml/processing";
constexpr std::size_t exit_message_bytes_max = 1024;  // "the first 1 KB of this file"

// "/opt/ml/processing/input" -> "processing/input". AWS allows no other place: "must begin with
// /opt/ml/processing/".
fs::path below_ml(const fs::path& local_path) {
  const fs::path path = local_path.lexically_normal();
  const fs::path below = path.lexically_relative(processing_folder);
  if (below.empty() || *below.begin() == "." || *below.begin() == ".." ||
      local_path.native().find('\0') != std::string::npos) {
    throw JobFailure("ClientError: The local path '" + clean_text(local_path.string(), 256) +
                     "' must begin with /opt/ml/processing/");
  }
  return path.lexically_relative(ml_folder);
}

std::vector<JobHost> hosts_of(const ProcessingSpec& spec) {
  std::vector<JobHost> hosts;
  for (int i = 0; i < std::max(1, spec.instance_count); ++i)
    hosts.push_back({host_name(i), spec.instance_type});
  return hosts;
}

// The longest beginning of valid UTF-8 that is not longer than that.
std::string_view text_prefix(std::string_view text, std::size_t bytes_max) {
  std::size_t size = 0;
  while (size < text.size()) {
    const std::size_t length = utf8_length(text.substr(size));
    if (length == 0 || size + length > bytes_max) break;
    size += length;
  }
  return text.substr(0, size);
}

// Of the beginning of a file, which may be cut inside a character.
bool is_text(std::string_view text) {
  const std::size_t wrong = text.size() - text_prefix(text, text.size()).size();
  return wrong == 0 || (text.size() == output_bytes_max && wrong < 4);
}

class Job {
 public:
  Job(const ProcessingSpec& spec, const ProcessingEvents& events, const StopSignal& stop,
      const Sandbox& sandbox, AddressPool& addresses, const RunnerLimits& limits)
      : spec_(spec),
        events_(events),
        stop_(stop),
        sandbox_(sandbox),
        limits_(limits),
        cluster_({}, spec.instance_type, spec.instance_count),
        hosts_(hosts_of(spec), "processing job", events.on_line, sandbox, addresses, limits) {}

  ProcessingOutcome run() {
    try {
      for (int host = 0; host < hosts_.size(); ++host) prepare(host);
      for (int host = 0; host < hosts_.size(); ++host) download(host);
      prepared();
      start();
      follow();
    } catch (const InputStopped&) {
      outcome_.kind = Kind::stopped;
    } catch (const JobFailure& failure) {
      fail(failure.what());
    }
    hosts_.end();
    if (hosts_.started()) collect();
    return std::move(outcome_);
  }

 private:
  fs::path root_of(int host) const { return spec_.root / hosts_.name(host); }

  void fail(const std::string& reason) {
    outcome_.kind = Kind::failed;
    outcome_.failure_reason = clean_text(reason, limits_.failure_reason_chars_max);
  }

  // All folders before any data: one input's may lie in another's.
  void prepare(int host) {
    std::vector<fs::path> folders;
    for (const ProcessingSpec::Input& input : spec_.inputs) folders.push_back(below_ml(input.local_path));
    for (const ProcessingSpec::Output& output : spec_.outputs) folders.push_back(below_ml(output.local_path));
    try {
      const fs::path ml = root_of(host) / "ml";
      make_processing_tree(root_of(host));
      for (const fs::path& folder : folders) fs::create_directories(ml / folder);
      write_json_file(ml / "config/processingjobconfig.json", spec_.config);
      // AWS documents current_host and hosts; the rest is what it writes for training jobs.
      write_json_file(ml / "config/resourceconfig.json", cluster_.resource_config(host));
    } catch (const std::exception& error) {
      throw JobFailure(std::string("InternalServerError: the job's folders cannot be made: ") + error.what());
    }
  }

  void download(int host) {
    for (const ProcessingSpec::Input& input : spec_.inputs) {
      if (!input.files) continue;
      const InputPlace place{
          .index = host, .count = hosts_.size(), .stopped = [this] { return stop_.requested(); }};
      const InputChannel channel{.name = input.name, .files = input.files, .locate = input.locate};
      try {
        copy_input(channel, root_of(host) / "ml" / below_ml(input.local_path), place);
      } catch (const fs::filesystem_error& error) {  // its text names folders of this machine
        throw JobFailure("ClientError: Data download failed: input " + input.name + ": " +
                         error.code().message());
      } catch (const std::exception& error) {
        throw JobFailure("ClientError: Data download failed:" + std::string(error.what()));
      }
    }
  }

  void prepared() {
    if (!events_.on_prepared) return;
    try {
      events_.on_prepared();
    } catch (const std::runtime_error& error) {
      throw JobFailure(error.what());
    }
  }

  // docker's rules: an entry point replaces all of the image's command, arguments come behind.
  std::vector<std::string> command() const {
    std::vector<std::string> argv = spec_.entry_point;
    if (argv.empty() || spec_.image.runs(argv[0]))
      argv.insert(argv.begin(), spec_.image.command.begin(), spec_.image.command.end());
    argv.insert(argv.end(), spec_.arguments.begin(), spec_.arguments.end());
    return argv;
  }

  Environment environment(int host) const {
    const Share share = hosts_.share(host);
    Environment result =
        base_environment(spec_.image.environment, spec_.environment, root_of(host), sandbox_.isolated());
    if (!spec_.image.commands.empty())
      result["PATH"] = fs::absolute(spec_.image.commands).string() + ":" + result["PATH"];
    result.merge(gpu_environment(share, host, this_machine()));
    // The hosts share this machine's processors.
    result.emplace("OMP_NUM_THREADS", std::to_string(share.cpus));
    return result;
  }

  // Each host gets a network with nothing but itself: AWS lets no call in or out.
  bool network_of_its_own() const {
    if (!spec_.isolated_network || sandbox_.private_networks()) return spec_.isolated_network;
    for (int host = 0; host < hosts_.size(); ++host)
      hosts_.say(host, "sagemaker-local: network isolation is not possible on this machine (" +
                           sandbox_.no_network_reason() + "): the container shares the machine's network");
    return false;
  }

  void start() {
    if (stop_.requested()) throw InputStopped();
    const bool private_network = network_of_its_own();
    hosts_.start([&](int host) {
      return ContainerSpec{.argv = command(),
                           .environment = environment(host),
                           .root = root_of(host),
                           .writable = spec_.image.writable,
                           .limits = {.file_bytes = spec_.volume_bytes},
                           .private_network = private_network};
    });
    outcome_.started = true;
    if (events_.on_started) events_.on_started();
  }

  void follow() {
    const HostGroup::End end = hosts_.follow(spec_.run_seconds_max, stop_);
    outcome_.kind = end.kind;
    outcome_.exit = end.exit;
    if (end.kind != Kind::failed) return;
    // AWS's whole text; the code is told where it sends the reader to.
    hosts_.say(end.host,
               "sagemaker-local: the container ended with exit code " + std::to_string(end.exit.code) +
                   (end.exit.signal > 0 ? " (signal " + std::to_string(end.exit.signal) + ")" : ""));
    fail("AlgorithmError: See job logs for more information");
  }

  // What the hosts have written, one behind the other, as far as there is room. Text that is none fails a
  // job that would be Completed; it is not why one failed or was stopped.
  // https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html
  void collect() {
    std::string message;
    for (int host = 0; host < hosts_.size(); ++host) {
      // Root may read anything; another user may be kept out of folders by what the job made of them.
      if (::geteuid() != 0) make_removable(root_of(host));
      const std::string text = read_output(root_of(host), "message");
      if (!is_text(text) && outcome_.kind == Kind::completed)
        fail("ClientError: The exit message in /opt/ml/output/message is not UTF-8 encoded");
      message += text_prefix(text, exit_message_bytes_max - message.size());
    }
    outcome_.exit_message = std::move(message);
  }

  const ProcessingSpec& spec_;
  const ProcessingEvents& events_;
  const StopSignal& stop_;
  const Sandbox& sandbox_;
  const RunnerLimits& limits_;
  const Cluster cluster_;
  HostGroup hosts_;
  ProcessingOutcome outcome_;
};

}  // namespace

fs::path processing_output_folder(const ProcessingSpec& spec, const ProcessingSpec::Output& output,
                                  int host_index) {
  return spec.root / host_name(host_index) / "ml" / below_ml(output.local_path);
}

ProcessingOutcome ProcessingRunner::run(const ProcessingSpec& spec, const ProcessingEvents& events,
                                        const StopSignal& stop) {
  try {
    return Job(spec, events, stop, sandbox_, addresses_, limits_).run();
  } catch (const std::exception& error) {
    ProcessingOutcome outcome;
    outcome.failure_reason =
        clean_text(std::string("InternalServerError: ") + error.what(), limits_.failure_reason_chars_max);
    return outcome;
  }
}

}  // namespace sagemaker::local::runner
