// What Application Auto Scaling can scale: a capacity of a resource that can be read and set.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::autoscaling {

struct Capacity {
  int current = 0;
  bool settled = true;  // false: a change is under way, or the resource does not serve
};

struct Dimension {
  std::string resource_form;  // "endpoint/NAME/variant/VARIANT", for messages
  std::string capacity_name;  // "instance count"
  // nullopt: there is no such resource.
  std::function<std::optional<Capacity>(const std::string& resource_id)> read;
  // Begins the change. Throws ServiceFault.
  std::function<void(const std::string& resource_id, int capacity)> set;
};
using Dimensions = std::map<std::string, Dimension>;  // by ScalableDimension

// sagemaker:variant:DesiredInstanceCount, sagemaker:variant:DesiredProvisionedConcurrency and
// sagemaker:inference-component:DesiredCopyCount.
Dimensions sagemaker_dimensions(Platform& platform, hosting::Fleet& fleet);

// "endpoint/NAME/variant/VARIANT" -> {NAME, VARIANT}
struct VariantName {
  std::string endpoint, variant;
};
std::optional<VariantName> variant_of(const std::string& resource_id);

}  // namespace sagemaker::local::services::autoscaling
