// The endpoint operations: what a request must satisfy and which states an endpoint takes. What runs is the
// EndpointFleet's.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

class EndpointFleet;

// CreateEndpoint, DescribeEndpoint, UpdateEndpoint, ListEndpoints, DeleteEndpoint.
void add_endpoint_operations(OperationTable& table, Platform& platform, EndpointFleet& fleet);

}  // namespace sagemaker::local::services
