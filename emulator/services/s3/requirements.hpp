// Checks that several operations make before anything else.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/operation.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::s3 {

// ExpectedBucketOwner or ExpectedSourceBucketOwner: AccessDenied for another account than the caller's.
void require_owner(const CallContext& context, const json& input, const char* member);

// The version that a request is about; "" where it names none. Throws InvalidArgument for what cannot be one.
std::string version_of(const json& input, const char* member = "VersionId",
                       const std::string& argument = "versionId");

// VersionId in answers: AWS names versions in buckets that ever kept some...
void describe_version(const store::Bucket& bucket, const store::ObjectInfo& info, json& output);
// ...and in answers to writes only those that will stay.
void describe_new_version(const store::ObjectInfo& stored, json& output);

// The canonical user of an account: the Owner of buckets and objects.
json owner_of(const CallContext& context);

}  // namespace sagemaker::local::services::s3
