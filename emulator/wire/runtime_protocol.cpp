#include "emulator/wire/runtime_protocol.hpp"

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {
namespace {

constexpr std::size_t custom_attributes_max = 1024;  // AWS: CustomAttributesHeader

void check_custom_attributes(const std::string& value) {
  if (value.size() > custom_attributes_max)
    throw ServiceFault(
        "ValidationError", 400,
        "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must "
        "have length less than or equal to 1024");
}

}  // namespace

http::Response handle_invocation(services::runtime::Gateway& gateway, const Route& route,
                                 const http::Request& request, std::string_view body,
                                 const std::string& request_id) {
  if (route.operation != "InvokeEndpoint")
    throw ServiceFault("UnknownOperationException", 400,
                       route.operation + " is not implemented by sagemaker-local yet.");
  if (request.method != "POST")
    throw ServiceFault("MethodNotAllowedException", 405,
                       "InvokeEndpoint is a POST request, not " + request.method + ".");
  const auto header = [&](const char* name) { return request.headers.get(name); };
  for (const char* name : {"X-Amzn-SageMaker-Session-Id", "X-Amzn-SageMaker-Enable-Explanations"})
    if (request.headers.contains(name))
      throw ServiceFault("ValidationError", 400,
                         std::string(name) + " is not implemented by sagemaker-local yet.");
  services::runtime::InvokeRequest invocation;
  invocation.endpoint_name = route.target;
  invocation.content_type = header("Content-Type");
  invocation.accept = header("Accept");
  invocation.target_variant = header("X-Amzn-SageMaker-Target-Variant");
  invocation.target_model = header("X-Amzn-SageMaker-Target-Model");
  invocation.target_container = header("X-Amzn-SageMaker-Target-Container-Hostname");
  invocation.inference_component = header("X-Amzn-SageMaker-Inference-Component");
  invocation.inference_id = header("X-Amzn-SageMaker-Inference-Id");
  invocation.custom_attributes = header("X-Amzn-SageMaker-Custom-Attributes");
  check_custom_attributes(invocation.custom_attributes);
  invocation.body = body;
  services::runtime::InvokeResponse result = gateway.invoke(invocation);
  http::Response response;
  response.headers.add("Content-Type", result.content_type);
  response.headers.add("x-amzn-RequestId", request_id);
  response.headers.add("x-Amzn-Invoked-Production-Variant", result.invoked_production_variant);
  if (!result.custom_attributes.empty())
    response.headers.add("X-Amzn-SageMaker-Custom-Attributes", result.custom_attributes);
  response.body = std::move(result.body);
  return response;
}

}  // namespace sagemaker::local::wire
