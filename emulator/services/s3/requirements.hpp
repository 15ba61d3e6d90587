// Checks that several operations make before anything else.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/operation.hpp"

namespace sagemaker::local::services::s3 {

// ExpectedBucketOwner or ExpectedSourceBucketOwner: AccessDenied for another account than the caller's.
void require_owner(const CallContext& context, const json& input, const char* member);

// Buckets here are not versioned: their objects have the version "null" and no other.
void require_current_version(const json& input, const char* member, const std::string& key);

// The canonical user of an account: the Owner of buckets and objects.
json owner_of(const CallContext& context);

}  // namespace sagemaker::local::services::s3
