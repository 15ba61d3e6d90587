#include "emulator/wire/runtime_protocol.hpp"

#include <charconv>
#include <chrono>
#include <memory>
#include <utility>

#include <sagemaker/aws/event_stream.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

using services::runtime::InvokeRequest;
using services::runtime::InvokeResponse;
using services::runtime::ResponseStream;

constexpr std::size_t custom_attributes_max = 1024;  // AWS: CustomAttributesHeader

void check_custom_attributes(const std::string& value) {
  if (value.size() > custom_attributes_max)
    throw ServiceFault(
        "ValidationError", 400,
        "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must "
        "have length less than or equal to 1024");
}

// What all three kinds of invocation bring. Content-Type and Accept have other names for each.
InvokeRequest request_of(const Route& route, const http::Request& request) {
  const auto header = [&](const char* name) { return request.headers.get(name); };
  for (const char* name : {"X-Amzn-SageMaker-Session-Id", "X-Amzn-SageMaker-Enable-Explanations"})
    if (request.headers.contains(name))
      throw ServiceFault("ValidationError", 400,
                         std::string(name) + " is not implemented by sagemaker-local yet.");
  InvokeRequest invocation;
  invocation.endpoint_name = route.target;
  invocation.target_variant = header("X-Amzn-SageMaker-Target-Variant");
  invocation.target_model = header("X-Amzn-SageMaker-Target-Model");
  invocation.target_container = header("X-Amzn-SageMaker-Target-Container-Hostname");
  invocation.inference_component = header("X-Amzn-SageMaker-Inference-Component");
  invocation.inference_id = header("X-Amzn-SageMaker-Inference-Id");
  invocation.custom_attributes = header("X-Amzn-SageMaker-Custom-Attributes");
  check_custom_attributes(invocation.custom_attributes);
  return invocation;
}

http::Response response_of(const InvokeResponse& result, const char* content_type_name,
                           const std::string& request_id) {
  http::Response response;
  response.headers.add(content_type_name, result.content_type);
  response.headers.add("x-amzn-RequestId", request_id);
  response.headers.add("x-Amzn-Invoked-Production-Variant", result.invoked_production_variant);
  if (!result.custom_attributes.empty())
    response.headers.add("X-Amzn-SageMaker-Custom-Attributes", result.custom_attributes);
  return response;
}

http::Response invoke(services::runtime::Service& runtime, InvokeRequest invocation,
                      const http::Request& request, const std::string& body, const std::string& request_id) {
  invocation.content_type = request.headers.get("Content-Type");
  invocation.accept = request.headers.get("Accept");
  invocation.body = body;
  InvokeResponse result = runtime.gateway().invoke(invocation);
  http::Response response = response_of(result, "Content-Type", request_id);
  response.body = std::move(result.body);
  return response;
}

// ---- asynchronous -------------------------------------------------------------------------------

// A header that is a number; `usual` where it is absent.
std::chrono::seconds seconds_of(const http::Request& request, const char* name, std::chrono::seconds usual) {
  const std::string* const text = request.headers.find(name);
  if (text == nullptr) return usual;
  std::int32_t seconds = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    throw ServiceFault("ValidationError", 400, std::string(name) + " is not a number.");
  return std::chrono::seconds(seconds);
}

http::Response invoke_async(services::runtime::Service& runtime, InvokeRequest invocation,
                            const http::Request& request, const std::string& body,
                            const std::string& request_id) {
  const auto header = [&](const char* name) { return request.headers.get(name); };
  invocation.content_type = header("X-Amzn-SageMaker-Content-Type");
  invocation.accept = header("X-Amzn-SageMaker-Accept");
  invocation.body = body;
  services::runtime::AsyncRequest wanted;
  wanted.call = std::move(invocation);
  wanted.inline_body = !body.empty();
  wanted.input_location = header("X-Amzn-SageMaker-InputLocation");
  wanted.output_extension = header("X-Amzn-SageMaker-S3OutputPathExtension");
  wanted.filename = header("X-Amzn-SageMaker-Filename");
  wanted.ttl = seconds_of(request, "X-Amzn-SageMaker-RequestTTLSeconds", wanted.ttl);
  wanted.timeout = seconds_of(request, "X-Amzn-SageMaker-InvocationTimeoutSeconds", wanted.timeout);
  const services::runtime::AsyncAccepted accepted = runtime.async().accept(wanted);
  http::Response response;
  response.status = 202;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("x-amzn-RequestId", request_id);
  if (!accepted.output_location.empty())
    response.headers.add("X-Amzn-SageMaker-OutputLocation", accepted.output_location);
  if (!accepted.failure_location.empty())
    response.headers.add("X-Amzn-SageMaker-FailureLocation", accepted.failure_location);
  response.body = aws::dump_json({{"InferenceId", accepted.inference_id}});
  return response;
}

// ---- streams ------------------------------------------------------------------------------------

std::string stream_failure(const char* type, const json& document) {
  using namespace aws::event_stream;
  return encode(exception({type, aws::dump_json(document), "application/json"}));
}

// The last message of a stream that did not end as it should; empty where there is nothing to say.
std::string last_words(ResponseStream::End end) {
  switch (end) {
    case ResponseStream::End::complete:
    case ResponseStream::End::abandoned:
      return {};
    case ResponseStream::End::time_exceeded:
      return stream_failure(
          "ModelStreamError",
          {{"ErrorCode", "ModelInvocationTimeExceeded"},
           {"Message",
            "The model failed to finish sending the response within the timeout period allowed by "
            "Amazon SageMaker."}});
    case ResponseStream::End::broken:
      return stream_failure("ModelStreamError",
                            {{"ErrorCode", "StreamBroken"},
                             {"Message",
                              "The Transmission Control Protocol (TCP) connection between the client and the "
                              "model was reset or closed."}});
    case ResponseStream::End::failed:
      break;
  }
  return stream_failure(
      "InternalStreamFailure",
      {{"Message",
        "The stream processing failed because of an unknown error, exception or failure. Try your "
        "request again."}});
}

http::Response invoke_stream(services::runtime::Service& runtime, InvokeRequest invocation,
                             const http::Request& request, std::string body, const std::string& request_id) {
  invocation.content_type = request.headers.get("Content-Type");
  invocation.accept = request.headers.get("X-Amzn-SageMaker-Accept");
  // The body is produced when this function has returned; the stream lives as long as that function.
  const std::shared_ptr<ResponseStream> stream =
      runtime.streams().open(std::move(invocation), std::move(body));
  http::Response response = response_of(stream->head(), "X-Amzn-SageMaker-Content-Type", request_id);
  response.headers.add("Content-Type", std::string(aws::event_stream::media_type));
  response.body = http::StreamBody{[stream](const std::function<bool(std::string_view)>& write) {
    using namespace aws::event_stream;
    const ResponseStream::End end = stream->read([&](std::string_view piece) {
      return write(encode(event({.type = "PayloadPart", .payload = std::string(piece)})));
    });
    if (const std::string words = last_words(end); !words.empty()) write(words);
  }};
  return response;
}

}  // namespace

http::Response handle_invocation(services::runtime::Service& runtime, const Route& route,
                                 const http::Request& request, std::string body,
                                 const std::string& request_id) {
  if (request.method != "POST")
    throw ServiceFault("MethodNotAllowedException", 405,
                       route.operation + " is a POST request, not " + request.method + ".");
  if (route.operation == "InvokeEndpoint")
    return invoke(runtime, request_of(route, request), request, body, request_id);
  if (route.operation == "InvokeEndpointWithResponseStream")
    return invoke_stream(runtime, request_of(route, request), request, std::move(body), request_id);
  if (route.operation == "InvokeEndpointAsync")
    return invoke_async(runtime, request_of(route, request), request, body, request_id);
  throw ServiceFault("UnknownOperationException", 400,
                     route.operation + " is not implemented by sagemaker-local yet.");
}

}  // namespace sagemaker::local::wire
