#include "emulator/wire/router.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::local::wire {
namespace {

// The prefix of X-Amz-Target -> the service.
constexpr std::array<std::pair<std::string_view, Service>, 4> target_prefixes{{
    {"SageMaker", Service::sagemaker},
    {"Logs_20140328", Service::logs},
    {"GraniteServiceVersion20100801", Service::metrics},
    {"AnyScaleFrontendService", Service::autoscaling},
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

Route route_target(const std::string& target) {
  const std::size_t dot = target.find('.');
  const std::string prefix = target.substr(0, dot);
  Route found;
  found.service = Service::unimplemented;
  if (dot != std::string::npos) found.operation = target.substr(dot + 1);
  for (const auto& [name, service] : target_prefixes)
    if (prefix == name) found.service = service;
  if (found.service == Service::unimplemented) found.target = prefix;
  return found;
}

// "/service/GraniteServiceVersion20100801/operation/PutMetricData", with the header that tells it from a path
// of S3.
bool route_cbor(const http::Request& request, Route& route) {
  constexpr std::string_view prefix = "/service/", middle = "/operation/";
  if (aws::to_lower(request.headers.get("Smithy-Protocol")) != "rpc-v2-cbor") return false;
  const std::size_t at = request.path.find(middle);
  if (!request.path.starts_with(prefix) || at == std::string::npos || at < prefix.size()) return false;
  route = route_target(request.path.substr(prefix.size(), at - prefix.size()) + "." +
                       request.path.substr(at + middle.size()));
  if (route.service != Service::metrics && route.service != Service::unimplemented) {
    route.service = Service::unimplemented;  // speaks JSON only
    route.target = request.path;
  }
  route.cbor = true;
  return true;
}

// An unsigned call of a query service: a form posted to "/", as of AssumeRoleWithWebIdentity, or an action in
// the query.
bool is_query_call(const http::Request& request) {
  if (request.path != "/") return false;
  if (request.method == "POST")
    return aws::to_lower(request.headers.get("Content-Type"))
        .starts_with("application/x-www-form-urlencoded");
  const std::string query = "&" + request.query;
  return request.method == "GET" && query.find("&Action=") != std::string::npos &&
         query.find("&Version=") != std::string::npos;
}

// AWS's names, SERVICE.amazonaws.com and SERVICE.REGION.amazonaws.com; SERVICE.localhost could also be a
// bucket, so there it takes a call of the protocol.
const QueryService* query_service_of_host(const http::Request& request) {
  std::string host = aws::to_lower(request.headers.get("Host"));
  host.resize(std::min(host.find(':'), host.size()));
  const std::size_t dot = host.find('.');
  if (dot == std::string::npos) return nullptr;
  std::string_view label = std::string_view(host).substr(0, dot);
  if (label.ends_with("-fips")) label.remove_suffix(5);
  std::string_view rest = std::string_view(host).substr(dot + 1);
  if (rest == "localhost")
    return is_query_call(request) ? find_query_service(&QueryService::host, label) : nullptr;
  constexpr std::string_view aws_domain = "amazonaws.com";
  if (rest.ends_with(".cn")) rest.remove_suffix(3);
  if (!rest.ends_with(aws_domain)) return nullptr;
  rest.remove_suffix(aws_domain.size());
  const bool region = rest.find('.') == rest.size() - 1 && !rest.starts_with("s3");
  return rest.empty() || region ? find_query_service(&QueryService::host, label) : nullptr;
}

// By the protocol of the request; the services of plain XML over paths look like those of JSON over paths.
FaultForm fault_form(const http::Request& request, std::string_view service) {
  constexpr std::array<std::string_view, 3> beside_s3{"s3express", "s3-object-lambda", "s3-outposts"};
  constexpr std::array<std::string_view, 2> plain_xml{"route53", "cloudfront"};
  const auto one_of = [&](const auto& names) {
    return std::find(names.begin(), names.end(), service) != names.end();
  };
  if (one_of(beside_s3)) return FaultForm::s3_xml;
  return is_query_call(request) || one_of(plain_xml) ? FaultForm::query_xml : FaultForm::json;
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
  Route found;
  if (request.path.starts_with("/_local/") || request.path.starts_with("/_console")) {
    found.service = Service::local;
    return found;
  }
  if (const std::string* target = request.headers.find("X-Amz-Target")) return route_target(*target);
  if (route_cbor(request, found)) return found;
  const std::string scope = credential_scope_service(request);
  const QueryService* query_service = find_query_service(&QueryService::name, scope);
  if (scope.empty()) query_service = query_service_of_host(request);
  if (query_service || (scope.empty() && is_query_call(request))) {
    found.service = Service::query;
    found.query_service = query_service;
    return found;
  }
  if (scope != "s3" && route_invocation(request.path, found)) return found;
  if (!scope.empty() && scope != "s3") {
    found.service = Service::unimplemented;
    found.target = scope;
    found.fault_form = fault_form(request, scope);
  }
  return found;
}

}  // namespace sagemaker::local::wire
