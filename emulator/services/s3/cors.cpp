// See cors.hpp.
#include "emulator/services/s3/cors.hpp"

#include <algorithm>
#include <array>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/services/s3/members.hpp"

namespace sagemaker::local::services::s3 {
namespace {

constexpr std::size_t rules_max = 100;
constexpr std::size_t id_length_max = 255;
constexpr std::array<std::string_view, 5> methods = {"GET", "PUT", "HEAD", "POST", "DELETE"};

void require_one_wildcard(const char* element, const std::string& text) {
  if (std::count(text.begin(), text.end(), '*') <= 1) return;
  throw invalid_request(std::string(element) + " \"" + text + "\" can not have more than one wildcard.");
}

void check_rule(const json& rule) {
  if (text_of(rule, "ID").size() > id_length_max) {
    throw invalid_argument("ID length should not exceed allowed limit of 255", "ID", text_of(rule, "ID"));
  }
  for (const json& method : rule["AllowedMethods"]) {
    const std::string text = method.get<std::string>();
    if (std::find(methods.begin(), methods.end(), text) == methods.end()) {
      throw invalid_request("Found unsupported HTTP method in CORS config. Unsupported method is " + text);
    }
  }
  for (const json& origin : rule["AllowedOrigins"]) require_one_wildcard("AllowedOrigin", origin);
  for (const json& header : part_of(rule, "AllowedHeaders")) require_one_wildcard("AllowedHeader", header);
  for (const json& header : part_of(rule, "ExposeHeaders")) {
    const std::string text = header.get<std::string>();
    if (text.find('*') == std::string::npos) continue;
    throw invalid_request("ExposeHeader \"" + text +
                          "\" contains wildcard. We currently do not support wildcard for ExposeHeader.");
  }
}

// A pattern with at most one star.
bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view behind = pattern.substr(star + 1);
  return text.size() >= before.size() + behind.size() && text.starts_with(before) && text.ends_with(behind);
}

bool allows_headers(const json& rule, const std::vector<std::string>& headers) {
  const json& allowed = part_of(rule, "AllowedHeaders");
  return std::all_of(headers.begin(), headers.end(), [&](const std::string& header) {
    return std::any_of(allowed.begin(), allowed.end(), [&](const json& pattern) {
      return fits(aws::to_lower(pattern.get<std::string>()), aws::to_lower(header));
    });
  });
}

}  // namespace

void check_cors(const json& configuration) {
  const json& rules = configuration["CORSRules"];
  if (rules.size() > rules_max) {
    throw invalid_request("The number of CORS rules should not exceed allowed limit of 100 rules.");
  }
  for (const json& rule : rules) check_rule(rule);
}

std::optional<CorsPermission> cors_permission(const json& configuration, const CorsRequest& request) {
  for (const json& rule : part_of(configuration, "CORSRules")) {
    const json& allowed_methods = rule["AllowedMethods"];
    if (std::find(allowed_methods.begin(), allowed_methods.end(), json(request.method)) ==
        allowed_methods.end()) {
      continue;
    }
    const json& origins = rule["AllowedOrigins"];
    const auto origin = std::find_if(origins.begin(), origins.end(), [&](const json& pattern) {
      return fits(pattern.get_ref<const std::string&>(), request.origin);
    });
    if (origin == origins.end() || !allows_headers(rule, request.headers)) continue;
    CorsPermission permission;
    permission.origin = *origin == "*" ? "*" : request.origin;
    for (const json& method : allowed_methods) permission.methods.push_back(method);
    for (const json& header : part_of(rule, "ExposeHeaders")) permission.exposed_headers.push_back(header);
    permission.max_age_s = number_of(rule, "MaxAgeSeconds");
    return permission;
  }
  return std::nullopt;
}

}  // namespace sagemaker::local::services::s3
