// Endpoints below /_local/: what would take minutes of waiting on AWS goes on at once.
#pragma once

#include "emulator/services/local_operation.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"

namespace sagemaker::local::services {

//   GET  /_local/endpoints/NAME           its variants and their instances: state, requests under way, restarts
//   POST /_local/endpoints/NAME/proceed   ends the wait of an update that bakes or keeps the old instances
//   POST /_local/inference-components/NAME/proceed   the same for an inference component
//   GET  /_local/endpoints/NAME/copies    the copies of inference components on each instance, by variant
void add_hosting_local_operations(LocalOperations& table, hosting::Fleet& fleet);

}  // namespace sagemaker::local::services
