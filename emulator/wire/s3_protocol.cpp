#include "emulator/wire/s3_protocol.hpp"

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/checksum.hpp"
#include "emulator/services/s3/digests.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/wire/s3_cors.hpp"
#include "emulator/wire/s3_documents.hpp"
#include "emulator/wire/s3_payload.hpp"
#include "emulator/wire/s3_request.hpp"
#include "emulator/wire/s3_response.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

bool stores_body(const std::string& operation) {
  return operation == "PutObject" || operation == "UploadPart";
}

// What covers the document itself. The checksums of a completion are those of the object, not of its XML.
json digests_of_document(const S3Call& call) {
  if (call.operation != "CompleteMultipartUpload") return call.input;
  json members = json::object();
  if (call.input.contains("ContentMD5")) members["ContentMD5"] = call.input["ContentMD5"];
  return members;
}

void require_digest(const S3Call& call) {
  if (call.operation != "DeleteObjects" || call.input.contains("ContentMD5") ||
      call.input.contains("TrailerAlgorithm")) {
    return;
  }
  for (const s3::Algorithm algorithm : s3::algorithms) {
    if (call.input.contains(s3::member_of(algorithm))) return;
  }
  throw s3::invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

// A checksum that nobody would check is refused, not ignored.
void require_known_checksums(const http::Request& request) {
  constexpr std::string_view prefix = "x-amz-checksum-";
  for (const aws::Header& header : request.headers) {
    const std::string name = aws::to_lower(header.name);
    if (!name.starts_with(prefix)) continue;
    const std::string_view kind = std::string_view(name).substr(prefix.size());
    const bool known = kind == "algorithm" || kind == "type" || kind == "mode" || s3::algorithm_named(kind);
    if (!known) {
      throw s3::invalid_request("The algorithm type you specified in x-amz-checksum- header is invalid.");
    }
  }
}

}  // namespace

http::Response S3Protocol::handle(const CallContext& context, http::Request& request,
                                  const Identity& identity) {
  S3Call call = decode_s3_request(request);
  S3Payload payload(request, identity, limits_);
  if (!payload.trailer_algorithm().empty()) call.input["TrailerAlgorithm"] = payload.trailer_algorithm();
  if (stores_body(call.operation)) {
    require_known_checksums(request);
    payload.require_length();
  }
  if (s3_has_document(call.operation)) {
    require_digest(call);
    const std::string xml = payload.read_all(xml_bytes_max_);
    s3::verify_digests(digests_of_document(call), xml, payload.trailer());
    read_s3_document(call.operation, xml, call.input);
  }
  http::Response response =
      encode_s3_reply(call, service_.call(call.operation, context, call.input, payload), request);
  add_s3_ids(response, context.request_id);
  return response;
}

http::Response S3Protocol::preflight(const CallContext& context, const http::Request& request) {
  http::Response response = answer_s3_preflight(service_, request);
  add_s3_ids(response, context.request_id);
  return response;
}

http::Response S3Protocol::upload_form(CallContext& context, http::Request& request,
                                       const PolicyVerifier& verify) {
  http::Response response = handle_s3_form_upload(service_, context, request, verify, service_.now());
  add_s3_ids(response, context.request_id);
  return response;
}

void S3Protocol::add_cors_headers(const http::Request& request, http::Response& response) {
  add_s3_cors_headers(service_, request, response);
}

http::Response S3Protocol::error(const ServiceFault& fault, const http::Request& request,
                                 const std::string& request_id) {
  return encode_s3_fault(fault, request, request_id);
}

}  // namespace sagemaker::local::wire
