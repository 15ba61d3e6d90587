// CloudWatch's metrics of invocations: AWS/SageMaker, by EndpointName and VariantName and, of inference
// components, also by InferenceComponentName; one summary a minute.
// Invocations are noted on the thread of the request and stored by a thread of their own a second later.
// https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "emulator/services/metrics/metrics.hpp"
#include "emulator/services/runtime/gateway.hpp"

namespace sagemaker::local::services::runtime {

// What counts of one invocation.
struct InvocationSample {
  int instances = 1;         // of the variant
  bool model_error = false;  // no 2xx from the container, for whatever reason
  int status = 200;          // of the container; 0: none came
  double model_latency_us = 0, overhead_latency_us = 0;
  bool multi_model = false;
  hosting::ModelLoad load;  // of a multi-model container
  double loaded_models = 0;
};

class InvocationMetrics {
 public:
  // `metrics` must outlive this. `resolution_s`: 60, or 1 where minutes are too long for who waits.
  InvocationMetrics(Metrics& metrics, std::shared_ptr<aws::Clock> clock, int resolution_s = 60);
  ~InvocationMetrics();  // stores what is left
  InvocationMetrics(const InvocationMetrics&) = delete;
  InvocationMetrics& operator=(const InvocationMetrics&) = delete;

  // From any thread, in less than two microseconds. Without an `endpoint`, `variant` is an inference
  // component and `sample.instances` its copies.
  void note(std::string_view endpoint, std::string_view variant, const InvocationSample& sample);
  // An invocation of the gateway. Requests that no container was asked about are not counted.
  void note(const InvocationEvent& event);
  // A request for an inference component that has no copy. What scales a component out from zero.
  void note_no_capacity(const std::string& component);
  // Another value of a variant or, with an empty `variant`, of an endpoint: "ApproximateBacklogSize",
  // "Count".
  void put(const std::string& endpoint, const std::string& variant, const std::string& metric,
           const std::string& unit, double value);
  // Returns when all values so far can be read.
  void flush();

 private:
  // The invocations of one variant in one minute, since they were last stored.
  struct Minute {
    double count = 0, client_errors = 0, server_errors = 0, model_errors = 0;
    std::map<int, double> instances;  // how many instances there were -> for how many invocations
    std::vector<double> model_latency, overhead_latency;
    std::vector<std::pair<hosting::ModelLoad, double>> loads;  // and how many models were loaded then
  };
  struct Key {
    std::string endpoint, variant;
    std::int64_t minute_s;
  };
  struct KeyView {
    std::string_view endpoint, variant;
    std::int64_t minute_s;
  };
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return std::forward_as_tuple(a.minute_s, std::string_view(a.endpoint), std::string_view(a.variant)) <
             std::forward_as_tuple(b.minute_s, std::string_view(b.endpoint), std::string_view(b.variant));
    }
  };
  using Minutes = std::map<Key, Minute, Less>;

  void append(std::vector<store::MetricSample>& samples, const Key& key, const Minute& minute) const;
  std::int64_t minute_now() const;
  void run();
  void store_pending() noexcept;

  Metrics& metrics_;
  std::shared_ptr<aws::Clock> clock_;
  const int resolution_s_;
  std::mutex storing_;  // held while values are stored, so that flush() waits for those that are on their way
  std::mutex mutex_;
  std::condition_variable work_;
  Minutes minutes_;
  std::vector<store::MetricSample> others_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sagemaker::local::services::runtime
