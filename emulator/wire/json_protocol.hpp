// AWS JSON 1.0 and 1.1 and REST-JSON: documents into bodies, faults into error documents.
#pragma once

#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/http/message.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {

// The request document; an empty body is an empty document. ServiceFault SerializationException for anything
// but an object.
json decode_json(const std::string& body, int depth_max);

http::Response encode_json(const json& output, const std::string& request_id);
// JSON 1.0, and faults as a service answers them that speaks the query protocol too.
http::Response encode_query_compatible_json(const json& output, const std::string& request_id);
http::Response encode_query_compatible_fault(const ServiceFault& fault, const std::string& request_id);
// {"__type": code, "message": text}, as json 1.1 services answer.
http::Response encode_json_fault(const ServiceFault& fault, const std::string& request_id);
// x-amzn-ErrorType and {"Message": text, ...}, as the runtime answers.
http::Response encode_rest_json_fault(const ServiceFault& fault, const std::string& request_id);

}  // namespace sagemaker::local::wire
