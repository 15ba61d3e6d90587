// From what an operation of S3 returned, or threw, to an HTTP response.
#pragma once

#include <string>

#include "emulator/http/message.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/wire/s3_request.hpp"

namespace sagemaker::local::wire {

http::Response encode_s3_reply(const S3Call& call, services::s3::Reply reply, const http::Request& request);
http::Response encode_s3_fault(const ServiceFault& fault, const http::Request& request,
                               const std::string& request_id);

// x-amz-request-id and its companion, which every answer has.
void add_s3_ids(http::Response& response, const std::string& request_id);

// The XML body of an operation that answers with one; "" for the others.
std::string s3_document(const std::string& operation, const json& document, const http::Request& request);

}  // namespace sagemaker::local::wire
