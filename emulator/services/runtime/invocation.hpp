// What one invocation of an endpoint brings, and what it is answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <sagemaker/aws/headers.hpp>

namespace sagemaker::local::services::runtime {

struct InvokeRequest {
  std::string endpoint_name;
  std::string content_type;  // "" where the client sent none
  std::string accept;
  std::string target_variant;
  std::string target_model;         // multi-model endpoints
  std::string target_container;     // multi-container endpoints with direct invocation
  std::string inference_component;  // endpoints whose models are inference components
  std::string inference_id;
  std::string custom_attributes;
  std::string_view body;  // must live until the answer is there
};

struct InvokeResponse {
  std::string body;
  std::string content_type;
  std::string invoked_production_variant;
  std::string custom_attributes;
};

}  // namespace sagemaker::local::services::runtime
