// Security Token Service. There are no users, roles or policies here: every key is the account's root user,
// every role that is well formed can be assumed, and credentials restrict nothing.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sts/temporary_credentials.hpp"

namespace sagemaker::local::services {

// GetCallerIdentity, AssumeRole, GetSessionToken. `credentials` must outlive the table.
OperationTable sts_operations(TemporaryCredentials& credentials);

}  // namespace sagemaker::local::services
