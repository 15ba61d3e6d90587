// What an account's quotas do not allow. Here they keep a slip of the pen from starting thousands of
// processes.
#pragma once

#include <cstdint>
#include <string>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {

// Throws what AWS answers where more than `limit` instances are asked for. `usage`: "training job usage".
inline void check_quota(const std::string& instance_type, const char* usage, std::int64_t instances,
                        std::int64_t limit) {
  if (instances <= limit) return;
  throw ServiceFault("ResourceLimitExceeded", 400,
                     "The account-level service limit '" + instance_type + " for " + usage + "' is " +
                         std::to_string(limit) +
                         " Instances, with current utilization of 0 Instances and a request delta of " +
                         std::to_string(instances) +
                         " Instances. Please use AWS Service Quotas to request an increase for this quota.");
}

}  // namespace sagemaker::local::services
