// SageMaker Runtime on the wire (REST-JSON): parameters in headers, the payload as it is in the body. Streams
// are sent as AWS's event streams.
#pragma once

#include <string>

#include "emulator/http/message.hpp"
#include "emulator/services/runtime/service.hpp"
#include "emulator/wire/router.hpp"

namespace sagemaker::local::wire {

// Throws ServiceFault.
http::Response handle_invocation(services::runtime::Service& runtime, const Route& route,
                                 const http::Request& request, std::string body,
                                 const std::string& request_id);

}  // namespace sagemaker::local::wire
