// Settings of a bucket that this service cannot change, and so can answer truthfully: what AWS says about a
// bucket on which nothing of the kind was ever set. Clients ask for them to find out, and most carry on at
// the answer.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

struct BucketSetting {
  std::string_view operation;  // "GetBucketPolicy"
  const char* error_code;      // nullptr: an answer without an error
  const char* message;
  const char* document;  // JSON, where there is no error
};

const BucketSetting* bucket_setting(std::string_view operation);          // nullptr: no such setting
json answer_of(const BucketSetting& setting, const std::string& bucket);  // throws ServiceFault (404)

}  // namespace sagemaker::local::services::s3
