#include "emulator/wire/cbor_protocol.hpp"

#include "emulator/wire/cbor.hpp"
#include "emulator/wire/query_compatible.hpp"

namespace sagemaker::local::wire {
namespace {

http::Response response(int status, const json& document, const std::string& request_id) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/cbor");
  response.headers.add("Smithy-Protocol", "rpc-v2-cbor");
  response.headers.add("x-amzn-RequestId", request_id);
  response.body = encode_cbor(document, is_time_member);
  return response;
}

}  // namespace

json decode_cbor_document(const std::string& body, int depth_max) {
  if (body.empty()) return json::object();
  json input;
  try {
    input = decode_cbor(body, depth_max);
  } catch (const CborError& error) {
    throw ServiceFault("SerializationException", 400, error.what());
  }
  if (!input.is_object())
    throw ServiceFault("SerializationException", 400, "Unexpected value: the request must be a CBOR map.");
  return input;
}

http::Response encode_cbor_document(const json& output, const std::string& request_id) {
  return response(200, output, request_id);
}

http::Response encode_cbor_fault(const ServiceFault& fault, const std::string& request_id) {
  http::Response answer = response(fault.http_status(), query_compatible_error(fault), request_id);
  answer.headers.add("x-amzn-query-error", query_error_header(fault));
  return answer;
}

}  // namespace sagemaker::local::wire
