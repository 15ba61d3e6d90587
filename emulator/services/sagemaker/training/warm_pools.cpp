#include "emulator/services/sagemaker/training/warm_pools.hpp"

#include <algorithm>
#include <vector>

#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"

namespace sagemaker::local::services {
namespace {

json retained(std::string_view status, std::int64_t since_ms, std::int64_t until_ms) {
  return {{"Status", status},
          {"ResourceRetainedBillableTimeInSeconds", std::max<std::int64_t>(0, (until_ms - since_ms) / 1000)}};
}

}  // namespace

std::string WarmPools::key_of(const json& request) {
  json resources = request.at("ResourceConfig");
  resources.erase("KeepAlivePeriodInSeconds");
  const json key = {resources, request.at("RoleArn"), request.value("VpcConfig", json()),
                    request.value("EnableNetworkIsolation", false),
                    request.value("EnableInterContainerTrafficEncryption", false)};
  return aws::dump_json(key);
}

void WarmPools::end_expired() {
  const std::int64_t now = platform_.now_ms();
  std::vector<std::string> expired;
  for (const auto& [job, pool] : pools_)
    if (pool.until_ms <= now) expired.push_back(job);
  for (const std::string& job : expired) {
    const Pool pool = pools_.at(job);
    pools_.erase(job);
    platform_.records.update(training_job_kind, job, [&](store::Record& record) {
      record.document["WarmPoolStatus"] = retained("Terminated", pool.since_ms, pool.until_ms);
    });
    std::error_code ignored;
    std::filesystem::remove_all(pool.cache, ignored);
  }
}

std::optional<std::filesystem::path> WarmPools::take(const std::string& job, const json& request) {
  const std::lock_guard lock(mutex_);
  end_expired();
  const std::string key = key_of(request);
  const auto found =
      std::find_if(pools_.begin(), pools_.end(), [&](const auto& entry) { return entry.second.key == key; });
  if (found == pools_.end()) return std::nullopt;
  const auto [keeper, pool] = *found;
  pools_.erase(found);
  platform_.records.update(training_job_kind, keeper, [&, &pool = pool](store::Record& record) {
    json status = retained("Reused", pool.since_ms, platform_.now_ms());
    status["ReusedByJob"] = job;
    record.document["WarmPoolStatus"] = std::move(status);
  });
  return pool.cache;
}

void WarmPools::keep(const std::string& job, const json& request, const std::filesystem::path& cache) {
  const std::int64_t now = platform_.now_ms();
  const std::int64_t keep_alive_s = request.at("ResourceConfig").at("KeepAlivePeriodInSeconds");
  const std::lock_guard lock(mutex_);
  pools_[job] = {key_of(request), now, now + keep_alive_s * 1000, cache};
}

std::optional<json> WarmPools::status(const store::Record& job) {
  const auto shown = job.document.find("WarmPoolStatus");
  if (shown == job.document.end()) return std::nullopt;
  if (shown->at("Status") != "Available") return *shown;
  const std::lock_guard lock(mutex_);
  const auto pool = pools_.find(job.name);
  if (pool == pools_.end()) return retained("Terminated", 0, 0);  // it ended with an earlier emulator
  const std::int64_t now = platform_.now_ms();
  if (pool->second.until_ms <= now)
    return retained("Terminated", pool->second.since_ms, pool->second.until_ms);
  return retained("Available", pool->second.since_ms, now);
}

void WarmPools::update(const std::string& job, std::int64_t keep_alive_s) {
  const std::lock_guard lock(mutex_);
  const auto pool = pools_.find(job);
  if (pool == pools_.end()) return;
  pool->second.until_ms = pool->second.since_ms + keep_alive_s * 1000;
  if (keep_alive_s == 0) pool->second.until_ms = std::min(pool->second.until_ms, platform_.now_ms());
  end_expired();
}

std::filesystem::path WarmPools::new_cache(const std::string& job) const {
  return platform_.work_directory / "warm-pools" / job;
}

}  // namespace sagemaker::local::services
