// Scaling of endpoints: boto3's "application-autoscaling" client in C++.
//   sm::ApplicationAutoScalingClient scaling;
//   const std::string variant = "endpoint/my-endpoint/variant/AllTraffic";
//   scaling.register_scalable_target({{"ServiceNamespace", "sagemaker"}, {"ResourceId", variant},
//                                     {"ScalableDimension", "sagemaker:variant:DesiredInstanceCount"},
//                                     {"MinCapacity", 1}, {"MaxCapacity", 4}});
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>

namespace sagemaker {

// A client of the API "Application Auto Scaling" (2016-02-06, JSON 1.1). Operations, documents and errors are
// those of AWS's API reference; of all namespaces "sagemaker" is the one that endpoints use. Copies share one
// connection pool; all methods may be called from several threads.
class ApplicationAutoScalingClient {
 public:
  explicit ApplicationAutoScalingClient(const ClientConfig& config = {})
      : client_({"Application Auto Scaling", "application-autoscaling", "application-autoscaling",
                 aws::Protocol::json, "AnyScaleFrontendService"},
                config) {}

  // Any operation by its name.
  json call(std::string_view operation, const json& input = json::object()) const {
    return client_.call_json(operation, input);
  }
  // The pages of a Describe operation.
  Pages pages(std::string_view operation, const json& input = json::object()) const {
    return Pages({.fetch = [client = client_, name = std::string(operation)](
                               const json& document) { return client.call_json(name, document); },
                  .input = input});
  }

  json register_scalable_target(const json& input) const { return call("RegisterScalableTarget", input); }
  json describe_scalable_targets(const json& input) const { return call("DescribeScalableTargets", input); }
  json deregister_scalable_target(const json& input) const { return call("DeregisterScalableTarget", input); }
  json put_scaling_policy(const json& input) const { return call("PutScalingPolicy", input); }
  json describe_scaling_policies(const json& input) const { return call("DescribeScalingPolicies", input); }
  json delete_scaling_policy(const json& input) const { return call("DeleteScalingPolicy", input); }
  json describe_scaling_activities(const json& input) const {
    return call("DescribeScalingActivities", input);
  }
  json put_scheduled_action(const json& input) const { return call("PutScheduledAction", input); }
  json describe_scheduled_actions(const json& input) const { return call("DescribeScheduledActions", input); }
  json delete_scheduled_action(const json& input) const { return call("DeleteScheduledAction", input); }
  json tag_resource(const json& input) const { return call("TagResource", input); }
  json untag_resource(const json& input) const { return call("UntagResource", input); }
  json list_tags_for_resource(const json& input) const { return call("ListTagsForResource", input); }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  aws::ServiceClient client_;
};

}  // namespace sagemaker
