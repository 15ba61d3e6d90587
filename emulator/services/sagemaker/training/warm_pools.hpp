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
  // The job has completed and keeps its instances for so long, with this folder. To be called within the
  // transaction that says so in its record: whoever takes the pool then writes there after it.
  void keep(const std::string& job, const json& request, std::int64_t keep_alive_s,
            const std::filesystem::path& cache);
  // The job is deleted, or could not be completed after all. Returns the folder of its pool, for the caller
  // to remove; empty where it had none. Touches no record.
  std::filesystem::path forget(const std::string& job);

  // What WarmPoolStatus of this record is now; no value where the job keeps nothing.
  std::optional<json> status(const store::Record& job);
  // UpdateTrainingJob: another time, counted from when the pool became available; 0 ends it.
  void update(const std::string& job, std::int64_t keep_alive_s);

  // A new folder for a job that will keep its instances, with a name that no pool had before.
  std::filesystem::path new_cache(const std::string& job);

 private:
  struct Pool {
    std::string key;  // what a job must have in common with the one before
    std::int64_t since_ms = 0, until_ms = 0;
    std::filesystem::path cache;
  };
  using Pools = std::map<std::string, Pool>;  // by the job that keeps them
  static std::string key_of(const json& request);
  Pools take_expired();                // out of pools_, with the mutex held
  void terminate(const Pools& pools);  // without it: records are written
  void show(const std::string& job, const json& status);

  Platform& platform_;
  std::mutex mutex_;  // never held while a record is written: keep() is called within such a transaction
  Pools pools_;
  unsigned caches_ = 0;
};

}  // namespace sagemaker::local::services
