// Inference components: models whose copies share the instances of an endpoint. What a request must satisfy
// and which states a component takes; what runs is the component fleet's.
#pragma once

#include <string>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// CreateInferenceComponent, DescribeInferenceComponent, UpdateInferenceComponent,
// UpdateInferenceComponentRuntimeConfig, ListInferenceComponents, DeleteInferenceComponent.
void add_inference_component_operations(OperationTable& table, Platform& platform, hosting::Fleet& fleet);

// UpdateInferenceComponentRuntimeConfig, also for scaling policies. Returns the record, which is Updating
// now. Throws ServiceFault in AWS's words.
store::Record change_copy_count(Platform& platform, hosting::Fleet& fleet, const std::string& name,
                                int copies);

// The components of an endpoint, in no order.
std::vector<store::Record> components_of(const Platform& platform, const std::string& endpoint);

// ValidationException where an endpoint that has components could not hold them with this configuration.
void check_components_fit(const Platform& platform, const hosting::Fleet& fleet, const std::string& endpoint,
                          const json& config);

}  // namespace sagemaker::local::services
