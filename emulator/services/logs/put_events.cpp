// PutLogEvents: the rules for a batch, and which of its events AWS leaves out.
#include <algorithm>
#include <vector>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::int64_t hour_ms = 3'600'000, day_ms = 24 * hour_ms;
constexpr std::int64_t age_max_ms = 14 * day_ms, future_max_ms = 2 * hour_ms, span_max_ms = day_ms;

std::vector<store::LogEvent> batch_of(const json& input, std::int64_t now_ms) {
  std::vector<store::LogEvent> events;
  std::size_t bytes = 0;
  const auto given = input.find("logEvents");
  if (given == input.end() || !given->is_array() || given->empty()) throw missing_member("logEvents");
  for (const json& event : *given) {
    const auto timestamp = integer_member(event, "timestamp");
    if (!timestamp) throw missing_member("timestamp");
    events.push_back({*timestamp, now_ms, 0, required_text(event, "message")});
    bytes += events.back().message.size() + event_overhead_bytes;
  }
  if (bytes > page_bytes_max) {
    throw invalid_parameter("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of " +
                            std::to_string(page_bytes_max));
  }
  return events;
}

void check_order(const std::vector<store::LogEvent>& events) {
  const auto earlier = [](const store::LogEvent& a, const store::LogEvent& b) {
    return a.timestamp_ms < b.timestamp_ms;
  };
  if (!std::is_sorted(events.begin(), events.end(), earlier)) {
    throw invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.");
  }
  if (events.back().timestamp_ms - events.front().timestamp_ms > span_max_ms) {
    throw invalid_parameter(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
}

}  // namespace

json put_events(store::Logs& logs, const aws::Clock& clock, const json& input) {
  const std::string group = required_name(input, "logGroupName");
  const std::string stream = required_name(input, "logStreamName");
  const std::int64_t now_ms = aws::to_epoch_ms(clock.now());
  std::vector<store::LogEvent> events = batch_of(input, now_ms);
  check_order(events);
  const auto found_group = logs.find_group(group);
  if (!found_group) throw no_such_group();
  if (!logs.find_stream(group, stream)) throw no_such_stream();
  apply_retention(logs, clock, group);

  // The batch is sorted: what is too old stands at its front, what is too new at its end.
  const auto first_within = [&](std::int64_t age_ms) {
    return std::find_if(events.begin(), events.end(),
                        [&](const store::LogEvent& event) { return event.timestamp_ms >= now_ms - age_ms; });
  };
  const auto old_end = first_within(age_max_ms);
  const auto expired_end =
      found_group->retention_days ? first_within(*found_group->retention_days * day_ms) : events.begin();
  const auto kept_begin = std::max(old_end, expired_end);
  const auto kept_end = std::find_if(kept_begin, events.end(), [&](const store::LogEvent& event) {
    return event.timestamp_ms > now_ms + future_max_ms;
  });
  logs.append(group, stream, std::span(kept_begin, kept_end));

  const auto found = logs.find_stream(group, stream);
  json output = {
      {"nextSequenceToken", digits56(49, 0, found ? static_cast<std::uint64_t>(found->event_count) : 0)}};
  json rejected = json::object();
  if (old_end != events.begin()) rejected["tooOldLogEventEndIndex"] = old_end - events.begin();
  if (expired_end != events.begin()) rejected["expiredLogEventEndIndex"] = expired_end - events.begin();
  if (kept_end != events.end()) rejected["tooNewLogEventStartIndex"] = kept_end - events.begin();
  if (!rejected.empty()) output["rejectedLogEventsInfo"] = std::move(rejected);
  return output;
}

}  // namespace sagemaker::local::services::cloudwatch_logs
