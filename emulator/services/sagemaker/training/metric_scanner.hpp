// MetricDefinitions at work: regular expressions over the log of a job; the last match of each metric is its
// final value. AWS: "regular expressions in Python", first capture group, stdout and stderr.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::services {

class MetricScanner {
 public:
  // Definitions as in the request: [{"Name": ..., "Regex": ...}]. A regex that does not compile matches
  // nothing and is logged.
  MetricScanner(const json& definitions, std::shared_ptr<aws::Clock> clock);
  ~MetricScanner();
  void scan(std::string_view line);  // thread-safe
  json final_metrics() const;        // [{"MetricName", "Value", "Timestamp"}]

 private:
  struct Metric;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::shared_ptr<aws::Clock> clock_;
};

}  // namespace sagemaker::local::services
