// Security Token Service. Policies restrict nothing here: every caller may assume every role that is well
// formed, whether IAM knows it or not, the account's root user included.
#pragma once

#include <memory>

#include "emulator/services/operation.hpp"
#include "emulator/services/sts/callers.hpp"
#include "emulator/services/sts/temporary_credentials.hpp"

namespace sagemaker::local::services {

// GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity (without a caller), GetSessionToken,
// GetFederationToken, GetAccessKeyInfo. `records`: of IAM's roles. The references must outlive the table.
OperationTable sts_operations(TemporaryCredentials& credentials, const Callers& callers,
                              const store::Records& records, std::shared_ptr<const aws::Clock> clock);

}  // namespace sagemaker::local::services
