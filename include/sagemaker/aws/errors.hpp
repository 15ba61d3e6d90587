// Every exception that the library throws for something that went wrong outside the program. All of them
// derive from sagemaker::Error; what() is a complete sentence for a user, the accessors are for programs.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/json.hpp>

namespace sagemaker {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a service answered instead of a result.
struct ServiceErrorInfo {
  std::string code = {};        // as the service names it: "ValidationException", "NoSuchKey"
  std::string message = {};     // in the service's words
  std::string operation = {};   // "CreateTrainingJob"
  std::string request_id = {};  // what AWS support asks for
  int http_status = 0;
  bool retryable = false;         // another try may succeed: throttling, a server fault
  json details = json::object();  // further members of the error document
  int attempts = 1;               // how many were made
};

// A service refused or failed the operation. what() has botocore's form:
// "An error occurred (CODE) when calling the OPERATION operation: MESSAGE".
class ServiceError : public Error {
 public:
  explicit ServiceError(ServiceErrorInfo info) : Error(text_of(info)), info_(std::move(info)) {}

  const std::string& code() const { return info_.code; }
  const std::string& message() const { return info_.message; }
  const std::string& operation() const { return info_.operation; }
  const std::string& request_id() const { return info_.request_id; }
  int http_status() const { return info_.http_status; }
  bool retryable() const { return info_.retryable; }
  // Members of the error document beside code and message: ModelError has OriginalStatusCode, OriginalMessage
  // and LogStreamArn; S3 has BucketName, Key, Region and others.
  const json& details() const { return info_.details; }
  int attempts() const { return info_.attempts; }

 private:
  static std::string text_of(const ServiceErrorInfo& info) {
    std::string text =
        "An error occurred (" + info.code + ") when calling the " + info.operation + " operation";
    if (info.attempts > 1) text += " (reached max retries: " + std::to_string(info.attempts - 1) + ")";
    return text + ": " + info.message;
  }

  ServiceErrorInfo info_;
};

// No complete answer came. `connect`, `connect_timeout`: nothing was sent; `timeout`: the time limit passed;
// `reset`: the connection broke in the middle or the answer was no HTTP; `tls`: the server's certificate was
// not accepted.
class TransportError : public Error {
 public:
  enum class Kind { connect, connect_timeout, timeout, reset, tls };
  TransportError(Kind kind, const std::string& message) : Error(message), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// No credentials were found, or those found cannot be used. The words are botocore's.
class CredentialsError : public Error {
 public:
  using Error::Error;
};

// An option, an environment variable or a profile has a value that cannot be used.
class ConfigError : public Error {
 public:
  using Error::Error;
};

struct UnexpectedStatusInfo {
  std::string resource;  // "Training job my-job"
  std::string status;    // "Failed"
  std::string reason;    // FailureReason
};

// A job or an endpoint ended in another state than the one waited for. what(), as in the SageMaker Python
// SDK: "Error for Training job my-job: Failed. Reason: AlgorithmError: ...".
class UnexpectedStatus : public Error {
 public:
  explicit UnexpectedStatus(UnexpectedStatusInfo info)
      : Error("Error for " + info.resource + ": " + info.status + ". Reason: " + info.reason),
        info_(std::move(info)) {}
  const std::string& status() const { return info_.status; }
  const std::string& reason() const { return info_.reason; }
  const std::string& resource() const { return info_.resource; }

 private:
  UnexpectedStatusInfo info_;
};

// The same, because the asked instances were not to be had.
class CapacityError : public UnexpectedStatus {
 public:
  using UnexpectedStatus::UnexpectedStatus;
};

// Throws CapacityError where the reason names one, else UnexpectedStatus: the rule of the SageMaker Python
// SDK.
[[noreturn]] inline void throw_unexpected_status(UnexpectedStatusInfo info) {
  if (info.reason.find("CapacityError") != std::string::npos) throw CapacityError(std::move(info));
  throw UnexpectedStatus(std::move(info));
}

// What was waited for did not happen within the limit. The job itself goes on.
class WaitTimeout : public Error {
 public:
  using Error::Error;
};

}  // namespace sagemaker
