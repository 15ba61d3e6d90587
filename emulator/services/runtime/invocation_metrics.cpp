#include "emulator/services/runtime/invocation_metrics.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

namespace sagemaker::local::services::runtime {
namespace {

using store::MetricSample;
using store::MetricSummary;

constexpr std::chrono::milliseconds between_transactions{1'000};
const std::string space = "AWS/SageMaker";

// Without an endpoint `variant` is an inference component.
Metrics::Dimensions dimensions_of(const std::string& endpoint, const std::string& variant) {
  if (endpoint.empty()) return {{"InferenceComponentName", variant}};
  Metrics::Dimensions dimensions = {{"EndpointName", endpoint}};
  if (!variant.empty()) dimensions.emplace_back("VariantName", variant);
  return dimensions;
}

MetricSummary summary_of(const std::vector<double>& values) {
  MetricSummary all;
  for (const double value : values) {
    all.minimum = all.count == 0 ? value : std::min(all.minimum, value);
    all.maximum = all.count == 0 ? value : std::max(all.maximum, value);
    ++all.count;
    all.sum += value;
    ++all.spread[value];
  }
  MetricSummary summary;  // which takes values together that are near to each other
  if (all.count > 0) summary.add(all);
  return summary;
}

// 1 for each of `hits`, 0 for the others.
MetricSummary share_of(double hits, double count) {
  MetricSummary summary;
  if (hits > 0) summary.add(MetricSummary::of(1, hits));
  if (count > hits) summary.add(MetricSummary::of(0, count - hits));
  return summary;
}

double microseconds(std::chrono::microseconds time) { return static_cast<double>(time.count()); }

}  // namespace

InvocationMetrics::InvocationMetrics(Metrics& metrics, std::shared_ptr<aws::Clock> clock, int resolution_s)
    : metrics_(metrics), clock_(std::move(clock)), resolution_s_(resolution_s), thread_([this] { run(); }) {}

InvocationMetrics::~InvocationMetrics() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
  }
  thread_.join();
  store_pending();
}

std::int64_t InvocationMetrics::minute_now() const {
  const std::int64_t now_s = aws::to_epoch_ms(clock_->now()) / 1000;
  return now_s - now_s % resolution_s_;
}

void InvocationMetrics::note(std::string_view endpoint, std::string_view variant,
                             const InvocationSample& sample) {
  const KeyView key{endpoint, variant, minute_now()};
  const std::lock_guard lock(mutex_);
  auto found = minutes_.find(key);
  if (found == minutes_.end()) {
    found = minutes_.emplace(Key{std::string(endpoint), std::string(variant), key.minute_s}, Minute()).first;
    work_.notify_one();
  }
  Minute& minute = found->second;
  ++minute.count;
  ++minute.instances[sample.instances];
  if (sample.model_error) {
    ++minute.model_errors;
    if (sample.status >= 400 && sample.status < 500) ++minute.client_errors;
    if (sample.status >= 500) ++minute.server_errors;
  }
  minute.model_latency.push_back(sample.model_latency_us);
  minute.overhead_latency.push_back(sample.overhead_latency_us);
  if (sample.multi_model) minute.loads.emplace_back(sample.load, sample.loaded_models);
}

void InvocationMetrics::note(const InvocationEvent& event) {
  InvocationSample sample;
  if (event.fault != nullptr) {
    if (event.fault->code() != "ModelError") return;
    sample.model_error = true;
    sample.status = event.fault->fields().value("OriginalStatusCode", 0);
  }
  sample.instances = std::max(1, event.route.variant->count());
  sample.model_latency_us = microseconds(event.model_latency);
  sample.overhead_latency_us = microseconds(event.overhead_latency);
  if (event.multi_model && event.route.instance) {
    const hosting::ModelCache* models = event.route.instance->models(0);
    sample.multi_model = models != nullptr;
    sample.load = event.load;
    if (models != nullptr) sample.loaded_models = static_cast<double>(models->loaded());
  }
  if (!event.route.component.empty()) {
    note({}, event.route.component, sample);  // of its copies; the variant's are its instances
    const auto host = event.route.deployment->find(event.route.variant->name());
    sample.instances = host ? std::max(1, host->count()) : 1;
  }
  note(event.request.endpoint_name, event.route.variant->name(), sample);
}

void InvocationMetrics::note_no_capacity(const std::string& component) {
  put({}, component, "NoCapacityInvocationFailures", "Count", 1);
}

void InvocationMetrics::put(const std::string& endpoint, const std::string& variant,
                            const std::string& metric, const std::string& unit, double value) {
  MetricSample sample{{space, metric, dimensions_of(endpoint, variant)},
                      unit,
                      minute_now(),
                      resolution_s_,
                      MetricSummary::of(value)};
  const std::lock_guard lock(mutex_);
  others_.push_back(std::move(sample));
  work_.notify_one();
}

void InvocationMetrics::append(std::vector<MetricSample>& samples, const Key& key,
                               const Minute& minute) const {
  const auto add = [&](const char* name, const char* unit, MetricSummary summary) {
    samples.push_back({{space, name, dimensions_of(key.endpoint, key.variant)},
                       unit,
                       key.minute_s,
                       resolution_s_,
                       std::move(summary)});
  };
  MetricSummary per_instance;
  for (const auto& [instances, times] : minute.instances)
    per_instance.add(MetricSummary::of(1.0 / instances, times));
  add("Invocations", "None", MetricSummary::of(1, minute.count));
  add(key.endpoint.empty() ? "InvocationsPerCopy" : "InvocationsPerInstance", "None",
      std::move(per_instance));
  add("Invocation4XXErrors", "None", share_of(minute.client_errors, minute.count));
  add("Invocation5XXErrors", "None", share_of(minute.server_errors, minute.count));
  add("InvocationModelErrors", "None", share_of(minute.model_errors, minute.count));
  add("ModelLatency", "Microseconds", summary_of(minute.model_latency));
  add("OverheadLatency", "Microseconds", summary_of(minute.overhead_latency));
  if (minute.loads.empty()) return;
  double hits = 0;
  std::vector<double> waits, downloads, loads, unloads, counts;
  for (const auto& [load, loaded] : minute.loads) {
    counts.push_back(loaded);
    waits.push_back(microseconds(load.waited));
    if (load.cached) {
      ++hits;
      continue;
    }
    downloads.push_back(microseconds(load.download));
    loads.push_back(microseconds(load.load));
    if (load.unload.count() > 0) unloads.push_back(microseconds(load.unload));
  }
  add("ModelCacheHit", "None", share_of(hits, static_cast<double>(minute.loads.size())));
  add("ModelLoadingWaitTime", "Microseconds", summary_of(waits));
  if (!downloads.empty()) add("ModelDownloadingTime", "Microseconds", summary_of(downloads));
  if (!loads.empty()) add("ModelLoadingTime", "Microseconds", summary_of(loads));
  if (!unloads.empty()) add("ModelUnloadingTime", "Microseconds", summary_of(unloads));
  add("LoadedModelCount", "None", summary_of(counts));
}

void InvocationMetrics::flush() { store_pending(); }

void InvocationMetrics::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !minutes_.empty() || !others_.empty(); });
    if (stopping_) return;
    lock.unlock();
    store_pending();
    lock.lock();
    if (work_.wait_for(lock, between_transactions, [this] { return stopping_; })) return;
  }
}

void InvocationMetrics::store_pending() noexcept {
  try {
    const std::lock_guard storing(storing_);
    Minutes minutes;
    std::vector<MetricSample> samples;
    {
      const std::lock_guard lock(mutex_);
      minutes.swap(minutes_);
      samples.swap(others_);
    }
    for (const auto& [key, minute] : minutes) append(samples, key, minute);
    if (!samples.empty()) metrics_.put(samples);
  } catch (const std::exception& error) {
    spdlog::warn("values of metrics in {} are lost: {}", space, error.what());
  }
}

}  // namespace sagemaker::local::services::runtime
