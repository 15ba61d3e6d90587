#include "emulator/services/metrics/metrics.hpp"

#include <algorithm>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services {
namespace {
constexpr std::int64_t compaction_interval_s = 3'600;
}

Metrics::Metrics(store::Metrics& store, std::shared_ptr<aws::Clock> clock)
    : store_(store), clock_(std::move(clock)) {}

std::int64_t Metrics::now_s() const { return aws::to_epoch_ms(clock_->now()) / 1000; }

void Metrics::put(const std::string& space, const std::string& metric, const Dimensions& dimensions,
                  double value, aws::TimePoint when) {
  store::MetricSample sample{{space, metric, dimensions},
                             "None",
                             aws::to_epoch_ms(when) / 1000,
                             60,
                             store::MetricSummary::of(value)};
  std::sort(sample.key.dimensions.begin(), sample.key.dimensions.end());
  put({&sample, 1});
}

void Metrics::put(std::span<const store::MetricSample> samples) {
  const std::int64_t now = now_s();
  store_.put(samples, now);
  {
    const std::lock_guard lock(mutex_);
    if (now - compacted_s_ < compaction_interval_s) return;
    compacted_s_ = now;
  }
  store_.compact(now);
}

OperationTable metrics_operations(Metrics& metrics) {
  OperationTable table;
  table["PutMetricData"] = [&metrics](const CallContext&, const json& input) {
    return cloudwatch_metrics::put_metric_data(metrics, input);
  };
  table["GetMetricStatistics"] = [&metrics](const CallContext&, const json& input) {
    return cloudwatch_metrics::get_metric_statistics(metrics, input);
  };
  table["GetMetricData"] = [&metrics](const CallContext& context, const json& input) {
    return cloudwatch_metrics::get_metric_data(metrics, context, input);
  };
  table["ListMetrics"] = [&metrics](const CallContext&, const json& input) {
    return cloudwatch_metrics::list_metrics(metrics, input);
  };
  return table;
}

}  // namespace sagemaker::local::services
