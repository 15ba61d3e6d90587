// Runs one training job on this machine: builds /opt/ml for every host, starts the containers, follows them,
// collects the artifacts. It knows the container contract and nothing of the API: whoever calls it turns
// events into job states.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/runner/host_group.hpp"
#include "emulator/runner/stop_signal.hpp"
#include "emulator/runner/training/cluster.hpp"
#include "emulator/runner/training/inputs.hpp"

namespace sagemaker::local::runner {

struct TrainingSpec {
  std::string job_name;
  images::Image image;
  std::vector<std::string> entry_point;   // ContainerEntrypoint; replaces the image's command where not empty
  std::vector<std::string> arguments;     // ContainerArguments; replaces "train" where not empty
  json hyperparameters = json::object();  // string -> string
  std::map<std::string, std::string> environment;  // complete but for what the image adds
  std::string instance_type = "ml.m5.large";
  int instance_count = 1;                      // of all groups together
  std::vector<InstanceGroup> instance_groups;  // empty: instance_count instances of instance_type
  std::vector<InputChannel> channels;
  std::uint64_t volume_bytes = 0;  // of VolumeSizeInGB: no file may be longer; 0: as the machine likes
  // Further documents of /opt/ml/input/config, by file name.
  std::map<std::string, json> config_files;
  std::chrono::seconds run_seconds_max{86400};
  // CheckpointConfig.LocalPath. Outside of /opt/ml it needs a sandbox that isolates, and a place where a
  // folder can be made.
  std::filesystem::path checkpoint_path = "/opt/ml/checkpoints";
  // Kept from job to job: each host finds warm_pool_cache/algo-N at /opt/ml/sagemaker/warmpoolcache. Empty:
  // none.
  std::filesystem::path warm_pool_cache;
  std::filesystem::path root;  // this job's working directory; each host gets root/algo-N
};

// Where a host's checkpoints and its /opt/ml/output/intermediate lie on this machine, from `on_prepared`
// until run() has returned. The job writes there: readers must follow no link.
std::filesystem::path checkpoint_folder(const TrainingSpec& spec, int host_index);
std::filesystem::path intermediate_folder(const TrainingSpec& spec, int host_index);

enum class TrainingPhase { downloading, training, uploading };

struct TrainingEvents {
  std::function<void(TrainingPhase)> on_phase;
  // The folders of all hosts are there and the data is, no container runs yet. May throw
  // std::runtime_error: the job fails with its text, which must begin as a FailureReason does.
  std::function<void()> on_prepared;
  // No container runs any more, and the folders are as the job has left them: the artifacts, which may hold
  // its checkpoints, are moved away next. Not where no container was started.
  std::function<void()> on_ended;
  std::function<void(int host_index, std::string_view line)>
      on_line;  // called from several threads, one per host
};

struct TrainingOutcome {
  using Kind = JobEnd;
  Kind kind = Kind::failed;
  std::string failure_reason;  // "AlgorithmError: ...", "ClientError: ..." or "InternalServerError: ..."; at
                               // most 1024 chars
  std::optional<ExitStatus> exit;  // of the host that decided the outcome
  std::filesystem::path
      model_directory;  // merged /opt/ml/model of all hosts; what is there is to be published,
  std::filesystem::path output_directory;      // merged /opt/ml/output/data; after a stop too
  std::chrono::milliseconds training_time{0};  // from the start of the containers to their end
};

class TrainingRunner {
 public:
  TrainingRunner(const Sandbox& sandbox, AddressPool& addresses, const RunnerLimits& limits)
      : sandbox_(sandbox), addresses_(addresses), limits_(limits) {}
  // Blocks until the job has ended; does not throw for anything that the job did wrong.
  TrainingOutcome run(const TrainingSpec& spec, const TrainingEvents& events, const StopSignal& stop);

 private:
  const Sandbox& sandbox_;
  AddressPool& addresses_;
  const RunnerLimits& limits_;
};

}  // namespace sagemaker::local::runner
