#include "emulator/services/runtime/invoke_endpoint.hpp"

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t message_bytes_max = 4096;  // a traceback, not a data set

ServiceFault model_error(const Platform& platform, const std::string& endpoint, int status,
                         const std::string& original) {
  const std::string group = "/aws/sagemaker/Endpoints/" + endpoint;
  const std::string kind = status >= 400 && status < 500 ? "client error" : "server error";
  const std::string message =
      "Received " + kind + " (" + std::to_string(status) + ") from primary with message \"" +
      original.substr(0, message_bytes_max) + "\". See https://" + platform.region +
      ".console.aws.amazon.com/cloudwatch/home?region=" + platform.region + "#logEventViewer:group=" + group +
      " in account " + platform.account + " for more information.";
  return ServiceFault(
      "ModelError", 424, message,
      {{"OriginalStatusCode", status},
       {"OriginalMessage", original.substr(0, message_bytes_max)},
       {"LogStreamArn", "arn:aws:logs:" + platform.region + ":" + platform.account + ":log-group:" + group}});
}

aws::Headers forwarded_headers(const InvokeRequest& request) {
  aws::Headers headers;
  if (!request.custom_attributes.empty())
    headers.add("X-Amzn-SageMaker-Custom-Attributes", request.custom_attributes);
  if (!request.inference_id.empty()) headers.add("X-Amzn-SageMaker-Inference-Id", request.inference_id);
  return headers;
}

}  // namespace

InvokeResponse invoke_endpoint(Platform& platform, EndpointFleet& fleet, const InvokeRequest& request) {
  const auto deployment = fleet.serving(request.endpoint_name);
  if (!deployment)
    throw ServiceFault(
        "ValidationError", 400,
        "Endpoint " + request.endpoint_name + " of account " + platform.account + " not found.");
  if (!request.target_model.empty())
    throw ServiceFault("ValidationError", 400,
                       "TargetModel header can only be used with a multi-model endpoint.");
  if (!request.target_container.empty())
    throw ServiceFault("ValidationError", 400,
                       "TargetContainerHostname can only be used with a multi-container endpoint.");
  const EndpointFleet::Choice choice =
      fleet.choose(*deployment, request.target_variant, request.endpoint_name);
  if (!choice.instance)
    throw model_error(platform, request.endpoint_name, 503,
                      "The container of this variant is not running: it is being restarted.");
  runner::Invocation invocation;
  invocation.content_type = request.content_type;
  invocation.accept = request.accept;
  invocation.headers = forwarded_headers(request);
  invocation.body = request.body;
  runner::InvocationResult result =
      choice.instance->invoke(invocation, platform.limits.runner.invocation_timeout);
  if (result.kind == runner::InvocationResult::Kind::timed_out)
    throw model_error(
        platform, request.endpoint_name, 0,
        "Your invocation timed out while waiting for a response from container primary. Review the latency "
        "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.");
  if (result.kind != runner::InvocationResult::Kind::answered)
    throw model_error(platform, request.endpoint_name, 0,
                      "The container closed the connection without an answer.");
  if (result.status < 200 || result.status >= 300)
    throw model_error(platform, request.endpoint_name, result.status, result.body);
  return {std::move(result.body), result.headers.get("Content-Type", "application/octet-stream"),
          choice.variant->name, result.headers.get("X-Amzn-SageMaker-Custom-Attributes")};
}

}  // namespace sagemaker::local::services
