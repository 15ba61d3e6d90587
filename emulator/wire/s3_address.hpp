// Which bucket and key a request means: path style (/BUCKET/KEY) or virtual host style (BUCKET.localhost,
// BUCKET.s3.localhost, BUCKET.s3.REGION.localhost, and the same under amazonaws.com).
#pragma once

#include <string>

#include "emulator/http/message.hpp"

namespace sagemaker::local::wire {

struct S3Address {
  std::string bucket;  // empty: the service itself
  std::string key;     // decoded exactly once; any bytes; empty: the bucket
};

// Throws ServiceFault (InvalidURI) for a malformed % escape.
S3Address s3_address_of(const http::Request& request);

// Where the request went to, as a URL without a path: "http://localhost:4566".
std::string s3_origin(const http::Request& request);
// The bucket in a Host header; "" where the path names it.
std::string bucket_of_host(const std::string& header);

}  // namespace sagemaker::local::wire
