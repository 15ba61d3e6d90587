// Roles in the store. The document of a record is what the IAM operations show of a role, its policies and
// its tags: Path, RoleName, RoleId, Arn, CreateDate, AssumeRolePolicyDocument, MaxSessionDuration, perhaps
// Description and PermissionsBoundary; Tags ([{Key, Value}]), AttachedPolicies ([{PolicyName, PolicyArn}])
// and InlinePolicies ({name: document}).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/time.hpp>

#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view role_kind = "iam-role";

// Names that differ in case only are the same to IAM when a role is made.
std::string role_record_name(std::string_view role_name);

std::optional<store::Record> find_role(const store::Records& records, const std::string& role_name);
// Throws ServiceFault NoSuchEntity.
store::Record require_role(const store::Records& records, const std::string& role_name);
// Throws ServiceFault NoSuchEntity, and what `change` throws.
void change_role(store::Records& records, const std::string& role_name,
                 const std::function<void(json& document)>& change);

// "2023-11-14T22:13:20Z": how IAM and STS write times.
std::string whole_seconds(aws::TimePoint time);

}  // namespace sagemaker::local::services
