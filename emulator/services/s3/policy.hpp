// Bucket policies: checked as AWS checks them when they are set, and asked whether they open the bucket to
// everybody. They do not decide who may do what here.
#pragma once

#include <string>

namespace sagemaker::local::services::s3 {

// Throws ServiceFault: MalformedPolicy, PolicyTooLarge.
void check_policy(const std::string& text, const std::string& bucket, const std::string& partition);
// Whether a statement allows something to everybody, without a condition.
bool is_public_policy(const std::string& text);

}  // namespace sagemaker::local::services::s3
