// Runs one processing job on this machine: builds /opt/ml/processing for every host, brings the inputs,
// starts the containers, follows them to their ends. It knows the container contract and nothing of the API.
// https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/runner/host_group.hpp"
#include "emulator/runner/stop_signal.hpp"
#include "emulator/runner/training/inputs.hpp"

namespace sagemaker::local::runner {

struct ProcessingSpec {
  struct Input {
    std::string name;
    // In the container: "/opt/ml/processing/input/data". The job fails where it is not below
    // /opt/ml/processing.
    std::filesystem::path local_path;
    // For one of the hosts (0-based); called when the job downloads. May throw std::runtime_error.
    std::function<std::vector<InputFile>(int host_index, int host_count)> files;
    // Where the bytes of a file lie now; see InputChannel::locate.
    std::function<std::filesystem::path(const InputFile& file)> locate = {};
  };
  struct Output {
    std::string name;
    std::filesystem::path local_path;  // in the container, as for an input: "/opt/ml/processing/output"
  };
  std::string job_name;
  images::Image image;
  // ContainerEntrypoint; replaces the image's command where not empty. A source file that the image runs
  // (images::Image::source_suffixes) may be its first word.
  std::vector<std::string> entry_point;
  std::vector<std::string> arguments;              // ContainerArguments
  std::map<std::string, std::string> environment;  // complete but for what the image adds
  std::string instance_type = "ml.m5.large";
  int instance_count = 1;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  json config = json::object();    // /opt/ml/config/processingjobconfig.json
  std::uint64_t volume_bytes = 0;  // no file may be longer; 0: as the machine likes
  bool isolated_network = false;   // EnableNetworkIsolation
  std::chrono::seconds run_seconds_max{86400};
  std::filesystem::path root;  // this job's working directory; each host gets root/algo-N
};

// Where a host's output lies on this machine, from on_prepared until the root is removed. The job writes
// there: readers must follow no link. Throws JobFailure for a local path that no job can have.
std::filesystem::path processing_output_folder(const ProcessingSpec& spec,
                                               const ProcessingSpec::Output& output, int host_index);

struct ProcessingEvents {
  // The folders of all hosts are there and the data is, no container runs yet. May throw std::runtime_error:
  // the job fails with its text, which must begin as a FailureReason does.
  std::function<void()> on_prepared;
  std::function<void()> on_started;
  std::function<void(int host_index, std::string_view line)> on_line;  // called from several threads
};

struct ProcessingOutcome {
  using Kind = JobEnd;
  Kind kind = Kind::failed;
  std::string failure_reason;  // "AlgorithmError: ...", "ClientError: ...", "InternalServerError: ..."
  // What the hosts have written to /opt/ml/output/message, one behind the other; UTF-8, at most 1024 bytes.
  std::string exit_message;
  std::optional<ExitStatus> exit;  // of the host that decided the outcome
  bool started = false;            // containers ran: there may be output
};

class ProcessingRunner {
 public:
  ProcessingRunner(const Sandbox& sandbox, AddressPool& addresses, const RunnerLimits& limits)
      : sandbox_(sandbox), addresses_(addresses), limits_(limits) {}
  // Blocks until the job has ended; does not throw for anything that the job did wrong.
  ProcessingOutcome run(const ProcessingSpec& spec, const ProcessingEvents& events, const StopSignal& stop);

 private:
  const Sandbox& sandbox_;
  AddressPool& addresses_;
  const RunnerLimits& limits_;
};

}  // namespace sagemaker::local::runner
