// The bucket that the library uses where none is named: made when it is missing, refused when it is
// somebody else's.
#pragma once

#include <string>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/clients/s3.hpp>

namespace sagemaker::detail {

struct BucketOwner {
  std::string bucket;
  std::string account;  // empty: whoever it is
};

// Fails with 403 where the bucket belongs to somebody else: bucket names are guessable, and a stranger may
// have made ours first.
inline void head_bucket(const S3Client& s3, const BucketOwner& owner) {
  aws::Headers headers;
  if (!owner.account.empty()) headers.set("x-amz-expected-bucket-owner", owner.account);
  s3.head_bucket(owner.bucket, headers);
}

// Makes the bucket where it is missing. Throws Error in the SDK's words where it is somebody else's.
inline void ensure_bucket(const S3Client& s3, const BucketOwner& owner) {
  try {
    return head_bucket(s3, owner);
  } catch (const ServiceError& error) {
    if (error.http_status() == 403 && !owner.account.empty()) {
      throw Error("Since default_bucket was not set, the bucket " + owner.bucket +
                  " was to be used, but it is not accessible or not owned by account " + owner.account +
                  ". It's recommended to set default_bucket in SessionOptions. (" + error.what() + ")");
    }
    if (error.http_status() == 403) {
      throw Error("Bucket " + owner.bucket +
                  " exists, but access is forbidden. Please try again after adding " +
                  "appropriate access. (" + error.what() + ")");
    }
    if (error.http_status() != 404) throw;
  }
  try {
    s3.create_bucket(owner.bucket);
  } catch (const ServiceError& error) {
    // Another program made it meanwhile, or is just making it.
    if (error.code() != "BucketAlreadyOwnedByYou" && error.code() != "OperationAborted") throw;
  }
}

}  // namespace sagemaker::detail
