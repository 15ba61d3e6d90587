#include "emulator/services/sagemaker/hosting/deployment_config.hpp"

#include <string>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::hosting {
namespace {

void check_routing(const json& routing) {
  const std::string type = routing.at("Type");
  const bool canary = routing.contains("CanarySize"), linear = routing.contains("LinearStepSize");
  if (type == "CANARY" && !canary) throw validation_fault("CanarySize is required when Type is CANARY.");
  if (type == "LINEAR" && !linear) throw validation_fault("LinearStepSize is required when Type is LINEAR.");
  if ((type != "CANARY" && canary) || (type != "LINEAR" && linear))
    throw validation_fault(std::string(canary ? "CanarySize" : "LinearStepSize") +
                           " cannot be given when Type is " + type + ".");
  if (canary && routing["CanarySize"].at("Type") == "CAPACITY_PERCENT" &&
      routing["CanarySize"].at("Value") > 50)
    throw validation_fault("CanarySize must be less than or equal to 50 percent of the total capacity.");
  if (linear && routing["LinearStepSize"].at("Type") == "CAPACITY_PERCENT") {
    const int value = routing["LinearStepSize"].at("Value");
    if (value < 10 || value > 50)
      throw validation_fault("LinearStepSize must be between 10 and 50 percent of the total capacity.");
  }
}

}  // namespace

void check_deployment_config(const json& config) {
  const bool blue_green = config.contains("BlueGreenUpdatePolicy");
  const bool rolling = config.contains("RollingUpdatePolicy");
  if (blue_green && rolling)
    throw validation_fault("You can specify either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.");
  if (blue_green) check_routing(config["BlueGreenUpdatePolicy"].at("TrafficRoutingConfiguration"));
}

}  // namespace sagemaker::local::services::hosting
