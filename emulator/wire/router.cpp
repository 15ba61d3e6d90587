#include "emulator/wire/router.hpp"

#include <array>
#include <utility>

#include <sagemaker/aws/uri.hpp>

namespace sagemaker::local::wire {
namespace {

// The prefix of X-Amz-Target -> the service.
constexpr std::array<std::pair<std::string_view, Service>, 2> target_prefixes{{
    {"SageMaker", Service::sagemaker},
    {"Logs_20140328", Service::logs},
}};

// "AKID/20261121/us-east-1/s3/aws4_request" -> "s3"
std::string service_of_scope(std::string_view credential) {
  for (int part = 0; part < 3; ++part) {
    const std::size_t slash = credential.find('/');
    if (slash == std::string_view::npos) return {};
    credential.remove_prefix(slash + 1);
  }
  return std::string(credential.substr(0, credential.find_first_of("/, ")));
}

// "/endpoints/{name}/invocations" and its relatives.
bool route_invocation(std::string_view path, Route& route) {
  constexpr std::string_view prefix = "/endpoints/";
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view action = path.substr(slash + 1);
  if (action == "invocations")
    route.operation = "InvokeEndpoint";
  else if (action == "async-invocations")
    route.operation = "InvokeEndpointAsync";
  else if (action == "invocations-response-stream")
    route.operation = "InvokeEndpointWithResponseStream";
  else
    return false;
  route.service = Service::runtime;
  route.target = aws::uri_decode(path.substr(0, slash)).value_or(std::string(path.substr(0, slash)));
  return true;
}

}  // namespace

std::string credential_scope_service(const http::Request& request) {
  if (const std::string* authorization = request.headers.find("Authorization")) {
    constexpr std::string_view key = "Credential=";
    const std::size_t at = authorization->find(key);
    return at == std::string::npos
               ? std::string()
               : service_of_scope(std::string_view(*authorization).substr(at + key.size()));
  }
  if (request.query.find("X-Amz-Credential=") == std::string::npos) return {};
  for (const auto& [name, value] : aws::parse_query(request.query))
    if (name == "X-Amz-Credential") return service_of_scope(value);
  return {};
}

Route route(const http::Request& request) {
  if (request.path.starts_with("/_local/") || request.path.starts_with("/_console"))
    return {.service = Service::local, .operation = {}, .target = {}};
  if (const std::string* target = request.headers.find("X-Amz-Target")) {
    const std::size_t dot = target->find('.');
    const std::string prefix = target->substr(0, dot);
    const std::string operation = dot == std::string::npos ? std::string() : target->substr(dot + 1);
    for (const auto& [name, service] : target_prefixes)
      if (prefix == name) return {service, operation, {}};
    return {Service::unimplemented, operation, prefix};
  }
  const std::string scope = credential_scope_service(request);
  if (scope == "sts") return {.service = Service::sts, .operation = {}, .target = {}};
  Route invocation;
  if (scope != "s3" && route_invocation(request.path, invocation)) return invocation;
  if (scope.empty() || scope == "s3") {
    // AssumeRoleWithWebIdentity and its like come unsigned, as a form posted to "/".
    const bool form = request.method == "POST" && request.path == "/" &&
                      request.headers.get("Content-Type").starts_with("application/x-www-form-urlencoded");
    return {.service = form ? Service::sts : Service::s3, .operation = {}, .target = {}};
  }
  return {Service::unimplemented, {}, scope};
}

}  // namespace sagemaker::local::wire
