// A training job whose image is a shell program, for the tests of the runner.
#pragma once

#include "emulator/runner/training/run.hpp"
#include "tests/unit/runner_support.hpp"

namespace sagemaker::tests {

namespace runner = local::runner;

// A job whose image is a shell program; ML stands for /opt/ml in it.
class Job {
 public:
  Job(const Sandbox& sandbox, const std::string& program) : sandbox_(sandbox) {
    const fs::path script =
        write_script(directory_ / "image.sh", "#!/bin/sh\nML=${SAGEMAKER_BASE_DIR:-/opt/ml}\n" + program);
    spec.job_name = "job-1";
    spec.image = {.name = "test", .command = {script}};
    spec.environment = {{"PATH", "/usr/bin:/bin"}, {"TRAINING_JOB_NAME", "job-1"}};
    spec.root = directory_ / "job";
    limits.training_stop_grace = std::chrono::seconds(10);
  }

  runner::TrainingOutcome run() {
    runner::TrainingEvents events{
        .on_phase = [this](runner::TrainingPhase phase) { phases.push_back(phase); },
        .on_line =
            [this](int host, std::string_view line) {
              const bool is_note = line.starts_with("sagemaker-local: containers are NOT");
              (is_note ? notes : lines[host]).add(line);
            }};
    return runner::TrainingRunner(sandbox_, addresses_, limits).run(spec, events, stop);
  }

  runner::InputChannel channel(const std::string& name, const std::vector<std::string>& relative_paths) {
    const fs::path source = directory_ / ("source-" + name);
    std::ofstream(source) << "data of " << name;
    return {name,
            {{"TrainingInputMode", "File"},
             {"S3DistributionType", "FullyReplicated"},
             {"RecordWrapperType", "None"}},
            [source, relative_paths](int, int) {
              std::vector<runner::InputFile> files;
              for (const std::string& path : relative_paths) files.push_back({path, source});
              return files;
            }};
  }

  const fs::path& directory() const { return directory_.path(); }
  runner::TrainingSpec spec;
  local::RunnerLimits limits;
  runner::StopSignal stop;
  std::vector<runner::TrainingPhase> phases;
  Lines lines[3];  // of each host
  Lines notes;     // what the platform says about a sandbox that does not isolate

 private:
  const Sandbox& sandbox_;
  runner::AddressPool addresses_;
  TemporaryDirectory directory_;
};

}  // namespace sagemaker::tests
