#include "emulator/services/runtime/async_notifications.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/utf8.hpp"

namespace sagemaker::local::services::runtime {
namespace {

constexpr std::string_view kind = "async-notification";
constexpr int kept_max = 1'000;  // of an endpoint
constexpr int between_sweeps = 100;

std::string time_text(std::int64_t ms) { return aws::format_iso8601(aws::from_epoch_ms(ms)); }

bool includes(const json& notification, const char* topic) {
  const json topics = notification.value("IncludeInferenceResponseIn", json::array());
  return std::find(topics.begin(), topics.end(), topic) != topics.end();
}

}  // namespace

json async_message(const AsyncJob& job, const AsyncOutcome& outcome, const std::string& region,
                   std::int64_t now_ms) {
  json request = {{"endpointName", job.endpoint()}};
  if (const std::string type = job.text("ContentType"); !type.empty()) request["contentType"] = type;
  if (const std::string input = job.text("InputLocation"); !input.empty()) request["inputLocation"] = input;
  json message = {{"awsRegion", region},
                  {"eventTime", time_text(now_ms)},
                  {"receivedTime", time_text(job.received_ms())},
                  {"invocationStatus", outcome.completed ? "Completed" : "Failed"},
                  {"requestParameters", std::move(request)},
                  {"inferenceId", job.text("InferenceId")},
                  {"eventVersion", "1.0"},
                  {"eventSource", "aws:sagemaker"},
                  {"eventName", "InferenceResult"}};
  json response = json::object();
  if (!outcome.content_type.empty()) response["contentType"] = outcome.content_type;
  if (outcome.completed) {
    response["outputLocation"] = job.text("OutputLocation");
  } else {
    message["failureReason"] = outcome.failure_reason;
    if (const std::string failure = job.text("FailureLocation"); !failure.empty())
      response["outputLocation"] = failure;
  }
  message["responseParameters"] = std::move(response);
  const json notification = job.output_config().value("NotificationConfig", json::object());
  const char* const topic = outcome.completed ? "SUCCESS_NOTIFICATION_TOPIC" : "ERROR_NOTIFICATION_TOPIC";
  if (outcome.response_complete && includes(notification, topic)) {
    const bool text = is_utf8(outcome.response);
    message["responseBody"] = {{"content", text ? outcome.response : aws::base64_encode(outcome.response)},
                               {"encoding", text ? "UTF-8" : "BASE64"}};
  }
  return message;
}

void AsyncNotifications::publish(const AsyncJob& job, const AsyncOutcome& outcome) {
  const json config = job.output_config().value("NotificationConfig", json::object());
  const char* const member = outcome.completed ? "SuccessTopic" : "ErrorTopic";
  if (!config.contains(member)) return;
  store::Record record;
  record.name = aws::uuid4();
  record.status = job.endpoint();
  record.created_ms = record.modified_ms = platform_.now_ms();
  record.document = {{"TopicArn", config[member]},
                     {"Timestamp", time_text(record.created_ms)},
                     {"Message", async_message(job, outcome, platform_.region, record.created_ms)}};
  platform_.records.insert(kind, record);
  spdlog::info("endpoint {} tells {}: {} {}", job.endpoint(), config[member].get<std::string>(),
               job.text("InferenceId"), outcome.completed ? "Completed" : "Failed");
  const std::lock_guard lock(mutex_);
  if (++counts_[job.endpoint()] % between_sweeps != 0) return;
  store::RecordQuery all;
  all.status_equals = job.endpoint();
  all.limit = kept_max;
  // The first page has those that stay.
  for (std::string next = platform_.records.list(kind, all).next_token; !next.empty();) {
    all.next_token = next;
    const store::RecordPage page = platform_.records.list(kind, all);
    for (const store::Record& old : page.records) platform_.records.erase(kind, old.name);
    next = page.next_token;
  }
}

json AsyncNotifications::list(const std::string& endpoint) const {
  store::RecordQuery latest;
  latest.status_equals = endpoint;
  latest.limit = kept_max;
  json notifications = json::array();
  const store::RecordPage page = platform_.records.list(kind, latest);
  for (auto record = page.records.rbegin(); record != page.records.rend(); ++record)
    notifications.push_back(record->document);
  return {{"Notifications", std::move(notifications)}};
}

void AsyncNotifications::forget(const std::string& endpoint) {
  store::RecordQuery some;
  some.status_equals = endpoint;
  some.limit = kept_max;
  for (;;) {
    const store::RecordPage page = platform_.records.list(kind, some);
    for (const store::Record& record : page.records) platform_.records.erase(kind, record.name);
    if (page.next_token.empty()) return;
  }
}

}  // namespace sagemaker::local::services::runtime
