// CloudWatch metrics: boto3's "cloudwatch" client in C++, as far as metrics need it.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>

namespace sagemaker {

// A client of the API "Amazon CloudWatch" (2010-08-01, JSON 1.0). Times are seconds since 1970. An error's
// code() is the name of its shape: InvalidParameterValueException. Throws as SageMakerClient does; safe to
// call from several threads.
class MetricsClient {
 public:
  explicit MetricsClient(const ClientConfig& config = {})
      : client_({"CloudWatch", "monitoring", "monitoring", aws::Protocol::json,
                 "GraniteServiceVersion20100801", "", "1.0"},
                config) {}

  json call(std::string_view operation, const json& input = json::object()) const {
    return client_.call_json(operation, input);
  }

  // {{"Namespace", "App"}, {"MetricData", {{{"MetricName", "loss"}, {"Value", 0.5}}}}}; at most 1,000 data.
  json put_metric_data(const json& input) const { return call("PutMetricData", input); }
  json get_metric_statistics(const json& input) const { return call("GetMetricStatistics", input); }
  json get_metric_data(const json& input) const { return call("GetMetricData", input); }
  json list_metrics(const json& input = json::object()) const { return call("ListMetrics", input); }

  // The pages of ListMetrics or GetMetricData.
  Pages pages(std::string_view operation, const json& input = json::object()) const {
    return Pages({.fetch = [client = client_, name = std::string(operation)](
                               const json& document) { return client.call_json(name, document); },
                  .input = input});
  }
  // All metrics: for (const json& metric : client.metrics({{"Namespace", "App"}})) ...
  PageItems metrics(const json& input = json::object()) const {
    return PageItems(pages("ListMetrics", input), "Metrics");
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  aws::ServiceClient client_;
};

}  // namespace sagemaker
