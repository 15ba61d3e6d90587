#include "emulator/wire/json_protocol.hpp"

#include "emulator/wire/query_compatible.hpp"

namespace sagemaker::local::wire {
namespace {

http::Response response(int status, const char* content_type, const json& document,
                        const std::string& request_id) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", content_type);
  response.headers.add("x-amzn-RequestId", request_id);
  response.body = aws::dump_json(document);
  return response;
}

}  // namespace

json decode_json(const std::string& body, int depth_max) {
  if (body.empty()) return json::object();
  json input;
  try {
    input = aws::parse_json(body, depth_max);
  } catch (const aws::JsonError& error) {
    throw ServiceFault("SerializationException", 400, error.what());
  }
  if (!input.is_object())
    throw ServiceFault("SerializationException", 400, "Unexpected value: the request must be a JSON object.");
  return input;
}

http::Response encode_json(const json& output, const std::string& request_id) {
  return response(200, "application/x-amz-json-1.1", output, request_id);
}

http::Response encode_query_compatible_json(const json& output, const std::string& request_id) {
  return response(200, "application/x-amz-json-1.0", output, request_id);
}

http::Response encode_query_compatible_fault(const ServiceFault& fault, const std::string& request_id) {
  http::Response answer =
      response(fault.http_status(), "application/x-amz-json-1.0", query_compatible_error(fault), request_id);
  answer.headers.add("x-amzn-query-error", query_error_header(fault));
  return answer;
}

http::Response encode_json_fault(const ServiceFault& fault, const std::string& request_id) {
  json document = fault.fields();
  document["__type"] = fault.code();
  document["message"] = fault.message();
  return response(fault.http_status(), "application/x-amz-json-1.1", document, request_id);
}

http::Response encode_rest_json_fault(const ServiceFault& fault, const std::string& request_id) {
  json document = fault.fields();
  document["Message"] = fault.message();
  http::Response answer = response(fault.http_status(), "application/json", document, request_id);
  answer.headers.add("x-amzn-ErrorType", fault.code());
  return answer;
}

}  // namespace sagemaker::local::wire
