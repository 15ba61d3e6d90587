// What GET /execution-parameters of a serving program answers. No torch in here.
// https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::container::detail {

// What batch transform asks before it begins. `concurrent`: the requests at a time that keep all workers
// busy; MaxConcurrentTransforms times MaxPayloadInMB may be 100 at most.
SAGEMAKER_CONTAINER_FUNCTION std::string execution_parameters(const ServingEnvironment& env,
                                                              std::size_t concurrent) {
  const std::size_t payload_mb = std::clamp<std::size_t>(env.payload_bytes_max >> 20, 1, 6);
  return "{\"MaxConcurrentTransforms\": " +
         std::to_string(std::clamp<std::size_t>(concurrent, 1, 100 / payload_mb)) +
         ", \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": " + std::to_string(payload_mb) + "}";
}

}  // namespace sagemaker::container::detail
