// Identity and Access Management: the role operations that SageMaker's SDK and set-up scripts call. Roles,
// their policies and tags are stored and come back; nothing here or elsewhere in the emulator enforces a
// policy.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sagemaker/aws/time.hpp>

#include "emulator/services/iam/principal.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

// What the IAM operations share.
struct Iam {
  store::Records& records;
  std::shared_ptr<const aws::Clock> clock;
  std::function<Principal(const CallContext& context)> caller;  // who is behind the request's access key
  // A user that the credentials file names; nullopt: there is none of this name.
  std::function<std::optional<Principal>(const std::string& user_name)> user;
};

// CreateRole, GetRole, ListRoles, UpdateRole, UpdateAssumeRolePolicy, DeleteRole; TagRole, UntagRole,
// ListRoleTags; AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies; PutRolePolicy, GetRolePolicy,
// ListRolePolicies, DeleteRolePolicy; GetUser.
OperationTable iam_operations(const Iam& iam);

void add_role_operations(OperationTable& table, const Iam& iam);
void add_role_policy_operations(OperationTable& table, const Iam& iam);

}  // namespace sagemaker::local::services
