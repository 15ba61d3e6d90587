// MetricDefinitions at work: regular expressions of Python over the log of a job, stdout and stderr of all
// hosts. What the first group matches is a value (the whole match where there is no group); the last value of
// a metric is its final one, and all of them are published.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

#include "emulator/services/metrics/publisher.hpp"

namespace sagemaker::local::services {

class MetricScanner {
 public:
  using Warn = std::function<void(const std::string& line)>;
  using Hear = std::function<void(const std::string& metric, double value)>;

  // Definitions as in the request: [{"Name": ..., "Regex": ...}]. `publisher`: null where nobody is told of
  // the values as they come. `warn`: a line for the job's log, said of an expression that does not compile,
  // which then matches nothing, and of one that takes too long, which is given up for a line and in the end
  // for good. `hear`: told of every value, in the order in which they come; from any thread.
  MetricScanner(const json& definitions, std::shared_ptr<aws::Clock> clock, MetricPublisher* publisher,
                Warn warn, Hear hear = {});
  ~MetricScanner();
  void scan(std::string_view line);  // thread-safe
  json final_metrics() const;        // [{"MetricName", "Value", "Timestamp"}]

 private:
  struct Metric;
  void scan(Metric& metric, std::string_view line);
  void take(Metric& metric, std::string_view number);
  void give_up(Metric& metric, std::size_t line_bytes);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::shared_ptr<aws::Clock> clock_;
  MetricPublisher* publisher_;
  Warn warn_;
  Hear hear_;
};

// What Python's float() makes of a text; nullopt where it raises ValueError.
std::optional<double> python_float(std::string_view text);

}  // namespace sagemaker::local::services
