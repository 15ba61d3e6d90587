#include "emulator/services/sagemaker/training/warm_pools.hpp"

#include <algorithm>
#include <iterator>

#include <spdlog/spdlog.h>

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

WarmPools::Pools WarmPools::take_expired() {
  const std::int64_t now = platform_.now_ms();
  Pools expired;
  for (auto entry = pools_.begin(); entry != pools_.end();) {
    const auto next = std::next(entry);
    if (entry->second.until_ms <= now) expired.insert(pools_.extract(entry));
    entry = next;
  }
  return expired;
}

// Where this cannot be stored, status() tells the same from the pool that is not there any more.
void WarmPools::show(const std::string& job, const json& status) {
  try {
    platform_.records.update(training_job_kind, job,
                             [&](store::Record& record) { record.document["WarmPoolStatus"] = status; });
  } catch (const store::DatabaseError& error) {
    spdlog::warn("the warm pool of the training job {}: {}", job, error.what());
  }
}

void WarmPools::terminate(const Pools& pools) {
  for (const auto& [job, pool] : pools) {
    show(job, retained("Terminated", pool.since_ms, pool.until_ms));
    std::error_code ignored;
    std::filesystem::remove_all(pool.cache, ignored);
  }
}

std::optional<std::filesystem::path> WarmPools::take(const std::string& job, const json& request) {
  if (request.value("EnableManagedSpotTraining", false)) return std::nullopt;  // AWS keeps no spot instances
  const std::string key = key_of(request);
  Pools expired, taken;
  {
    const std::lock_guard lock(mutex_);
    expired = take_expired();
    const auto found = std::find_if(pools_.begin(), pools_.end(),
                                    [&](const auto& entry) { return entry.second.key == key; });
    if (found != pools_.end()) taken.insert(pools_.extract(found));
  }
  terminate(expired);
  if (taken.empty()) return std::nullopt;
  const auto& [keeper, pool] = *taken.begin();
  json status = retained("Reused", pool.since_ms, platform_.now_ms());
  status["ReusedByJob"] = job;
  show(keeper, status);
  return pool.cache;
}

void WarmPools::keep(const std::string& job, const json& request, std::int64_t keep_alive_s,
                     const std::filesystem::path& cache) {
  const std::int64_t now = platform_.now_ms();
  const std::lock_guard lock(mutex_);
  pools_[job] = {key_of(request), now, now + keep_alive_s * 1000, cache};
}

std::filesystem::path WarmPools::forget(const std::string& job) {
  const std::lock_guard lock(mutex_);
  const Pools::node_type pool = pools_.extract(job);
  return pool.empty() ? std::filesystem::path() : pool.mapped().cache;
}

std::optional<json> WarmPools::status(const store::Record& job) {
  const auto shown = job.document.find("WarmPoolStatus");
  if (shown == job.document.end()) return std::nullopt;
  if (shown->at("Status") != "Available") return *shown;
  // It may have ended since, or with an earlier emulator.
  const std::lock_guard lock(mutex_);
  const auto pool = pools_.find(job.name);
  if (pool == pools_.end()) return retained("Terminated", 0, 0);
  const std::int64_t now = platform_.now_ms();
  if (pool->second.until_ms <= now)
    return retained("Terminated", pool->second.since_ms, pool->second.until_ms);
  return retained("Available", pool->second.since_ms, now);
}

void WarmPools::update(const std::string& job, std::int64_t keep_alive_s) {
  Pools expired;
  {
    const std::lock_guard lock(mutex_);
    const auto pool = pools_.find(job);
    if (pool == pools_.end()) return;
    pool->second.until_ms = pool->second.since_ms + keep_alive_s * 1000;
    if (keep_alive_s == 0) pool->second.until_ms = platform_.now_ms();
    expired = take_expired();
  }
  terminate(expired);
}

std::filesystem::path WarmPools::new_cache(const std::string& job) {
  const std::lock_guard lock(mutex_);
  return platform_.work_directory / "warm-pools" / (job + "." + std::to_string(++caches_));
}

}  // namespace sagemaker::local::services
