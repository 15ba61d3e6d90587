#include "emulator/services/metrics/publisher.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <vector>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::milliseconds between_transactions{1'000};
constexpr int resolution_s = 1;
constexpr std::size_t fresh_values_max = 4'096;  // different ones

}  // namespace

MetricPublisher::MetricPublisher(Metrics& metrics, std::string space, Metrics::Dimensions dimensions)
    : metrics_(metrics), space_(std::move(space)), dimensions_(std::move(dimensions)) {
  std::sort(dimensions_.begin(), dimensions_.end());
}

MetricPublisher::~MetricPublisher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  store_pending();
}

void MetricPublisher::Second::add(double value) {
  fresh.minimum = fresh.count == 0 ? value : std::min(fresh.minimum, value);
  fresh.maximum = fresh.count == 0 ? value : std::max(fresh.maximum, value);
  ++fresh.count;
  fresh.sum += value;
  ++fresh.spread[value];
  if (fresh.spread.size() >= fresh_values_max) settle();
}

void MetricPublisher::Second::settle() {
  if (fresh.count > 0) summary.add(fresh);
  fresh = {};
}

void MetricPublisher::add(const std::string& metric, double value, aws::TimePoint when) {
  const std::lock_guard lock(mutex_);
  pending_[{metric, aws::to_epoch_ms(when) / 1000}].add(value);
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return;  // stored with the next one that finds a thread, at the latest at the end
    }
  }
  if (pending_.size() == 1) work_.notify_all();
}

void MetricPublisher::flush() { store_pending(); }

void MetricPublisher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (stopping_) return;
    lock.unlock();
    store_pending();
    lock.lock();
    if (work_.wait_for(lock, between_transactions, [this] { return stopping_; })) return;
  }
}

void MetricPublisher::store_pending() noexcept {
  try {
    const std::lock_guard storing(storing_);
    Pending taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(pending_);
    }
    if (taken.empty()) return;
    std::vector<store::MetricSample> samples;
    samples.reserve(taken.size());
    for (auto& [key, second] : taken) {
      second.settle();
      samples.push_back(
          {{space_, key.first, dimensions_}, "None", key.second, resolution_s, std::move(second.summary)});
    }
    metrics_.put(samples);
  } catch (const std::exception& error) {
    spdlog::warn("values of metrics in {} are lost: {}", space_, error.what());
  }
}

}  // namespace sagemaker::local::services
