// Runs training jobs: one thread a job, which turns what the runner reports into states, logs, metrics and
// artifacts.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "emulator/runner/training/run.hpp"
#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class TrainingExecutor {
 public:
  explicit TrainingExecutor(Platform& platform) : platform_(platform) {}
  ~TrainingExecutor();  // interrupts, and waits for the ends
  // Tells what runs to end, for a shutdown; those jobs fail with the reason. Does not wait.
  void interrupt();

  // Starts the job of this record, which must be InProgress.
  void start(const store::Record& job);
  // StopTrainingJob: SIGTERM now, SIGKILL after the grace period; the state changes when the job has ended.
  void stop(const std::string& job_name);
  // At start-up: whatever an earlier emulator left unfinished is given an end.
  void recover();

 private:
  void run(const std::string& name, const json& document, runner::StopSignal& stop);

  Platform& platform_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<runner::StopSignal>> running_;  // by job name
  bool shutting_down_ = false;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace sagemaker::local::services
