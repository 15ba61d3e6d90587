// One request to an asynchronous endpoint: what a client asks for, and how it is kept until it was carried
// out. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/runtime/invocation.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services::runtime {

inline constexpr std::string_view async_invocation_kind = "async-invocation";

// As it comes from the client. `call.body`: the inline payload, where there is no input location.
struct AsyncRequest {
  InvokeRequest call;
  std::string input_location;  // s3://...
  bool inline_body = false;
  std::string output_extension;  // below S3OutputPath
  std::string filename;          // of the output; empty: made from the inference id
  std::chrono::seconds ttl{21'600};
  std::chrono::seconds timeout{900};
};

// What the client is told.
struct AsyncAccepted {
  std::string inference_id;
  std::string output_location, failure_location;  // empty where the endpoint keeps none
};

// An accepted request, as the record of its kind has it: name: a UUID, status: the endpoint's name,
// created_ms: when it came.
class AsyncJob {
 public:
  // `endpoint`: its record. ServiceFault ValidationError where the request does not fit it.
  static store::Record accept(const AsyncRequest& request, const store::Record& endpoint,
                              const std::string& account, const std::string& id, std::int64_t now_ms);
  explicit AsyncJob(const store::Record& record) : record_(record) {}

  // Whether it is for this endpoint, and not for an earlier one of the same name.
  bool belongs_to(const store::Record& endpoint) const;
  const std::string& id() const { return record_.name; }
  const std::string& endpoint() const { return record_.status; }
  std::int64_t received_ms() const { return record_.created_ms; }
  std::int64_t expires_ms() const { return record_.document.at("ExpiresMs"); }
  std::chrono::seconds timeout() const {
    return std::chrono::seconds(record_.document.at("TimeoutSeconds").get<std::int64_t>());
  }
  std::string text(const char* member) const { return record_.document.value(member, std::string()); }
  // OutputConfig of the endpoint when the request came.
  const json& output_config() const { return record_.document.at("OutputConfig"); }
  AsyncAccepted accepted() const;
  // All but the body.
  InvokeRequest call() const;

 private:
  const store::Record& record_;
};

}  // namespace sagemaker::local::services::runtime
