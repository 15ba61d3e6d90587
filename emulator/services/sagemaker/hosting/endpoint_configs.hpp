// Endpoint configurations: which models an endpoint runs, on what, and how requests are shared among them.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view endpoint_config_kind = "endpoint-config";

// ValidationException in AWS's words where there is none of this name.
store::Record find_endpoint_config(Platform& platform, const std::string& name);

// CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig.
void add_endpoint_config_operations(OperationTable& table, Platform& platform);

}  // namespace sagemaker::local::services
