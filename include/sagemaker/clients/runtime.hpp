// Inference: boto3's "sagemaker-runtime" client in C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/client.hpp>

namespace sagemaker {

// What one invocation sends. Empty members are left out.
struct InvokeEndpointInput {
  std::string endpoint_name = {};
  std::string body = {};  // bytes, in the encoding that content_type names; at most 25 MB
  std::string content_type = "application/octet-stream";
  std::string accept = {};
  std::string target_model = {};               // multi-model endpoints: the archive below the model prefix
  std::string target_variant = {};             // a production variant by name, instead of by weight
  std::string target_container_hostname = {};  // multi-container endpoints
  std::string inference_component_name = {};
  std::string inference_id = {};       // appears in captured data
  std::string custom_attributes = {};  // up to 1,024 visible characters, handed to the container
  std::optional<std::chrono::milliseconds> read_timeout = {};  // instead of the client's own
  // Sends the request again also where it may already have been answered. Safe where the model has no side
  // effects.
  bool retry_after_any_failure = false;
};

struct InvokeEndpointOutput {
  std::string body;
  std::string content_type;
  std::string invoked_production_variant;
  std::string custom_attributes;
};

// Where an asynchronous invocation finds its input.
struct InvokeEndpointAsyncInput {
  std::string endpoint_name = {};
  std::string input_location = {};  // s3://bucket/key
  std::string content_type = {};
  std::string accept = {};
  std::string inference_id = {};
  std::string custom_attributes = {};
  std::optional<int> request_ttl_seconds = {};
  std::optional<int> invocation_timeout_seconds = {};
};

struct InvokeEndpointAsyncOutput {
  std::string inference_id;
  std::string output_location;  // s3://bucket/key, written when the answer is there
  std::string failure_location;
};

// A client of the API "Amazon SageMaker Runtime" (2017-05-13). Where the container answers with an error, the
// service throws ModelError (HTTP 424): ServiceError::details() then has OriginalStatusCode, OriginalMessage
// and LogStreamArn. Invocations are retried only where the model cannot have seen them: a refused connection
// or throttling. Copies share one connection pool; all methods may be called from several threads.
class SageMakerRuntimeClient {
 public:
  explicit SageMakerRuntimeClient(const ClientConfig& config = {})
      : client_({"SageMaker Runtime", "runtime.sagemaker", "sagemaker", aws::Protocol::rest_json}, config) {}

  InvokeEndpointOutput invoke_endpoint(InvokeEndpointInput input) const {
    aws::ApiRequest request = request_for("InvokeEndpoint", input.endpoint_name, "/invocations");
    request.body = std::move(input.body);
    request.idempotent = input.retry_after_any_failure;
    request.read_timeout = input.read_timeout;
    set(request, "Content-Type", input.content_type);
    set(request, "Accept", input.accept);
    set(request, "X-Amzn-SageMaker-Target-Model", input.target_model);
    set(request, "X-Amzn-SageMaker-Target-Variant", input.target_variant);
    set(request, "X-Amzn-SageMaker-Target-Container-Hostname", input.target_container_hostname);
    set(request, "X-Amzn-SageMaker-Inference-Component", input.inference_component_name);
    set(request, "X-Amzn-SageMaker-Inference-Id", input.inference_id);
    set(request, "X-Amzn-SageMaker-Custom-Attributes", input.custom_attributes);
    aws::HttpResponse response = client_.send(request);
    InvokeEndpointOutput output;
    output.content_type = response.headers.get("Content-Type");
    output.invoked_production_variant = response.headers.get("x-Amzn-Invoked-Production-Variant");
    output.custom_attributes = response.headers.get("X-Amzn-SageMaker-Custom-Attributes");
    output.body = std::move(response.body);
    return output;
  }

  // Queues an invocation (HTTP 202); the answer is written to output_location.
  InvokeEndpointAsyncOutput invoke_endpoint_async(const InvokeEndpointAsyncInput& input) const {
    aws::ApiRequest request = request_for("InvokeEndpointAsync", input.endpoint_name, "/async-invocations");
    request.idempotent = false;
    set(request, "X-Amzn-SageMaker-InputLocation", input.input_location);
    set(request, "X-Amzn-SageMaker-Content-Type", input.content_type);
    set(request, "X-Amzn-SageMaker-Accept", input.accept);
    set(request, "X-Amzn-SageMaker-Inference-Id", input.inference_id);
    set(request, "X-Amzn-SageMaker-Custom-Attributes", input.custom_attributes);
    const auto set_number = [&](const char* name, const std::optional<int>& value) {
      if (value) set(request, name, std::to_string(*value));
    };
    set_number("X-Amzn-SageMaker-RequestTTLSeconds", input.request_ttl_seconds);
    set_number("X-Amzn-SageMaker-InvocationTimeoutSeconds", input.invocation_timeout_seconds);
    const aws::HttpResponse response = client_.send(request);
    const json body = aws::ServiceClient::json_body(request.operation, response);
    return {body.is_object() ? body.value("InferenceId", "") : "",
            response.headers.get("X-Amzn-SageMaker-OutputLocation"),
            response.headers.get("X-Amzn-SageMaker-FailureLocation")};
  }

  const std::string& region() const { return client_.region(); }
  const aws::ServiceClient& service() const { return client_; }

 private:
  static aws::ApiRequest request_for(std::string_view operation, const std::string& endpoint_name,
                                     std::string_view action) {
    if (endpoint_name.empty()) {
      throw Error("Parameter validation failed: " + std::string(operation) + " needs an endpoint_name");
    }
    aws::ApiRequest request;
    request.operation = std::string(operation);
    request.path = "/endpoints/" + aws::uri_encode(endpoint_name) + std::string(action);
    return request;
  }

  static void set(aws::ApiRequest& request, std::string_view name, const std::string& value) {
    if (!value.empty()) request.headers.set(name, value);
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
