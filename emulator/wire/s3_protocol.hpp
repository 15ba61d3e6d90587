// S3's REST-XML from end to end: an authenticated HTTP request in, an HTTP response out.
#pragma once

#include <cstddef>
#include <string>

#include "emulator/http/message.hpp"
#include "emulator/limits.hpp"
#include "emulator/services/operation.hpp"
#include "emulator/services/s3/service.hpp"
#include "emulator/wire/authenticator.hpp"

namespace sagemaker::local::wire {

class S3Protocol {
 public:
  explicit S3Protocol(services::s3::Service& service, const S3Limits& limits = {},
                      std::size_t xml_bytes_max = WireLimits{}.xml_bytes_max)
      : service_(service), limits_(limits), xml_bytes_max_(xml_bytes_max) {}

  // `identity`: what the signature said about the payload; its chunk context verifies signed chunks. Throws
  // ServiceFault; what the disk refuses passes through as std::system_error.
  http::Response handle(const CallContext& context, http::Request& request, const Identity& identity);

  // The XML error document; no body for HEAD and for 304.
  static http::Response error(const ServiceFault& fault, const http::Request& request,
                              const std::string& request_id);

 private:
  services::s3::Service& service_;
  S3Limits limits_;
  std::size_t xml_bytes_max_;
};

}  // namespace sagemaker::local::wire
