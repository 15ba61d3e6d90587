// Which service a request is for. One port serves them all, so what tells them apart is what clients put on
// the wire: our own paths, X-Amz-Target, the service in the credential scope, the path of an invocation, the
// host name; the rest is S3.
#pragma once

#include <string>
#include <string_view>

#include "emulator/http/message.hpp"
#include "emulator/wire/query_services.hpp"

namespace sagemaker::local::wire {

enum class Service { local, sagemaker, logs, metrics, autoscaling, query, runtime, s3, unimplemented };

// How a client of a service that is not here reads an error.
enum class FaultForm { json, query_xml, s3_xml };

struct Route {
  Service service = Service::s3;
  std::string operation;  // of X-Amz-Target, or "InvokeEndpoint"; empty where the protocol finds it
  // The endpoint of an invocation, percent-decoded; the service's name where it is unimplemented.
  std::string target;
  // Service::query: which; nullptr where only the form in the body tells.
  const QueryService* query_service = nullptr;
  bool cbor = false;                       // the document is CBOR rather than JSON
  FaultForm fault_form = FaultForm::json;  // Service::unimplemented only
};

Route route(const http::Request& request);

// The service in the credential scope of the Authorization header or of a presigned URL; empty for an
// unsigned request.
std::string credential_scope_service(const http::Request& request);

}  // namespace sagemaker::local::wire
