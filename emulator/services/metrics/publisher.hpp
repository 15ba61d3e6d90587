// Values that something measures as it runs, on their way into CloudWatch: taken together by the second, and
// stored by a thread of their own, so that who measures never waits for the store.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/metrics/metrics.hpp"

namespace sagemaker::local::services {

class MetricPublisher {
 public:
  // All values get this namespace and these dimensions. `metrics` must outlive this.
  MetricPublisher(Metrics& metrics, std::string space, Metrics::Dimensions dimensions);
  ~MetricPublisher();  // stores what is left
  MetricPublisher(const MetricPublisher&) = delete;
  MetricPublisher& operator=(const MetricPublisher&) = delete;

  // From any thread. The value can be read within a second or two.
  void add(const std::string& metric, double value, aws::TimePoint when);
  // Returns when all values so far can be read.
  void flush();

 private:
  // The values of one second. A summary takes values that are near to each other together, which is dear for
  // one value and cheap for thousands.
  struct Second {
    store::MetricSummary summary, fresh;
    void add(double value);
    void settle();  // all in `summary`
  };
  using Pending = std::map<std::pair<std::string, std::int64_t>, Second>;  // by metric and second
  void run();
  void store_pending() noexcept;

  Metrics& metrics_;
  const std::string space_;
  Metrics::Dimensions dimensions_;
  std::mutex storing_;  // held while values are stored, so that flush() waits for those that are on their way
  std::mutex mutex_;
  std::condition_variable work_;
  Pending pending_;
  bool stopping_ = false;
  std::thread thread_;  // starts with the first value
};

}  // namespace sagemaker::local::services
