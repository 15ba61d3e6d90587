// CloudWatch metrics: where services of the emulator put the values that they measure, and the operations of
// the API.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/operation.hpp"
#include "emulator/store/metrics.hpp"

namespace sagemaker::local::services {

class Metrics {
 public:
  // `store` must outlive this.
  Metrics(store::Metrics& store, std::shared_ptr<aws::Clock> clock);

  using Dimensions = std::vector<std::pair<std::string, std::string>>;
  // One value of a metric, as PutMetricData would put it: {"/aws/sagemaker/TrainingJobs", "loss", ...}.
  void put(const std::string& space, const std::string& metric, const Dimensions& dimensions, double value,
           aws::TimePoint when);
  void put(std::span<const store::MetricSample> samples);

  const store::Metrics& store() const { return store_; }
  std::int64_t now_s() const;

 private:
  store::Metrics& store_;
  std::shared_ptr<aws::Clock> clock_;
  std::mutex mutex_;
  std::int64_t compacted_s_ = 0;  // when old values were last made coarser
};

// PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics. `metrics` must outlive the table. Times in
// requests and answers are seconds since 1970. The wire layer checks lengths, ranges and types before.
OperationTable metrics_operations(Metrics& metrics);

}  // namespace sagemaker::local::services
