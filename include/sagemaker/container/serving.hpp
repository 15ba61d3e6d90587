// "serve": an HTTP server for a model. GET /ping answers 200 once the model is loaded, POST /invocations
// predicts, GET /execution-parameters tells batch transform what to send, GET /metrics counts for Prometheus.
// Requests that wait while the model is busy are predicted together (batcher.hpp). SIGTERM lets the requests in
// flight end, then the process exits with 0. A model that does not load ends it with 1.
#pragma once

#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/hooks.hpp>
#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

// Does not return while the server runs; then ends the process or returns its exit code.
SAGEMAKER_CONTAINER_FUNCTION int run_serving(const Hooks& hooks);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/serving.hpp>
#endif
