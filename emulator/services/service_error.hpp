// What a service throws when it cannot do what was asked: AWS's error code, HTTP status and message. The wire layer
// encodes it in the protocol of the request. Codes and texts follow what AWS was observed to answer.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local {

class ServiceFault : public std::runtime_error {
 public:
  // `fields`: further members of the error document (S3: Key, BucketName; runtime: OriginalStatusCode...).
  ServiceFault(std::string code, int http_status, const std::string& message, json fields = json::object())
      : std::runtime_error(message), code_(std::move(code)), http_status_(http_status), fields_(std::move(fields)) {}
  const std::string& code() const { return code_; }
  int http_status() const { return http_status_; }
  std::string message() const { return what(); }
  const json& fields() const { return fields_; }

 private:
  std::string code_;
  int http_status_;
  json fields_;
};

inline ServiceFault validation_fault(const std::string& message) {
  return ServiceFault("ValidationException", 400, message);
}

}  // namespace sagemaker::local
