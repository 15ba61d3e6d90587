// Access control lists: canned ones, grants in headers and whole documents become one form,
// {"Owner": ..., "Grants": [...]}. They are kept and shown; who is verified may do everything all the same.
#pragma once

#include <sagemaker/aws/json.hpp>

#include "emulator/services/operation.hpp"

namespace sagemaker::local::services::s3 {

// Whether the headers say anything about access.
bool has_acl_headers(const json& input);
// Buckets that enforce their owner still accept requests that ask for no more than that.
bool asks_for_owner_only(const json& input);

// What everything begins with: its owner, with full control.
json private_acl(const CallContext& context);
// The list that ACL, Grant* or AccessControlPolicy of the input describe. Throws ServiceFault in AWS's words:
// InvalidArgument, MalformedACLError, UnexpectedContent, MissingSecurityHeader, ...
json acl_of(const CallContext& context, const json& input);
// Grants to everybody, or to everybody who has an account.
bool is_public_acl(const json& acl);

}  // namespace sagemaker::local::services::s3
