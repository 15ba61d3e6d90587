// Which pages of other origins may use a bucket: the rules, and what they say about one request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

// Throws ServiceFault (InvalidRequest) for rules that AWS does not take.
void check_cors(const json& configuration);

// What a browser wants to know before it sends a request, or did with it.
struct CorsRequest {
  std::string origin;
  std::string method;
  std::vector<std::string> headers;  // that it wants to send
};

struct CorsPermission {
  std::string origin;  // "*": whoever it is
  std::vector<std::string> methods;
  std::vector<std::string> exposed_headers;
  std::optional<std::int64_t> max_age_s;
};

// By the first rule that allows all of it; nullopt: none does.
std::optional<CorsPermission> cors_permission(const json& configuration, const CorsRequest& request);

}  // namespace sagemaker::local::services::s3
