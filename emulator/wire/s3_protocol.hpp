// S3's REST-XML from end to end: an authenticated HTTP request in, an HTTP response out.
#pragma once

#include <cstddef>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/wire/authenticator.hpp"
#include "emulator/wire/s3_form_upload.hpp"

namespace sagemaker::local::wire {

class S3Protocol {
 public:
  explicit S3Protocol(services::s3::Service& service, const S3Limits& limits = {},
                      std::size_t xml_bytes_max = WireLimits{}.xml_bytes_max)
      : service_(service), limits_(limits), xml_bytes_max_(xml_bytes_max) {}

  // `identity`: what the signature said about the payload; its chunk context verifies signed chunks. Throws
  // ServiceFault; what the disk refuses passes through as std::system_error.
  http::Response handle(const CallContext& context, http::Request& request, const Identity& identity);

  // OPTIONS, which comes without a signature, whoever asks.
  http::Response preflight(const CallContext& context, const http::Request& request);
  // An upload from a form (see is_s3_form_upload()): its policy is signed, not the request. Sets the access
  // key in `context`.
  http::Response upload_form(CallContext& context, http::Request& request, const PolicyVerifier& verify);
  // What lets a page of another origin read the answer, if the bucket's rules do.
  void add_cors_headers(const http::Request& request, http::Response& response);

  // The XML error document; no body for HEAD and for 304.
  static http::Response error(const ServiceFault& fault, const http::Request& request,
                              const std::string& request_id);

 private:
  services::s3::Service& service_;
  S3Limits limits_;
  std::size_t xml_bytes_max_;
};

}  // namespace sagemaker::local::wire
