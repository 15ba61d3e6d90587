// What goes on beside a running attempt of a training job: checkpoints and intermediate output are kept in
// step with S3, spot instances are taken away by the schedule, and the deadline of MaxWaitTimeInSeconds is
// watched. From begin() to end(), on threads of its own: a checkpoint may take minutes to store, and nothing
// that has to happen in time waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "emulator/runner/training/run.hpp"
#include "emulator/services/sagemaker/folder_sync.hpp"
#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/paced_work.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class TrainingSideWork {
 public:
  struct Plan {
    std::optional<std::chrono::milliseconds> reclaim_after;         // of this attempt's training
    std::optional<std::chrono::steady_clock::time_point> deadline;  // then the job is out of time
    std::function<void(const std::string& line)> say;               // into the job's log
  };
  TrainingSideWork(Platform& platform, const json& job, const runner::TrainingSpec& spec, JobControl& control,
                   Plan plan);
  ~TrainingSideWork();  // as end(), without the last look
  TrainingSideWork(const TrainingSideWork&) = delete;
  TrainingSideWork& operator=(const TrainingSideWork&) = delete;

  // When the folders are there and no container runs: restores the checkpoints, until `stop` is requested.
  // Throws std::runtime_error with a FailureReason.
  void begin(const runner::StopSignal& stop);
  // When the containers have ended: the last changes go to S3. Again: what has changed since.
  void end();

 private:
  void keep_time();
  void keep_in_step();
  bool wait(std::chrono::steady_clock::time_point until);
  void join();

  Platform& platform_;
  const json& job_;
  const runner::TrainingSpec& spec_;
  JobControl& control_;
  const Plan plan_;
  std::unique_ptr<FolderSync> checkpoints_, intermediate_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;
  std::thread timekeeper_;
  PacedWork syncing_;
};

}  // namespace sagemaker::local::services
