// InvokeEndpoint: finds the endpoint's instance for a request, forwards it, and turns what went wrong into
// AWS's ModelError.
#pragma once

#include <string>
#include <string_view>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/sagemaker/endpoint_fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

struct InvokeRequest {
  std::string endpoint_name;
  std::string content_type;  // "" where the client sent none
  std::string accept;
  std::string target_variant;
  std::string target_model;      // multi-model endpoints: refused
  std::string target_container;  // multi-container endpoints: refused
  std::string inference_id;
  std::string custom_attributes;
  std::string_view body;
};

struct InvokeResponse {
  std::string body;
  std::string content_type;
  std::string invoked_production_variant;
  std::string custom_attributes;
};

// Throws ServiceFault: ValidationError 400 (no such endpoint or variant), ModelError 424, InternalFailure
// 500.
InvokeResponse invoke_endpoint(Platform& platform, EndpointFleet& fleet, const InvokeRequest& request);

}  // namespace sagemaker::local::services
