// What a request did wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace sagemaker::container {

// With the HTTP status that says so: 400 bad content, 406 cannot be accepted, 413 too large, 415 unknown
// content type. Hooks may throw it with any 4xx or 5xx. Every other exception becomes 500.
class RequestError : public std::runtime_error {
 public:
  RequestError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

}  // namespace sagemaker::container
