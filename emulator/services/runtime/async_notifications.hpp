// What an asynchronous endpoint tells its SNS topics. There is no SNS here: what would be published is kept,
// for GET /_local/endpoints/NAME/notifications, and said in the log.
// https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/runtime/async_request.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::runtime {

// How a request has ended.
struct AsyncOutcome {
  bool completed = false;
  std::string failure_reason;  // where it has not
  std::string content_type;    // of the response
  std::string response;        // no more than response_bytes_max of it
  bool response_complete = false;
  // A response beyond that is in no notification.
  static constexpr std::size_t response_bytes_max = 128 * 1024;
};

// The message that AWS publishes.
json async_message(const AsyncJob& job, const AsyncOutcome& outcome, const std::string& region,
                   std::int64_t now_ms);

class AsyncNotifications {
 public:
  explicit AsyncNotifications(Platform& platform) : platform_(platform) {}

  // To the topic that the endpoint names for this outcome, if it names one.
  void publish(const AsyncJob& job, const AsyncOutcome& outcome);
  // {"Notifications": [{"TopicArn", "Timestamp", "Message": {...}}]}, the oldest first; the last thousand.
  json list(const std::string& endpoint) const;
  void forget(const std::string& endpoint);

 private:
  Platform& platform_;
  std::mutex mutex_;
  std::map<std::string, int, std::less<>> counts_;  // since the start of the emulator
};

}  // namespace sagemaker::local::services::runtime
