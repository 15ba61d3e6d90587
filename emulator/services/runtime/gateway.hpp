// InvokeEndpoint: finds what serves a request, carries it there, and tells those who watch (metrics, data
// capture, shadow variants) how it went.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "emulator/services/runtime/forward.hpp"
#include "emulator/services/runtime/invocation.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::runtime {

// An invocation that has ended, as watchers see it: valid only while they are told.
struct InvocationEvent {
  const InvokeRequest& request;
  const hosting::Route& route;               // route.instance may be empty: none was in service
  const InvokeResponse* response = nullptr;  // null: it failed; a stream's has no body
  const ServiceFault* fault = nullptr;
  std::chrono::microseconds model_latency{0};     // in the containers
  std::chrono::microseconds overhead_latency{0};  // all the rest here
  hosting::ModelLoad load;                        // of a multi-model endpoint
  bool multi_model = false;
  bool streamed = false;  // the answer went out in pieces: the response has no body
};

// What a container's answer tells, as the client gets it.
InvokeResponse response_of(const hosting::Route& route, const aws::Headers& headers, std::string body);

class Gateway {
 public:
  using Watcher = std::function<void(const InvocationEvent& event)>;

  Gateway(Platform& platform, hosting::Fleet& fleet) : platform_(platform), fleet_(fleet) {}
  // Called on the thread of the request, in this order, before the client has its answer: must be quick and
  // must not throw. To be added before requests come.
  void watch(Watcher watcher) { watchers_.push_back(std::move(watcher)); }

  // A synchronous invocation. Throws ServiceFault: ValidationError 400 (no such endpoint or variant, or the
  // request does not fit it), ModelError 424, ModelNotReadyException 429, ThrottlingException 429,
  // InternalFailure 500.
  InvokeResponse invoke(const InvokeRequest& request) { return invoke(request, usual_options()); }
  // The same with other limits of time, or with an answer in pieces; the response then has no body. What is
  // thrown before `options.on_response` was called is the answer to the request; later the stream breaks off.
  InvokeResponse invoke(const InvokeRequest& request, const ForwardOptions& options) {
    ForwardResult result;
    return invoke(request, options, result);
  }
  // `result` tells more of how it went, also where this throws.
  InvokeResponse invoke(const InvokeRequest& request, const ForwardOptions& options, ForwardResult& result);
  // For those who carry out what an asynchronous endpoint has accepted: does not ask whether the endpoint is
  // one for synchronous requests.
  InvokeResponse invoke_accepted(const InvokeRequest& request, const ForwardOptions& options,
                                 ForwardResult& result);

  // As long as this emulator lets a container take for an answer, or for its beginning.
  ForwardOptions usual_options() const { return {.timeout = platform_.limits.runner.invocation_timeout}; }

  Platform& platform() { return platform_; }
  hosting::Fleet& fleet() { return fleet_; }

 private:
  void carry(hosting::Route& route, const InvokeRequest& request, const ForwardOptions& options,
             ForwardResult& result);

  Platform& platform_;
  hosting::Fleet& fleet_;
  std::vector<Watcher> watchers_;
};

}  // namespace sagemaker::local::services::runtime
