// AWS's protocol rpc-v2-cbor: documents in CBOR, posted to /service/SERVICE/operation/NAME.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/http/message.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {

// The request document; an empty body is an empty document. ServiceFault SerializationException for anything
// but a map.
json decode_cbor_document(const std::string& body, int depth_max);

http::Response encode_cbor_document(const json& output, const std::string& request_id);
// {"__type": shape, "message": text}, and x-amzn-query-error with the code that the query protocol has.
http::Response encode_cbor_fault(const ServiceFault& fault, const std::string& request_id);

}  // namespace sagemaker::local::wire
