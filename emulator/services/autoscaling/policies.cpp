#include "emulator/services/autoscaling/policies.hpp"

#include <algorithm>
#include <cmath>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/autoscaling/dimensions.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::autoscaling {
namespace {

constexpr int high_periods = 3, low_periods = 15;  // minutes above the target, and below 90 % of it
constexpr double low_share = 0.9;

struct Predefined {
  const char* type;
  const char* metric;
  const char* statistic;
  int period_s;
  bool of_component;
};
constexpr Predefined all_predefined[] = {
    {"SageMakerVariantInvocationsPerInstance", "InvocationsPerInstance", "Sum", 60, false},
    {"SageMakerVariantProvisionedConcurrencyUtilization", "ServerlessProvisionedConcurrencyUtilization",
     "Maximum", 60, false},
    {"SageMakerVariantConcurrentRequestsPerModelHighResolution", "ConcurrentRequestsPerModel", "Maximum", 10,
     false},
    {"SageMakerInferenceComponentInvocationsPerCopy", "InvocationsPerCopy", "Sum", 60, true},
    {"SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", "ConcurrentRequestsPerCopy",
     "Maximum", 10, true},
};

const Predefined* find_predefined(const std::string& type) {
  for (const Predefined& predefined : all_predefined)
    if (type == predefined.type) return &predefined;
  return nullptr;
}

json dimension(const std::string& name, const std::string& value) {
  return {{"Name", name}, {"Value", value}};
}

json predefined_metric(const json& specification, const std::string& resource_id) {
  const Predefined* const predefined = find_predefined(specification.at("PredefinedMetricType"));
  json dimensions = json::array();
  if (predefined->of_component) {
    dimensions.push_back(dimension("InferenceComponentName", resource_id.substr(resource_id.rfind('/') + 1)));
  } else if (const auto variant = variant_of(resource_id)) {
    dimensions.push_back(dimension("EndpointName", variant->endpoint));
    dimensions.push_back(dimension("VariantName", variant->variant));
  }
  return {{"Namespace", "AWS/SageMaker"},
          {"MetricName", predefined->metric},
          {"Dimensions", std::move(dimensions)},
          {"Statistic", predefined->statistic},
          {"Period", predefined->period_s}};
}

json customized_metric(const json& specification) {
  json metric;
  if (specification.contains("Metrics")) {
    metric["Metrics"] = specification["Metrics"];
    for (json& query : metric["Metrics"])
      if (query.contains("MetricStat")) query["MetricStat"].emplace("Period", 60);
    return metric;
  }
  for (const char* member : {"Namespace", "MetricName", "Dimensions", "Statistic", "Unit"})
    if (specification.contains(member)) metric[member] = specification[member];
  metric["Period"] = 60;
  return metric;
}

}  // namespace

int tracked_capacity(int current, double value, double target) {
  constexpr double capacity_max = 1e6;
  // Nothing runs: what would be enough for what waits, as if one instance had it all.
  const double wanted = std::max(current, 1) * value / target;
  return static_cast<int>(std::ceil(std::clamp(wanted, 0.0, capacity_max) - 1e-9));
}

std::optional<int> stepped_capacity(const json& config, int current, double value, double threshold) {
  const double distance = value - threshold;
  const json steps = config.value("StepAdjustments", json::array());
  const auto step = std::find_if(steps.begin(), steps.end(), [&](const json& one) {
    const double lower = one.value("MetricIntervalLowerBound", -INFINITY);
    const double upper = one.value("MetricIntervalUpperBound", INFINITY);
    // The bound that is nearer to the threshold belongs to the step.
    return distance >= 0 ? distance >= lower && distance < upper : distance > lower && distance <= upper;
  });
  if (step == steps.end()) return std::nullopt;
  const int adjustment = step->at("ScalingAdjustment");
  const std::string type = config.at("AdjustmentType");
  if (type == "ExactCapacity") return adjustment;
  if (type == "ChangeInCapacity") return current + adjustment;
  // Percent: towards zero, but one at least, and MinAdjustmentMagnitude.
  const double change = current * adjustment / 100.0;
  int by = static_cast<int>(change);
  if (by == 0 && change != 0) by = change > 0 ? 1 : -1;
  const int least = config.value("MinAdjustmentMagnitude", 0);
  if (adjustment > 0) by = std::max(by, least);
  if (adjustment < 0) by = std::min(by, -least);
  return current + by;
}

void check_policy(const json& policy) {
  const std::string type = policy.value("PolicyType", "StepScaling");
  if (type != "TargetTrackingScaling" && type != "StepScaling")
    throw validation_fault(type + " is not implemented by sagemaker-local yet.");
  const char* const configuration =
      type == "StepScaling" ? "StepScalingPolicyConfiguration" : "TargetTrackingScalingPolicyConfiguration";
  if (!policy.contains(configuration))
    throw validation_fault(std::string(configuration) + " is required for policy type " + type + ".");
  const json& config = policy[configuration];
  if (type == "StepScaling") {
    if (!config.contains("AdjustmentType") || config.value("StepAdjustments", json::array()).empty())
      throw validation_fault("AdjustmentType and StepAdjustments are required for step scaling policies.");
    return;
  }
  const bool predefined = config.contains("PredefinedMetricSpecification");
  if (predefined == config.contains("CustomizedMetricSpecification"))
    throw validation_fault(
        "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified.");
  if (!(config.at("TargetValue").get<double>() > 0))
    throw validation_fault("TargetValue must be greater than 0.");
  if (!predefined) return;
  const std::string metric = config["PredefinedMetricSpecification"].at("PredefinedMetricType");
  const Predefined* const known = find_predefined(metric);
  const bool component =
      policy.at("ResourceId").get_ref<const std::string&>().starts_with("inference-component/");
  if (known == nullptr || known->of_component != component)
    throw validation_fault("The predefined metric type " + metric +
                           " is not valid for the scalable dimension " +
                           policy.at("ScalableDimension").get<std::string>() + ".");
}

json put_tracking_alarms(Alarms& alarms, const json& policy) {
  const std::string resource_id = policy.at("ResourceId"), arn = policy.at("PolicyARN");
  const json& config = policy.at("TargetTrackingScalingPolicyConfiguration");
  const json metric = config.contains("PredefinedMetricSpecification")
                          ? predefined_metric(config["PredefinedMetricSpecification"], resource_id)
                          : customized_metric(config.at("CustomizedMetricSpecification"));
  const double target = config.at("TargetValue");
  json made = json::array();
  const auto put = [&](const char* side, const char* comparison, double threshold, int periods) {
    json alarm = metric;
    alarm["AlarmName"] = "TargetTracking-" + resource_id + "-" + side + "-" + aws::uuid4();
    alarm["AlarmDescription"] = "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + arn + ".";
    alarm["ComparisonOperator"] = comparison;
    alarm["Threshold"] = threshold;
    alarm["EvaluationPeriods"] = periods;
    alarm["AlarmActions"] = json::array({arn});
    alarms.put(alarm);
    const std::string name = alarm["AlarmName"];
    made.push_back({{"AlarmName", name}, {"AlarmARN", alarms.find(name).value().at("AlarmArn")}});
  };
  put("AlarmHigh", "GreaterThanThreshold", target, high_periods);
  if (!config.value("DisableScaleIn", false)) {
    const int period_s = metric.value("Period", 60);
    put("AlarmLow", "LessThanThreshold", low_share * target, low_periods * 60 / period_s);
  }
  return made;
}

}  // namespace sagemaker::local::services::autoscaling
