// From an HTTP request to an operation of S3 and its input document: method, path, sub-resource, headers and
// query.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/http/message.hpp"

namespace sagemaker::local::wire {

struct S3Call {
  std::string operation;  // "PutObject"
  json input = json::object();
};

// Throws ServiceFault: NotImplemented for sub-resources and headers without a meaning here, InvalidArgument
// for values that cannot be read, MethodNotAllowed, InvalidURI.
S3Call decode_s3_request(const http::Request& request);

// One header as a member of the input; headers without a meaning are left out.
void add_s3_header(const std::string& name, const std::string& value, json& input);
// Whether the query turns the request into one about something else than the bucket or object itself.
bool has_s3_subresource(const http::Request& request);

}  // namespace sagemaker::local::wire
