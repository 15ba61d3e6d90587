// The path of a request, as one visible list: route, read, authenticate, decode, validate, handle, encode,
// log.
#pragma once

#include <map>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/options.hpp"
#include "emulator/services/local_operation.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/runtime/service.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/wire/authenticator.hpp"
#include "emulator/wire/router.hpp"
#include "emulator/wire/s3_protocol.hpp"

namespace sagemaker::local::wire {

class Pipeline {
 public:
  // `further_keys`: credentials that STS gave out. `operations`: the document services by name: "sagemaker",
  // "logs", and those of query_services.hpp.
  Pipeline(const Options& options, services::Platform& platform, services::runtime::Service& runtime,
           services::s3::Service& s3, Authenticator::KeySource further_keys,
           std::map<std::string, OperationTable> operations, LocalOperations local_operations);

  http::Response handle(http::Request& request);  // never throws

 private:
  http::Response answer(Route& route, http::Request& request, CallContext& context);
  http::Response answer_document(const std::string& service, const Route& route, http::Request& request,
                                 CallContext& context);
  // `route` learns the operation, and the service where only the body names it.
  http::Response answer_query(Route& route, http::Request& request, CallContext& context);
  http::Response answer_invocation(const Route& route, http::Request& request, CallContext& context);
  http::Response answer_s3(http::Request& request, CallContext& context);
  void add_cors_headers(const http::Request& request, http::Response& response,
                        const std::string& request_id);
  http::Response answer_local(http::Request& request) const;
  http::Response encode_fault(const ServiceFault& fault, const Route& route, const http::Request& request,
                              const std::string& request_id) const;
  // The access key of a request whose signature covers its body. Throws ServiceFault.
  std::string authenticate(const http::Request& request, std::string_view body, AuthenticationFamily family,
                           const std::string& service) const;
  std::string read_signed_body(const http::Request& request, const std::string& service,
                               std::uint64_t bytes_max) const;
  void check_host(const http::Request& request) const;
  static void check_origin(const http::Request& request);

  const Options& options_;
  services::Platform& platform_;
  services::runtime::Service& runtime_;
  std::map<std::string, OperationTable> operations_;
  LocalOperations local_operations_;
  Authenticator authenticator_;
  S3Protocol s3_protocol_;
};

}  // namespace sagemaker::local::wire
