// The policy of an upload from a form: until when it holds and what the fields must be.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include <sagemaker/aws/time.hpp>

namespace sagemaker::local::wire {

struct LengthRange {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

using FormFields = std::map<std::string, std::string>;  // by name in lower case

// Checks every condition of the policy, which is still in base64; `fields` holds the bucket too. What the
// size of the file must be is returned: that is known only when it is there. Throws ServiceFault:
// InvalidPolicyDocument, AccessDenied.
LengthRange check_post_policy(const std::string& policy, const FormFields& fields, aws::TimePoint now);

}  // namespace sagemaker::local::wire
