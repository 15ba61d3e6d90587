// Requests of a transform job to the containers of one instance, with the patience that ModelClientConfig
// asks for.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "emulator/runner/stop_signal.hpp"
#include "emulator/services/sagemaker/hosting/instance.hpp"
#include "emulator/services/sagemaker/transform/object_transform.hpp"
#include "emulator/services/sagemaker/transform/parameters.hpp"

namespace sagemaker::local::services::transform {

// It is the container's doing, not that of the data.
class AlgorithmFailure : public TransformFailure {
 public:
  using TransformFailure::TransformFailure;
};

class ModelClient {
 public:
  struct Settings {
    std::string content_type, accept;
    ClientSettings client;
    // For how long a container that is being started again is waited for.
    std::chrono::milliseconds restart_timeout{240'000};
  };

  // All of them must outlive this.
  ModelClient(hosting::Instance& instance, const Settings& settings, const runner::StopSignal& stop);

  // GET /execution-parameters of the first container.
  ExecutionParameters ask_parameters();

  // The last container's answer; see SendRequest. A 5xx answer, no answer and a container that ended are
  // tried again, a 4xx answer is not. Thread-safe. Throws TransformFailure, AlgorithmFailure,
  // TransformStopped.
  std::string send(const RequestBody& body, const std::function<bool(std::string_view)>& on_piece);

 private:
  struct Attempt;
  void wait_ready();
  void pause(std::chrono::milliseconds time) const;
  runner::InvocationResult through_all(const RequestBody& body, Attempt& attempt,
                                       const std::function<bool(std::string_view)>& on_piece);

  hosting::Instance& instance_;
  const Settings settings_;
  const runner::StopSignal& stop_;
  std::atomic<bool> lost_{false};  // it did not come back; nobody waits for it again
};

}  // namespace sagemaker::local::services::transform
