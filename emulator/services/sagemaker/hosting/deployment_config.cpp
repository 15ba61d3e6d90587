#include "emulator/services/sagemaker/hosting/deployment_config.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::hosting {
namespace {

std::set<std::string> variant_names(const json& config) {
  std::set<std::string> names;
  for (const json& variant : config.at("ProductionVariants")) names.insert(variant.at("VariantName"));
  return names;
}

// A part of the capacity must lie between these percentages of every variant's instances.
void check_size(const char* member, const json& size, const json& config, int least, int most) {
  const int value = size.at("Value");
  const auto refuse = [&](const std::string& of) {
    throw validation_fault(std::string(member) + " must be " +
                           (least > 0 ? "between " + std::to_string(least) + "% and " : "at most ") +
                           std::to_string(most) + "% of " + of + ".");
  };
  if (size.at("Type") == "CAPACITY_PERCENT") {
    if (value < least || value > most) refuse("the variant's total instance count");
    return;
  }
  for (const json& variant : config.at("ProductionVariants")) {
    const std::string name = variant.at("VariantName");
    if (!variant.contains("InitialInstanceCount"))
      throw validation_fault(std::string(member) +
                             " of type INSTANCE_COUNT cannot be used with the variant \"" + name +
                             "\", which has no instances.");
    const int total = variant["InitialInstanceCount"];
    if (value * 100 < least * total || value * 100 > most * total)
      refuse("the total instance count of the variant \"" + name + "\", which is " + std::to_string(total));
  }
}

void check_routing(const json& routing, const json& config) {
  const std::string type = routing.at("Type");
  const bool canary = routing.contains("CanarySize"), linear = routing.contains("LinearStepSize");
  if (type == "CANARY" && !canary) throw validation_fault("CanarySize is required when Type is CANARY.");
  if (type == "LINEAR" && !linear) throw validation_fault("LinearStepSize is required when Type is LINEAR.");
  if ((type != "CANARY" && canary) || (type != "LINEAR" && linear))
    throw validation_fault(std::string(canary && type != "CANARY" ? "CanarySize" : "LinearStepSize") +
                           " cannot be given when Type is " + type + ".");
  if (canary) check_size("CanarySize", routing["CanarySize"], config, 0, 50);
  if (linear) check_size("LinearStepSize", routing["LinearStepSize"], config, 10, 50);
}

// How often an update waits for WaitIntervalInSeconds.
int waits_of(const json& routing, const json& config) {
  const std::string type = routing.at("Type");
  if (type == "ALL_AT_ONCE") return 1;
  if (type == "CANARY") return 2;
  const json& size = routing["LinearStepSize"];
  const double value = size.at("Value");
  if (size.at("Type") == "CAPACITY_PERCENT") return static_cast<int>(std::ceil(100.0 / value));
  int most = 1;
  for (const json& variant : config.at("ProductionVariants"))
    most = std::max(most, variant.value("InitialInstanceCount", 1));
  return static_cast<int>(std::ceil(most / value));
}

void check_blue_green(const json& policy, const json& config) {
  const json& routing = policy.at("TrafficRoutingConfiguration");
  check_routing(routing, config);
  if (!policy.contains("MaximumExecutionTimeoutInSeconds")) return;
  const int waiting = routing.at("WaitIntervalInSeconds").get<int>() * waits_of(routing, config) +
                      policy.value("TerminationWaitInSeconds", 0);
  if (policy["MaximumExecutionTimeoutInSeconds"] <= waiting)
    throw validation_fault(
        "MaximumExecutionTimeoutInSeconds must be larger than the total waiting time specified in "
        "TerminationWaitInSeconds and WaitIntervalInSeconds, which is " +
        std::to_string(waiting) + " seconds.");
}

void check_rolling(const json& policy, const json& config, const json* before) {
  check_size("MaximumBatchSize", policy.at("MaximumBatchSize"), config, 5, 50);
  for (const json* part : {&config, before}) {
    if (part == nullptr) continue;
    if (part->at("ProductionVariants").size() > 1)
      throw validation_fault("RollingUpdatePolicy is not supported for multi-variant endpoints.");
    if (part->at("ProductionVariants").front().contains("ServerlessConfig"))
      throw validation_fault("RollingUpdatePolicy is not supported for serverless endpoints.");
  }
}

}  // namespace

void check_deployment_config(const json& policy, const json& next, const json* before) {
  const bool blue_green = policy.contains("BlueGreenUpdatePolicy");
  const bool rolling = policy.contains("RollingUpdatePolicy");
  if (blue_green && rolling)
    throw validation_fault("You can specify either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.");
  if (blue_green) check_blue_green(policy["BlueGreenUpdatePolicy"], next);
  if (rolling) check_rolling(policy["RollingUpdatePolicy"], next, before);
  if (before == nullptr || !(blue_green || rolling)) return;
  if (variant_names(next) != variant_names(*before))
    throw validation_fault(
        "The new endpoint configuration must have the same variant names as the endpoint when a "
        "DeploymentConfig is given.");
}

}  // namespace sagemaker::local::services::hosting
