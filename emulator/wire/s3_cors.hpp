// Pages of other origins: what a browser asks before its requests (OPTIONS, which nobody can sign), and the
// headers that let a page read the answers.
#pragma once

#include "emulator/http/message.hpp"
#include "emulator/services/s3/service.hpp"

namespace sagemaker::local::wire {

// The answer to OPTIONS. Throws ServiceFault: AccessForbidden, BadRequest. It tells whether the bucket allows
// the request and nothing else.
http::Response answer_s3_preflight(services::s3::Service& service, const http::Request& request);

// Access-Control-* for a request with an Origin, where the bucket's rules allow it.
void add_s3_cors_headers(services::s3::Service& service, const http::Request& request,
                         http::Response& response);

}  // namespace sagemaker::local::wire
