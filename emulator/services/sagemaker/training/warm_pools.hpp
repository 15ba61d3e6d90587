// Managed warm pools: instances that a job keeps for the next one of the same kind
// (KeepAlivePeriodInSeconds). Nothing has to be launched here, so what a pool keeps is its state, as AWS
// shows it, and the folder /opt/ml/sagemaker/warmpoolcache. Pools end with the emulator.
// https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class WarmPools {
 public:
  explicit WarmPools(Platform& platform) : platform_(platform) {}

  // Takes a pool that fits this job, if there is one: the folder that it kept. The job that had it is Reused.
  std::optional<std::filesystem::path> take(const std::string& job, const json& request);
  // The job has completed and keeps its instances, with this folder. Its record is changed by the caller with
  // `available`.
  void keep(const std::string& job, const json& request, const std::filesystem::path& cache);

  // What WarmPoolStatus of this record is now; no value where the job keeps nothing.
  std::optional<json> status(const store::Record& job);
  // UpdateTrainingJob: another time, counted from when the pool became available; 0 ends it.
  void update(const std::string& job, std::int64_t keep_alive_s);

  // A new folder for a job that will keep its instances.
  std::filesystem::path new_cache(const std::string& job) const;

 private:
  struct Pool {
    std::string key;  // what a job must have in common with the one before
    std::int64_t since_ms = 0, until_ms = 0;
    std::filesystem::path cache;
  };
  static std::string key_of(const json& request);
  void end_expired();  // with the mutex held

  Platform& platform_;
  std::mutex mutex_;
  std::map<std::string, Pool> pools_;  // by the job that keeps them
};

}  // namespace sagemaker::local::services
