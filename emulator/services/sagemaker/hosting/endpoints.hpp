// The endpoint operations: what a request must satisfy and which states an endpoint takes. What runs is the
// fleet's.
#pragma once

#include <string>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

namespace hosting {
class Fleet;
}

// CreateEndpoint, DescribeEndpoint, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, ListEndpoints,
// DeleteEndpoint.
void add_endpoint_operations(OperationTable& table, Platform& platform, hosting::Fleet& fleet);

// UpdateEndpointWeightsAndCapacities, also for scaling policies. `desired`: DesiredWeightsAndCapacities.
// Returns the record, which is Updating now. Throws ServiceFault in AWS's words.
store::Record change_weights_and_capacities(Platform& platform, hosting::Fleet& fleet,
                                            const std::string& name, const json& desired);

}  // namespace sagemaker::local::services
