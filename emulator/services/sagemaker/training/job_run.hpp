// One training job from its creation, or from what an earlier emulator left of it, to its last state: it
// waits for instances, trains, and where it loses them or they break down, starts again.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/training/run.hpp"
#include "emulator/services/sagemaker/jobs/capacity.hpp"
#include "emulator/services/sagemaker/jobs/control.hpp"
#include "emulator/services/sagemaker/jobs/record.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/objective_feed.hpp"
#include "emulator/services/sagemaker/training/settings.hpp"
#include "emulator/services/sagemaker/training/warm_pools.hpp"

namespace sagemaker::local::services {

class MetricScanner;

// What all jobs share.
struct TrainingSite {
  Platform& platform;
  const TrainingSettings& settings;
  Capacity& capacity;
  WarmPools& warm_pools;
  ObjectiveFeed& objectives;
};

class TrainingJobRun {
 public:
  // Its place in the queue for instances is taken here and now.
  TrainingJobRun(TrainingSite& site, std::string name, json document, JobControl& control);
  // Returns when the job has ended, or, at a shutdown, when the next start can go on with it.
  void run();

 private:
  struct Attempt;

  bool attempt();  // true: there is to be another one
  bool wait_for_instances(Capacity::Claim& claim);
  void give_up_waiting(bool out_of_time);
  void find_cache(runner::TrainingSpec& spec);
  Attempt train(const runner::TrainingSpec& spec);
  void publish(Attempt& attempt);
  bool conclude(Attempt& attempt);
  bool start_again(const Attempt& attempt, std::string_view secondary_status, std::string_view message);
  void finish(const Attempt& attempt);
  void note_objective(store::Record& job) const;
  static void end(store::Record& job, const Attempt& attempt, bool keeps, std::int64_t now);
  bool may_go_on_later(JobControl::Cause cause) const;

  std::chrono::seconds run_time_left(const json& job) const;

  TrainingSite& site_;
  Platform& platform_;
  const std::string name_;
  const json document_;  // as it was created; its state is in the record
  JobControl& control_;
  JobRecord record_;
  // MaxWaitTimeInSeconds, of a clock that nobody sets back.
  std::optional<std::chrono::steady_clock::time_point> wait_deadline_;
  std::unique_ptr<Capacity::Claim> claim_;            // until the next attempt takes it
  std::unique_ptr<ObjectiveFeed::Source> objective_;  // of a tuning job's training job
  std::filesystem::path root_, cache_;
  int interruptions_ = 0;  // by the schedule
  int retries_ = 0;
};

}  // namespace sagemaker::local::services
