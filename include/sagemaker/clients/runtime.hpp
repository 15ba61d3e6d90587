// Inference: boto3's "sagemaker-runtime" client in C++.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/clients/runtime_stream.hpp>

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
  std::string inference_id = {};         // appears in captured data
  std::string custom_attributes = {};    // up to 1,024 visible characters, handed to the container
  std::string session_id = {};           // of a stateful session; "NEW_SESSION" opens one (not with a stream)
  std::string enable_explanations = {};  // a JMESPath expression, for endpoints with an explainer
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
  std::string new_session_id;     // "ID; Expires=2026-11-21T07:00:00Z" where a session was opened
  std::string closed_session_id;  // where the container closed one
};

// An answer that is still being made. `body` is a range of its pieces.
struct InvokeEndpointWithResponseStreamOutput {
  ByteIterator body;
  std::string content_type;
  std::string invoked_production_variant;
  std::string custom_attributes;
};

// Where an asynchronous invocation finds its input, and where its output goes: an input_location or a body,
// not both.
struct InvokeEndpointAsyncInput {
  std::string endpoint_name = {};
  std::string input_location = {};  // s3://bucket/key
  std::string body = {};            // the input itself, up to 128,000 bytes
  std::string content_type = {};
  std::string accept = {};
  std::string inference_id = {};
  std::string custom_attributes = {};
  std::string filename = {};                    // of the output, instead of one made from the inference id
  std::string s3_output_path_extension = {};    // goes between the endpoint's output path and the file's name
  std::optional<int> request_ttl_seconds = {};  // 60 to 21,600; then it is dropped from the queue
  std::optional<int> invocation_timeout_seconds = {};  // 1 to 3,600; for the container's answer
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
    set_invocation(request, input);
    set(request, "Accept", input.accept);
    set(request, "X-Amzn-SageMaker-Target-Model", input.target_model);
    set(request, "X-Amzn-SageMaker-Enable-Explanations", input.enable_explanations);
    aws::HttpResponse response = client_.send(request);
    InvokeEndpointOutput output;
    output.content_type = response.headers.get("Content-Type");
    output.invoked_production_variant = response.headers.get("x-Amzn-Invoked-Production-Variant");
    output.custom_attributes = response.headers.get("X-Amzn-SageMaker-Custom-Attributes");
    output.new_session_id = response.headers.get("X-Amzn-SageMaker-New-Session-Id");
    output.closed_session_id = response.headers.get("X-Amzn-SageMaker-Closed-Session-Id");
    output.body = std::move(response.body);
    return output;
  }

  // Returns when the answer begins; its pieces come while the container writes them. read_timeout is for the
  // time between two of them. Throws as invoke_endpoint() where there is no answer, and reading the body
  // throws ModelStreamError and InternalStreamFailure where it breaks off. Multi-model endpoints do not
  // stream.
  InvokeEndpointWithResponseStreamOutput invoke_endpoint_with_response_stream(
      InvokeEndpointInput input) const {
    auto request = std::make_shared<aws::ApiRequest>(
        request_for("InvokeEndpointWithResponseStream", input.endpoint_name, "/invocations-response-stream"));
    if (!input.target_model.empty() || !input.enable_explanations.empty()) {
      throw Error(
          "Parameter validation failed: InvokeEndpointWithResponseStream has neither a target_model nor "
          "enable_explanations");
    }
    set_invocation(*request, input);
    set(*request, "X-Amzn-SageMaker-Accept", input.accept);
    auto pump = std::make_unique<detail::BodyPump>(
        [client = client_, request](aws::BodySink& sink, std::stop_token stop) {
          request->sink = &sink;
          request->stop = std::move(stop);
          client.send(*request);
        });
    const aws::Headers headers = pump->head().headers;
    return {ByteIterator(std::move(pump)), headers.get("X-Amzn-SageMaker-Content-Type"),
            headers.get("x-Amzn-Invoked-Production-Variant"),
            headers.get("X-Amzn-SageMaker-Custom-Attributes")};
  }

  // Queues an invocation (HTTP 202); the answer is written to output_location.
  InvokeEndpointAsyncOutput invoke_endpoint_async(const InvokeEndpointAsyncInput& input) const {
    aws::ApiRequest request = request_for("InvokeEndpointAsync", input.endpoint_name, "/async-invocations");
    if (input.input_location.empty() == input.body.empty()) {
      throw Error("Parameter validation failed: InvokeEndpointAsync needs an input_location or a body");
    }
    request.idempotent = false;
    request.body = input.body;
    set(request, "X-Amzn-SageMaker-InputLocation", input.input_location);
    set(request, "X-Amzn-SageMaker-Content-Type", input.content_type);
    set(request, "X-Amzn-SageMaker-Accept", input.accept);
    set(request, "X-Amzn-SageMaker-Inference-Id", input.inference_id);
    set(request, "X-Amzn-SageMaker-Custom-Attributes", input.custom_attributes);
    set(request, "X-Amzn-SageMaker-Filename", input.filename);
    set(request, "X-Amzn-SageMaker-S3OutputPathExtension", input.s3_output_path_extension);
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

  // What an invocation has with and without a stream.
  static void set_invocation(aws::ApiRequest& request, InvokeEndpointInput& input) {
    request.body = std::move(input.body);
    request.idempotent = input.retry_after_any_failure;
    request.read_timeout = input.read_timeout;
    set(request, "Content-Type", input.content_type);
    set(request, "X-Amzn-SageMaker-Target-Variant", input.target_variant);
    set(request, "X-Amzn-SageMaker-Target-Container-Hostname", input.target_container_hostname);
    set(request, "X-Amzn-SageMaker-Inference-Component", input.inference_component_name);
    set(request, "X-Amzn-SageMaker-Inference-Id", input.inference_id);
    set(request, "X-Amzn-SageMaker-Custom-Attributes", input.custom_attributes);
    set(request, "X-Amzn-SageMaker-Session-Id", input.session_id);
  }

  static void set(aws::ApiRequest& request, std::string_view name, const std::string& value) {
    if (!value.empty()) request.headers.set(name, value);
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
