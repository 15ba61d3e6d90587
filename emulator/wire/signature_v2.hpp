// Signature Version 2 of S3's REST API, as boto3 presigns by default, s3cmd signs URLs and old clients sign
// headers: HMAC-SHA1 over a few parts of the request. Read and verified here; the client library signs with
// version 4 only. Follows "Signing and authenticating REST requests" of the S3 documentation.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/sigv4.hpp>

namespace sagemaker::local::wire {

// What a request signed with version 2 says about itself.
struct ClaimV2 {
  std::string access_key;
  std::string signature;  // base64
  std::string security_token;
  bool presigned = false;
  std::string expires;  // presigned: seconds since 1970, as it was sent
  std::string date;     // header: x-amz-date or Date, as it was sent
};

// Whether the request carries a version 2 signature, or parts of one.
bool has_signature_v2(const aws::sigv4::Message& message);
// Throws ServiceFault in S3's words where parts of it are missing.
ClaimV2 read_claim_v2(const aws::sigv4::Message& message);

// `bucket`: of the host name; empty where the path names it.
std::string string_to_sign_v2(const aws::sigv4::Message& message, const ClaimV2& claim,
                              const std::string& bucket);
// The signature, in base64.
std::string signature_v2(std::string_view secret, std::string_view string_to_sign);

}  // namespace sagemaker::local::wire
