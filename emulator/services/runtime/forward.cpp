#include "emulator/services/runtime/forward.hpp"

#include <optional>
#include <utility>

#include "emulator/services/sagemaker/hosting/model_error.hpp"

namespace sagemaker::local::services::runtime {
namespace {

using hosting::ContainerMode;
using runner::InvocationResult;
using Kind = InvocationResult::Kind;
using Clock = std::chrono::steady_clock;

ServiceFault bad_request(const std::string& message) { return ServiceFault("ValidationError", 400, message); }

// What a client sends beside the body and may concern the model; all other headers of the client stay here.
aws::Headers forwarded_headers(const InvokeRequest& request) {
  aws::Headers headers;
  if (!request.custom_attributes.empty())
    headers.add("X-Amzn-SageMaker-Custom-Attributes", request.custom_attributes);
  if (!request.inference_id.empty()) headers.add("X-Amzn-SageMaker-Inference-Id", request.inference_id);
  return headers;
}

// Which container a request is for, where it is for one: nullopt for a pipeline.
std::optional<std::size_t> target_of(const hosting::VariantPlan& plan, const hosting::Instance& instance,
                                     const InvokeRequest& request) {
  if (plan.mode != ContainerMode::direct) {
    if (!request.target_container.empty())
      throw bad_request(
          "TargetContainerHostname can only be used with a multi-container endpoint in Direct invocation "
          "mode.");
    if (plan.mode == ContainerMode::serial) return std::nullopt;
    return 0;
  }
  if (request.target_container.empty())
    throw bad_request("TargetContainerHostname is required to invoke endpoint " + request.endpoint_name +
                      ", whose containers are invoked directly.");
  for (std::size_t index = 0; index < instance.container_count(); ++index)
    if (instance.plan(index).name == request.target_container) return index;
  throw bad_request("Container " + request.target_container + " not found for endpoint " +
                    request.endpoint_name + ".");
}

class Forwarding {
 public:
  Forwarding(const Platform& platform, hosting::Instance& instance, const InvokeRequest& request,
             const ForwardOptions& options, ForwardResult& result)
      : platform_(platform), instance_(instance), request_(request), options_(options), result_(result) {}

  void to_one(std::size_t index) {
    runner::Invocation invocation = first_invocation();
    std::optional<hosting::ModelCache::Lease> lease;
    if (hosting::ModelCache* models = instance_.models(index)) {
      if (request_.target_model.empty())
        throw bad_request("TargetModel is required to invoke the multi-model endpoint " +
                          request_.endpoint_name + ".");
      lease.emplace(models->use(request_.target_model, options_.timeout));
      result_.load = lease->load();
      invocation.target = "/models/" + lease->handle() + "/invoke";
      invocation.headers.add("X-Amzn-SageMaker-Target-Model", request_.target_model);
    } else if (!request_.target_model.empty()) {
      throw bad_request("TargetModel header can only be used with a multi-model endpoint.");
    }
    invoke(index, invocation, true);
  }

  // The answer of one is the request of the next.
  void through_all() {
    if (!request_.target_model.empty())
      throw bad_request("TargetModel header can only be used with a multi-model endpoint.");
    runner::Invocation invocation = first_invocation();
    std::string body;
    for (std::size_t index = 0; index < instance_.container_count(); ++index) {
      const bool last = index + 1 == instance_.container_count();
      invoke(index, invocation, last);
      if (result_.answer.kind == Kind::refused || last) break;
      body = std::move(result_.answer.body);
      invocation.body = body;
      invocation.content_type = result_.answer.headers.get("Content-Type");
    }
  }

 private:
  runner::Invocation first_invocation() const {
    runner::Invocation invocation;
    invocation.content_type = request_.content_type;
    invocation.accept = request_.accept;
    invocation.headers = forwarded_headers(request_);
    invocation.body = request_.body;
    return invocation;
  }

  void invoke(std::size_t index, runner::Invocation& invocation, bool last) {
    if (last && options_.on_piece) {
      invocation.on_head = options_.on_head;
      invocation.on_piece = options_.on_piece;
      invocation.stream_timeout = options_.stream_timeout;
    }
    result_.container = instance_.plan(index).name;
    const Clock::time_point start = Clock::now();
    result_.answer = instance_.container(index).invoke(invocation, options_.timeout);
    result_.model_latency += std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    const InvocationResult& answer = result_.answer;
    const auto fault = [&](int status, std::string_view text) {
      return hosting::model_error(platform_, instance_.log_group(), result_.container, status, text);
    };
    switch (answer.kind) {
      case Kind::refused:
        if (index == 0) return;
        throw fault(503, "The container is not running: it is being restarted.");
      case Kind::timed_out:
        throw hosting::model_timeout(platform_, instance_.log_group(), result_.container);
      case Kind::unreachable:
        throw fault(0, "The container closed the connection without an answer.");
      case Kind::broken:
        throw fault(0, "The container's answer broke off.");
      case Kind::answered:
        if (answer.status < 200 || answer.status >= 300) throw fault(answer.status, answer.body);
        return;
    }
  }

  const Platform& platform_;
  hosting::Instance& instance_;
  const InvokeRequest& request_;
  const ForwardOptions& options_;
  ForwardResult& result_;
};

}  // namespace

void forward(const Platform& platform, const hosting::VariantPlan& plan, hosting::Instance& instance,
             const InvokeRequest& request, const ForwardOptions& options, ForwardResult& result) {
  const auto target = target_of(plan, instance, request);
  Forwarding forwarding(platform, instance, request, options, result);
  if (target)
    forwarding.to_one(*target);
  else
    forwarding.through_all();
}

}  // namespace sagemaker::local::services::runtime
