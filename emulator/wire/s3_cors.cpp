// See s3_cors.hpp.
#include "emulator/wire/s3_cors.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/s3/cors.hpp"
#include "emulator/wire/s3_address.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) names.push_back(aws::to_lower(one));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

ServiceFault forbidden(const std::string& message, const s3::CorsRequest& asked, const S3Address& address) {
  return {"AccessForbidden",
          403,
          "CORSResponse: " + message,
          {{"Method", asked.method}, {"ResourceType", address.key.empty() ? "BUCKET" : "OBJECT"}}};
}

void add_headers(const s3::CorsPermission& permission, http::Response& response) {
  response.headers.set("Access-Control-Allow-Origin", permission.origin);
  response.headers.set("Access-Control-Allow-Methods", joined(permission.methods));
  if (!permission.exposed_headers.empty()) {
    response.headers.set("Access-Control-Expose-Headers", joined(permission.exposed_headers));
  }
  if (permission.max_age_s) {
    response.headers.set("Access-Control-Max-Age", std::to_string(*permission.max_age_s));
  }
  if (permission.origin != "*") response.headers.set("Access-Control-Allow-Credentials", "true");
  response.headers.set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

}  // namespace

http::Response answer_s3_preflight(s3::Service& service, const http::Request& request) {
  s3::CorsRequest asked;
  asked.origin = request.headers.get("Origin");
  asked.method = request.headers.get("Access-Control-Request-Method");
  asked.headers = names_in(request.headers.get("Access-Control-Request-Headers"));
  if (asked.origin.empty()) {
    throw ServiceFault("BadRequest", 400, "Insufficient information. Origin request header needed.");
  }
  if (asked.method.empty()) {
    throw ServiceFault("BadRequest", 400, "Invalid Access-Control-Request-Method: null");
  }
  const S3Address address = s3_address_of(request);
  const std::optional<json> rules = service.cors_rules(address.bucket);
  if (!rules) throw forbidden("Bucket not found", asked, address);
  if (rules->is_null()) throw forbidden("CORS is not enabled for this bucket.", asked, address);
  const std::optional<s3::CorsPermission> permission = s3::cors_permission(*rules, asked);
  if (!permission) {
    // The spelling is AWS's.
    throw forbidden(
        "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
        "resource's "
        "CORS spec.",
        asked, address);
  }
  http::Response response;
  add_headers(*permission, response);
  if (!asked.headers.empty()) response.headers.set("Access-Control-Allow-Headers", joined(asked.headers));
  return response;
}

void add_s3_cors_headers(s3::Service& service, const http::Request& request, http::Response& response) {
  s3::CorsRequest asked;
  asked.origin = request.headers.get("Origin");
  if (asked.origin.empty() || request.method == "OPTIONS") return;
  asked.method = request.method;
  const std::optional<json> rules = service.cors_rules(s3_address_of(request).bucket);
  if (!rules || rules->is_null()) return;
  if (const auto permission = s3::cors_permission(*rules, asked)) add_headers(*permission, response);
}

}  // namespace sagemaker::local::wire
