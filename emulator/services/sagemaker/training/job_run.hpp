// One training job from its creation, or from what an earlier emulator left of it, to its last state: it
// waits for instances, trains, and where it loses them or they break down, starts again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/capacity.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/training/control.hpp"
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
};

class TrainingJobRun {
 public:
  TrainingJobRun(TrainingSite& site, std::string name, json document, TrainingControl& control);
  // Returns when the job has ended, or, at a shutdown, when the next start can go on with it.
  void run();

 private:
  using Change = std::function<void(store::Record& job, std::int64_t now_ms)>;
  struct Attempt;

  bool attempt();  // true: there is to be another one
  bool wait_for_instances(Capacity::Claim& claim);
  void find_cache(runner::TrainingSpec& spec);
  Attempt train(const runner::TrainingSpec& spec);
  void publish(Attempt& attempt);
  bool conclude(Attempt& attempt);
  bool start_again(std::string_view secondary_status, std::string_view message);
  void finish(const Attempt& attempt);
  bool left_for_later(const Attempt& attempt) const;

  void change(const Change& apply);
  std::vector<std::string> open_streams(int hosts);
  std::optional<std::int64_t> wait_deadline_ms() const;
  std::int64_t run_ms_left();

  TrainingSite& site_;
  Platform& platform_;
  const std::string name_;
  const json document_;  // as it was created; its state is in the record
  TrainingControl& control_;
  std::filesystem::path root_, cache_;
  int interruptions_ = 0;  // by the schedule
  int retries_ = 0;
};

}  // namespace sagemaker::local::services
