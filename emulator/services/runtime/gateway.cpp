#include "emulator/services/runtime/gateway.hpp"

#include "emulator/services/sagemaker/hosting/model_error.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

microseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<microseconds>(Clock::now() - start);
}

}  // namespace

InvokeResponse response_of(const hosting::Route& route, const aws::Headers& headers, std::string body) {
  return {std::move(body), headers.get("Content-Type", "application/octet-stream"), route.variant->name(),
          headers.get("X-Amzn-SageMaker-Custom-Attributes")};
}

void Gateway::carry(hosting::Route& route, const InvokeRequest& request, const ForwardOptions& options,
                    ForwardResult& result) {
  if (route.variant->plan().serverless && request.body.size() > platform_.limits.serverless.payload_bytes_max)
    throw ServiceFault("RequestEntityTooLargeException", 413,
                       "The body is larger than the 4 MB that a serverless endpoint takes.");
  fleet_.take_instance(route, request.target_model);
  // An instance that has just ended takes nothing; each of the others can be asked instead. Where there is no
  // other it is asked again: it may have been started again while this request waited for a connection.
  for (int attempts = route.variant->count() + 3; route.instance && attempts > 0; --attempts) {
    forward(platform_, route.variant->plan(), *route.instance, request, options, result);
    if (result.answer.kind != runner::InvocationResult::Kind::refused) return;
    fleet_.take_another(route);
  }
  const auto& containers = route.variant->plan().containers;
  throw hosting::model_error(platform_, hosting::log_group(route.variant->plan()),
                             containers.empty() ? "primary" : containers.front().name, 503,
                             "The container of this variant is not running: it is being restarted.");
}

InvokeResponse Gateway::invoke(const InvokeRequest& request, const ForwardOptions& options,
                               ForwardResult& result) {
  const auto live = fleet_.find(request.endpoint_name);
  const auto deployment = live ? live->current() : nullptr;
  if (deployment && deployment->config().contains("AsyncInferenceConfig"))
    throw ServiceFault(
        "ValidationError", 400,
        "Endpoint " + request.endpoint_name + " of type ASYNC does not support this inference type.");
  return invoke_accepted(request, options, result);
}

InvokeResponse Gateway::invoke_accepted(const InvokeRequest& request, const ForwardOptions& options,
                                        ForwardResult& result) {
  const Clock::time_point start = Clock::now();
  hosting::Route route =
      fleet_.route(request.endpoint_name, request.target_variant, request.inference_component);
  InvocationEvent event{.request = request, .route = route};
  const auto tell = [&] {
    event.model_latency = result.model_latency;
    event.overhead_latency = since(start) - result.model_latency;
    event.load = result.load;
    event.multi_model = !request.target_model.empty();
    event.streamed = static_cast<bool>(options.on_piece);
    for (const Watcher& watcher : watchers_) watcher(event);
  };
  try {
    if (options.on_response) {
      ForwardOptions streaming = options;
      streaming.on_head = [&](int, const aws::Headers& headers) {
        options.on_response(response_of(route, headers, {}));
      };
      carry(route, request, streaming, result);
    } else {
      carry(route, request, options, result);
    }
  } catch (const ServiceFault& fault) {
    event.fault = &fault;
    tell();
    throw;
  }
  runner::InvocationResult& answer = result.answer;
  InvokeResponse response = response_of(route, answer.headers, std::move(answer.body));
  event.response = &response;
  tell();
  return response;
}

}  // namespace sagemaker::local::services::runtime
