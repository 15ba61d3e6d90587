#include "emulator/services/runtime/async_request.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::runtime {
namespace {

constexpr std::size_t inline_bytes_max = 128'000;  // AWS: inline input of InvokeEndpointAsync

ServiceFault refusal(const std::string& message) { return ServiceFault("ValidationError", 400, message); }

ServiceFault broken(const std::string& member, const std::string& constraint) {
  return refusal("1 validation error detected: Value at '" + member +
                 "' failed to satisfy constraint: " + constraint);
}

bool word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// ^(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_\.]*$
bool is_filename(const std::string& name) {
  return word(name.front()) && std::count(name.begin(), name.end(), '.') < 2 &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return word(c) || c == '-' || c == '_' || c == '.'; });
}

// ^(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+$
bool is_extension(const std::string& path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return word(c) || std::string_view("!_.*'()/-").find(c) != std::string_view::npos;
  });
}

void check(const AsyncRequest& request) {
  if (request.inline_body == !request.input_location.empty())
    throw refusal("Body and InputLocation are mutually exclusive. Provide exactly one of them.");
  if (request.call.body.size() > inline_bytes_max)
    throw broken("body", "Member must have length less than or equal to 128000");
  if (request.input_location.size() > 1024)
    throw broken("inputLocation", "Member must have length less than or equal to 1024");
  if (request.call.inference_id.size() > 64)
    throw broken("inferenceId", "Member must have length less than or equal to 64");
  if (!request.filename.empty() && (request.filename.size() > 32 || !is_filename(request.filename)))
    throw broken("filename",
                 "Member must satisfy regular expression pattern: "
                 "^(?!.*\\..*\\.)[a-zA-Z0-9][a-zA-Z0-9-_\\.]*$");
  if (!request.output_extension.empty() &&
      (request.output_extension.size() > 512 || !is_extension(request.output_extension)))
    throw broken("s3OutputPathExtension",
                 "Member must satisfy regular expression pattern: "
                 "^(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+$");
  if (request.ttl.count() < 60)
    throw broken("requestTTLSeconds", "Member must have value greater than or equal to 60");
  if (request.ttl.count() > 21'600)
    throw broken("requestTTLSeconds", "Member must have value less than or equal to 21600");
  if (request.timeout.count() < 1)
    throw broken("invocationTimeoutSeconds", "Member must have value greater than or equal to 1");
  if (request.timeout.count() > 3'600)
    throw broken("invocationTimeoutSeconds", "Member must have value less than or equal to 3600");
}

void trim_slashes(std::string& path) {
  while (path.ends_with('/')) path.pop_back();
  while (path.starts_with('/')) path.erase(0, 1);
}

// "s3://bucket/prefix[/extension]/name"; empty where the endpoint has no such path.
std::string location(const json& output, const char* path, std::string extension, const std::string& name) {
  if (!output.contains(path)) return {};
  std::string uri = output[path];
  while (uri.ends_with('/')) uri.pop_back();
  trim_slashes(extension);
  if (!extension.empty()) uri += "/" + extension;
  return uri + "/" + name;
}

// "prediction.out" -> "prediction-error.out"
std::string failure_name(const std::string& name) {
  const std::size_t dot = std::min(name.rfind('.'), name.size());
  return name.substr(0, dot) + "-error.out";
}

}  // namespace

store::Record AsyncJob::accept(const AsyncRequest& request, const store::Record& endpoint,
                               const std::string& account, const std::string& id, std::int64_t now_ms) {
  const json& config = endpoint.document.at("_deployment").at("Config");
  if (endpoint.status == "Creating" || endpoint.status == "Deleting" || endpoint.status == "Failed")
    throw refusal("Endpoint " + endpoint.name + " of account " + account + " not found.");
  if (!config.contains("AsyncInferenceConfig"))
    throw refusal("Endpoint " + endpoint.name + " of type REALTIME does not support this inference type.");
  check(request);
  if (!request.input_location.empty()) {
    try {
      parse_s3_uri(request.input_location);
    } catch (const ServiceFault& fault) {
      throw refusal(fault.message());
    }
  }
  const json& output = config["AsyncInferenceConfig"].at("OutputConfig");
  const std::string inference_id =
      request.call.inference_id.empty() ? aws::uuid4() : request.call.inference_id;
  const std::string name = request.filename.empty() ? inference_id + ".out" : request.filename;
  store::Record record;
  record.name = id;
  record.arn = endpoint.arn;
  record.status = endpoint.name;
  record.created_ms = record.modified_ms = now_ms;
  record.document = {
      {"EndpointCreatedMs", endpoint.created_ms},
      {"Variant", config.at("ProductionVariants").at(0).at("VariantName")},
      {"InferenceId", inference_id},
      {"ContentType", request.call.content_type},
      {"Accept", request.call.accept},
      {"CustomAttributes", request.call.custom_attributes},
      {"OutputLocation", location(output, "S3OutputPath", request.output_extension, name)},
      {"FailureLocation", location(output, "S3FailurePath", request.output_extension, failure_name(name))},
      {"ExpiresMs", now_ms + request.ttl.count() * 1000},
      {"TimeoutSeconds", request.timeout.count()},
      {"OutputConfig", output}};
  if (request.inline_body)
    record.document["Body"] = aws::base64_encode(request.call.body);
  else
    record.document["InputLocation"] = request.input_location;
  return record;
}

bool AsyncJob::belongs_to(const store::Record& endpoint) const {
  return endpoint.name == record_.status &&
         record_.document.at("EndpointCreatedMs").get<std::int64_t>() == endpoint.created_ms;
}

AsyncAccepted AsyncJob::accepted() const {
  return {text("InferenceId"), text("OutputLocation"), text("FailureLocation")};
}

InvokeRequest AsyncJob::call() const {
  InvokeRequest call;
  call.endpoint_name = record_.status;
  call.content_type = text("ContentType");
  call.accept = text("Accept");
  call.custom_attributes = text("CustomAttributes");
  call.inference_id = text("InferenceId");
  return call;
}

}  // namespace sagemaker::local::services::runtime
