// InvokeEndpoint on the wire (REST-JSON): parameters in headers, the payload as it is in the body.
#pragma once

#include <string>

#include "emulator/http/message.hpp"
#include "emulator/services/runtime/gateway.hpp"
#include "emulator/wire/router.hpp"

namespace sagemaker::local::wire {

// Throws ServiceFault.
http::Response handle_invocation(services::runtime::Gateway& gateway, const Route& route,
                                 const http::Request& request, std::string_view body,
                                 const std::string& request_id);

}  // namespace sagemaker::local::wire
