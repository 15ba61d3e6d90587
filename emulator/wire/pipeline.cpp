#include "emulator/wire/pipeline.hpp"

#include <chrono>
#include <optional>
#include <system_error>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/http/host_names.hpp"
#include "emulator/http/loggable.hpp"
#include "emulator/services/service_error.hpp"
#include "emulator/wire/cbor_protocol.hpp"
#include "emulator/wire/content_encoding.hpp"
#include "emulator/wire/json_protocol.hpp"
#include "emulator/wire/patience.hpp"
#include "emulator/wire/query_compatible.hpp"
#include "emulator/wire/query_protocol.hpp"
#include "emulator/wire/runtime_protocol.hpp"
#include "emulator/wire/validation.hpp"

namespace sagemaker::local::wire {
namespace {

const char* name_of(Service service) {
  switch (service) {
    case Service::local:
      return "local";
    case Service::sagemaker:
      return "sagemaker";
    case Service::logs:
      return "logs";
    case Service::metrics:
      return "monitoring";
    case Service::autoscaling:
      return "application-autoscaling";
    case Service::query:
      return "query";
    case Service::runtime:
      return "runtime";
    case Service::s3:
      return "s3";
    case Service::unimplemented:
      return "unimplemented";
  }
  return "";
}

// What stands in `path` for each '*' of the pattern, decoded; nullopt where they do not fit.
std::optional<std::vector<std::string>> match_local_path(std::string_view pattern, std::string_view path) {
  std::vector<std::string> names;
  while (!pattern.empty() || !path.empty()) {
    const std::string_view expected = pattern.substr(0, pattern.find('/'));
    const std::string_view given = path.substr(0, path.find('/'));
    if (expected == "*") {
      const auto name = aws::uri_decode(given);
      if (!name || name->empty()) return std::nullopt;
      names.push_back(*name);
    } else if (expected != given) {
      return std::nullopt;
    }
    const bool pattern_ends = expected.size() == pattern.size(), path_ends = given.size() == path.size();
    if (pattern_ends || path_ends) {
      if (pattern_ends != path_ends) return std::nullopt;
      break;
    }
    pattern.remove_prefix(expected.size() + 1);
    path.remove_prefix(given.size() + 1);
  }
  return names;
}

// What a client may do about an error that is not its own: nothing now, maybe later.
ServiceFault fault_of(const std::exception& error) {
  if (const auto* system = dynamic_cast<const std::system_error*>(&error))
    return ServiceFault("ServiceUnavailable", 503,
                        "The emulator cannot store this now: " + system->code().message());
  if (dynamic_cast<const store::DatabaseError*>(&error))
    return ServiceFault("ServiceUnavailable", 503,
                        std::string("The emulator cannot store this now: ") + error.what());
  return ServiceFault("InternalFailure", 500,
                      "The request processing has failed because of an unknown error, exception or failure.");
}

http::Response xml_response(int status, std::string xml, const std::string& request_id) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/xml");
  response.headers.add("x-amzn-RequestId", request_id);
  response.body = std::move(xml);
  return response;
}

ServiceFault unknown_operation(const std::string& service, const std::string& operation) {
  // Of the other services the table holds what is implemented only: it cannot tell what AWS has beyond that.
  const bool unknown = service == "sagemaker" && !known_operation(operation);
  return ServiceFault("UnknownOperationException", 400,
                      "The operation " + operation +
                          (unknown ? " is unknown." : " is not implemented by sagemaker-local yet."));
}

ServiceFault unknown_action(const QueryCall& call, bool known = false) {
  if (known)
    return ServiceFault("InvalidAction", 400,
                        "The operation " + call.action + " is not implemented by sagemaker-local yet.");
  return ServiceFault("InvalidAction", 400,
                      "Could not find operation " + call.action + " for version " +
                          (call.version.empty() ? "NO_VERSION_SPECIFIED" : call.version));
}

}  // namespace

Pipeline::Pipeline(const Options& options, services::Platform& platform, services::runtime::Service& runtime,
                   services::s3::Service& s3, Authenticator::KeySource further_keys,
                   std::map<std::string, OperationTable> operations, LocalOperations local_operations)
    : options_(options),
      platform_(platform),
      runtime_(runtime),
      operations_(std::move(operations)),
      local_operations_(std::move(local_operations)),
      authenticator_(options.credentials, options.authenticate, options.limits.wire, platform.clock,
                     std::move(further_keys)),
      s3_protocol_(s3, options.limits.s3) {}

http::Response Pipeline::handle(http::Request& request) {
  const auto start = std::chrono::steady_clock::now();
  CallContext context;
  context.account = options_.account;
  context.region = options_.region;
  context.request_id = aws::uuid4();
  context.patience = patience_of(request.headers.get("User-Agent"), options_.long_poll);
  Route where = route(request);
  http::Response response;
  try {
    check_host(request);
    response = answer(where, request, context);
  } catch (const ServiceFault& fault) {
    response = encode_fault(fault, where, request, context.request_id);
  } catch (const http::BodyError& error) {
    const char* code = error.status() == 413   ? "RequestEntityTooLargeException"
                       : error.status() == 408 ? "RequestTimeout"
                                               : "IncompleteBody";
    response =
        encode_fault(ServiceFault(code, error.status(), error.what()), where, request, context.request_id);
  } catch (const std::exception& error) {
    spdlog::error("{} {} {}: {}", context.request_id, name_of(where.service), http::loggable(where.operation),
                  http::loggable(error.what()));
    response = encode_fault(fault_of(error), where, request, context.request_id);
  }
  if (where.service == Service::s3) add_cors_headers(request, response, context.request_id);
  if (spdlog::should_log(spdlog::level::debug)) {
    const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start);
    spdlog::debug("{} {} {} {} {} -> {} in {:.2f} ms", context.request_id, request.remote_address,
                  name_of(where.service), http::loggable(request.method),
                  http::loggable(where.operation.empty() ? request.path : where.operation), response.status,
                  took.count());
  }
  return response;
}

http::Response Pipeline::answer(Route& where, http::Request& request, CallContext& context) {
  switch (where.service) {
    case Service::local:
      return answer_local(request);
    case Service::sagemaker:
    case Service::logs:
    case Service::metrics:
    case Service::autoscaling:
      return answer_document(name_of(where.service), where, request, context);
    case Service::query:
      return answer_query(where, request, context);
    case Service::runtime:
      return answer_invocation(where, request, context);
    case Service::s3:
      return answer_s3(request, context);
    case Service::unimplemented:
      break;
  }
  const std::string explanation = "The service " + where.target + " is not implemented by sagemaker-local.";
  if (where.fault_form == FaultForm::s3_xml) throw ServiceFault("NotImplemented", 501, explanation);
  throw ServiceFault("UnknownOperationException", 400, explanation);
}

std::string Pipeline::authenticate(const http::Request& request, std::string_view body,
                                   AuthenticationFamily family, const std::string& service) const {
  return authenticator_.authenticate(request, body, family, {options_.region, service, {}}).access_key;
}

// A client that asks whether to send its body (Expect) is refused without it where that can be known.
std::string Pipeline::read_signed_body(const http::Request& request, const std::string& service,
                                       std::uint64_t bytes_max) const {
  if (request.headers.contains("Expect")) {
    authenticator_.check_before_body(request, AuthenticationFamily::json, {options_.region, service, {}});
  }
  return http::read_all(*request.body, bytes_max);
}

http::Response Pipeline::answer_document(const std::string& service, const Route& where,
                                         http::Request& request, CallContext& context) {
  const WireLimits& limits = options_.limits.wire;
  const bool metrics = where.service == Service::metrics;
  std::string body =
      read_signed_body(request, service, metrics ? limits.metrics_bytes_max : limits.json_bytes_max);
  context.access_key = authenticate(request, body, AuthenticationFamily::json, service);
  if (metrics) body = decode_content(request, std::move(body), limits.json_bytes_max);
  const auto& table = operations_.at(service);
  const auto operation = table.find(where.operation);
  if (operation == table.end()) throw unknown_operation(service, where.operation);
  const json input = where.cbor ? decode_cbor_document(body, limits.json_depth_max)
                                : decode_json(body, limits.json_depth_max);
  const json output = operation->second(context, input);
  if (where.cbor) return encode_cbor_document(output, context.request_id);
  return metrics ? encode_query_compatible_json(output, context.request_id)
                 : encode_json(output, context.request_id);
}

http::Response Pipeline::answer_query(Route& where, http::Request& request, CallContext& context) {
  const WireLimits& limits = options_.limits.wire;
  const bool metrics = where.query_service && where.query_service->model == Model::metrics;
  const std::string body =
      http::read_all(*request.body, metrics ? limits.metrics_bytes_max : limits.json_bytes_max);
  const std::string form = metrics ? decode_content(request, body, limits.json_bytes_max) : body;
  QueryCall call = parse_query_call(body.empty() ? request.query : form);
  where.operation = call.action;
  if (!where.query_service) where.query_service = find_query_service(&QueryService::version, call.version);
  if (!where.query_service) throw unknown_action(call);
  const QueryService& service = *where.query_service;
  if (call.action != service.unsigned_operation) {
    Authenticator::Scope expected{options_.region, std::string(service.name), {}};
    if (service.signs_for_us_east_1) expected.second_region = "us-east-1";
    context.access_key =
        authenticator_.authenticate(request, body, AuthenticationFamily::query, expected).access_key;
  }
  const auto& table = operations_.at(std::string(service.name));
  const auto operation = table.find(call.action);
  if (operation == table.end() || (!call.version.empty() && call.version != service.version))
    throw unknown_action(call, known_operation(service.model, call.action));
  convert_query_values(service.model, call.action, call.input);
  json result = operation->second(context, call.input);
  if (service.model == Model::metrics) spell_for_query(result);
  return xml_response(200, render_query_response(call, service.xml_namespace, result, context.request_id),
                      context.request_id);
}

http::Response Pipeline::answer_invocation(const Route& where, http::Request& request, CallContext& context) {
  std::string body = read_signed_body(request, "sagemaker", options_.limits.wire.invocation_bytes_max);
  context.access_key = authenticate(request, body, AuthenticationFamily::json, "sagemaker");
  return handle_invocation(runtime_, where, request, std::move(body), context.request_id);
}

http::Response Pipeline::answer_s3(http::Request& request, CallContext& context) {
  // Browsers ask and submit without signing the request.
  if (request.method == "OPTIONS") return s3_protocol_.preflight(context, request);
  if (is_s3_form_upload(request)) {
    return s3_protocol_.upload_form(
        context, request, [this](const std::optional<PolicySignature>& signature, const std::string& policy) {
          return authenticator_.authenticate_policy(signature, policy, {options_.region, "s3", {}});
        });
  }
  const Identity identity = authenticator_.authenticate_s3(request, {options_.region, "s3", {}});
  context.access_key = identity.access_key;
  return s3_protocol_.handle(context, request, identity);
}

// The request is answered by now, and its answer stands also where nothing can be said about origins.
void Pipeline::add_cors_headers(const http::Request& request, http::Response& response,
                                const std::string& request_id) {
  try {
    s3_protocol_.add_cors_headers(request, response);
  } catch (const ServiceFault&) {
    // The address names no bucket, which the answer says already.
  } catch (const std::exception& error) {
    spdlog::error("{} the CORS rules cannot be read: {}", request_id, http::loggable(error.what()));
  }
}

http::Response Pipeline::answer_local(http::Request& request) const {
  http::Response response;
  response.headers.add("Content-Type", "application/json");
  if (request.path == "/_local/health") {
    json health = {{"status", "ok"},
                   {"region", options_.region},
                   {"account", options_.account},
                   {"sandbox", platform_.sandbox.isolated() ? "bubblewrap" : "none"},
                   {"tls", options_.tls.kind == TlsOptions::Kind::off     ? "off"
                           : options_.tls.kind == TlsOptions::Kind::given ? "given"
                                                                          : "self-made"}};
    if (const auto ca_file = options_.ca_file(); !ca_file.empty()) health["ca_bundle"] = ca_file.string();
    response.body = aws::dump_json(health);
    return response;
  }
  check_origin(request);
  const WireLimits& limits = options_.limits.wire;
  const std::string body = http::read_all(*request.body, limits.json_bytes_max);
  const json input = body.empty() ? json::object() : decode_json(body, limits.json_depth_max);
  for (const auto& [pattern, operation] : local_operations_) {
    if (const auto names = match_local_path(pattern, request.method + " " + request.path)) {
      response.body = aws::dump_json(operation(*names, input));
      return response;
    }
  }
  throw ServiceFault("NotFound", 404, "There is nothing at " + request.method + " " + request.path + ".");
}

http::Response Pipeline::encode_fault(const ServiceFault& fault, const Route& where,
                                      const http::Request& request, const std::string& request_id) const {
  switch (where.service) {
    case Service::s3:
      return S3Protocol::error(fault, request, request_id);
    case Service::query: {
      const QueryService& service = where.query_service ? *where.query_service : query_services.front();
      return xml_response(fault.http_status(), render_query_error(fault, service.xml_namespace, request_id),
                          request_id);
    }
    case Service::runtime:
      return encode_rest_json_fault(fault, request_id);
    case Service::metrics:
      return where.cbor ? encode_cbor_fault(fault, request_id)
                        : encode_query_compatible_fault(fault, request_id);
    case Service::unimplemented:
      if (where.fault_form == FaultForm::s3_xml) return S3Protocol::error(fault, request, request_id);
      if (where.fault_form == FaultForm::query_xml)
        return xml_response(fault.http_status(), render_query_error(fault, "", request_id), request_id);
      [[fallthrough]];
    default:
      return where.cbor ? encode_cbor_fault(fault, request_id) : encode_json_fault(fault, request_id);
  }
}

// A page in a browser could reach a loopback server under a name of its own (DNS rebinding): names must be
// ours or AWS's.
void Pipeline::check_host(const http::Request& request) const {
  if (options_.host == "0.0.0.0" || options_.host == "::") return;
  const std::string host = http::host_name_of(request.headers.get("Host"));
  if (host.empty() || host == options_.host || host == "[" + options_.host + "]" ||
      http::is_loopback_host(host) || http::is_aws_host(host))
    return;
  throw ServiceFault("AccessDenied", 403, "The host name " + host + " is not one of this emulator's.");
}

// These requests are not signed, so no page of somebody else may send them from a browser.
void Pipeline::check_origin(const http::Request& request) {
  const std::string origin = request.headers.get("Origin");
  const std::string host = request.headers.get("Host");
  if (origin.empty() || origin == "http://" + host || origin == "https://" + host) return;
  throw ServiceFault("AccessDenied", 403, "Pages of " + origin + " may not do this.");
}

}  // namespace sagemaker::local::wire
