// Carries out one accepted request of an asynchronous endpoint: input from S3, the invocation, and its answer
// or what went wrong to S3.
#pragma once

#include <functional>

#include "emulator/services/runtime/async_notifications.hpp"
#include "emulator/services/runtime/async_request.hpp"
#include "emulator/services/runtime/gateway.hpp"
#include "emulator/services/runtime/invocation_metrics.hpp"

namespace sagemaker::local::services::runtime {

class AsyncWork {
 public:
  AsyncWork(Gateway& gateway, InvocationMetrics& metrics, AsyncNotifications& notifications)
      : gateway_(gateway), metrics_(metrics), notifications_(notifications) {}

  enum class End {
    done,        // its output or its failure is in S3, or nobody wants it any more
    not_begun,   // no container took it: there is none just now
    interrupted  // the container went away under it
  };
  // `is_last`: asked after an interruption, whether that is the end of it.
  End run(const store::Record& record, const std::function<bool()>& is_last);
  // The request was not carried out in time.
  void expire(const store::Record& record);

 private:
  class Output;
  End invoke(const AsyncJob& job, std::string_view body, const std::string& content_type,
             const std::function<bool()>& is_last);
  bool wanted(const AsyncJob& job) const;
  void succeed(const AsyncJob& job, Output& output);
  void fail(const AsyncJob& job, const std::string& reason, const char* metric);
  void finish(const AsyncJob& job, const AsyncOutcome& outcome);
  void count(const AsyncJob& job, const char* metric, const char* unit, double value);

  Gateway& gateway_;
  InvocationMetrics& metrics_;
  AsyncNotifications& notifications_;
};

}  // namespace sagemaker::local::services::runtime
