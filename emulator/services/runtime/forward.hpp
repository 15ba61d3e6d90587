// Carries one request to the containers of an instance: to the only one, through all of a pipeline, to the
// one that was asked for, or to one model of a multi-model container.
#pragma once

#include <chrono>

#include "emulator/services/runtime/invocation.hpp"
#include "emulator/services/sagemaker/hosting/instance.hpp"
#include "emulator/services/sagemaker/hosting/model_cache.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::runtime {

// How the answer is wanted.
struct ForwardOptions {
  std::chrono::milliseconds timeout{60'000};  // for each container; of a stream: until its answer begins
  std::chrono::milliseconds stream_timeout{480'000};
  // Set: the last container's answer goes there in pieces as it comes. See runner::Invocation.
  std::function<void(int status, const aws::Headers& headers)> on_head = {};
  std::function<bool(std::string_view piece)> on_piece = {};
  // The gateway's: told instead of `on_head` what is known of the response when it begins.
  std::function<void(const InvokeResponse& response)> on_response = {};
};

struct ForwardResult {
  runner::InvocationResult answer;             // 2xx unless `answer.kind` is `refused`
  std::string container;                       // which answered last
  std::chrono::microseconds model_latency{0};  // of the containers together
  hosting::ModelLoad load;                     // of a multi-model container
};

// Throws ServiceFault: ModelError for what the containers did wrong, ModelNotReadyException, ValidationError
// where the request does not fit the endpoint; `result` then has the times up to there. An answer of kind
// `refused`: the first container took nothing, so that another instance can be asked.
void forward(const Platform& platform, const hosting::VariantPlan& plan, hosting::Instance& instance,
             const InvokeRequest& request, const ForwardOptions& options, ForwardResult& result);

}  // namespace sagemaker::local::services::runtime
