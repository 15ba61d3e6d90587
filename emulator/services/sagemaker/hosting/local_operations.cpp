#include "emulator/services/sagemaker/hosting/local_operations.hpp"

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {

void add_hosting_local_operations(LocalOperations& table, hosting::Fleet& fleet) {
  table["POST /_local/endpoints/*/proceed"] = [&fleet](const auto& names, const json&) {
    const auto live = fleet.find(names.at(0));
    if (!live) throw ServiceFault("NotFound", 404, "There is no endpoint " + names.at(0) + ".");
    if (!live->proceed())
      throw ServiceFault("Conflict", 409, "The endpoint " + names.at(0) + " does not wait for anything now.");
    return json{{"EndpointName", names.at(0)}};
  };
}

}  // namespace sagemaker::local::services
