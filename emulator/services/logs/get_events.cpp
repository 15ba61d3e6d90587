// GetLogEvents: pages through one stream in both directions. A token is a place between two events. It stays
// good for ever: where nothing lies behind it, the same token comes back, and finds later what is written
// later.
#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <vector>

#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::size_t portion =
    256;  // events read at once: a page of 10,000 may hold far more bytes than it may return

struct Token {
  bool forward = true;
  store::Logs::Place place;  // zeros: before the first event
  bool inclusive = false;    // whether the event at the place lies in the token's own direction

  std::string text() const {
    const auto value = static_cast<std::uint64_t>(place.sequence) * 2 + (inclusive ? 1 : 0);
    return (forward ? "f/" : "b/") + digits56(0, static_cast<std::uint64_t>(place.timestamp_ms), value) +
           "/s";
  }
  // The same place, looking the other way.
  Token turned() const { return {!forward, place, !inclusive}; }
};

// `count` digits as a number that fits into 63 bits.
std::int64_t digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value >> 63) throw invalid_token();
  return static_cast<std::int64_t>(value);
}

Token parse_token(const std::string& text) {
  constexpr std::size_t length = 2 + 56 + 2;
  if (text.size() != length || !(text.starts_with("f/") || text.starts_with("b/")) || !text.ends_with("/s")) {
    throw invalid_token();
  }
  const std::string_view number = std::string_view(text).substr(2, 56);
  if (digits(number.substr(0, 16)) != 0) throw invalid_token();
  const std::int64_t value = digits(number.substr(36));
  return {text.front() == 'f', {digits(number.substr(16, 20)), value / 2}, value % 2 == 1};
}

struct Stream {
  const store::Logs& logs;
  std::string group, name;

  std::vector<store::LogEvent> read(const store::Logs::Range& range) const {
    return logs.read(group, name, range);
  }
};

// Up to `limit` events and a page's bytes, oldest first.
std::vector<store::LogEvent> read_page(const Stream& stream, store::Logs::Range range, std::size_t limit) {
  std::vector<store::LogEvent> page;  // in the direction of reading
  std::size_t bytes = 0;
  range.bytes_max = page_bytes_max;
  for (bool more = true; more && page.size() < limit;) {
    range.limit = std::min(portion, limit - page.size());
    std::vector<store::LogEvent> events = stream.read(range);
    more = range.may_have_more(events);
    if (!range.forward) std::reverse(events.begin(), events.end());
    for (store::LogEvent& event : events) {
      bytes += event.message.size() + event_overhead_bytes;
      if (bytes > page_bytes_max && !page.empty()) {
        more = false;
        break;
      }
      range.place = {event.timestamp_ms, event.sequence};
      range.inclusive = false;
      page.push_back(std::move(event));
    }
  }
  if (!range.forward) std::reverse(page.begin(), page.end());
  return page;
}

}  // namespace

json get_events(store::Logs& logs, const aws::Clock& clock, const json& input) {
  const Stream stream{logs, existing_group(logs, input), required_name(input, "logStreamName")};
  if (!logs.find_stream(stream.group, stream.name)) throw no_such_stream();
  apply_retention(logs, clock, stream.group);

  store::Logs::Range range;
  range.start_ms = integer_member(input, "startTime");
  range.end_ms = integer_member(input, "endTime");  // exclusive
  range.forward = flag_member(input, "startFromHead");
  std::optional<Token> token;
  if (const auto text = text_member(input, "nextToken")) {
    token = parse_token(*text);
    range.forward = token->forward;
    range.place = token->place;
    range.inclusive = token->inclusive;
  }
  const std::int64_t limit =
      std::clamp<std::int64_t>(integer_member(input, "limit").value_or(page_events_max), 1, page_events_max);
  const std::vector<store::LogEvent> page = read_page(stream, range, static_cast<std::size_t>(limit));

  Token forward{true, {}, false}, backward{false, {}, false};
  if (!page.empty()) {
    forward.place = {page.back().timestamp_ms, page.back().sequence};
    backward.place = {page.front().timestamp_ms, page.front().sequence};
  } else if (token) {
    (token->forward ? forward : backward) = *token;
    (token->forward ? backward : forward) = token->turned();
  }
  json events = json::array();
  for (const store::LogEvent& event : page) {
    events.push_back({{"timestamp", event.timestamp_ms},
                      {"message", event.message},
                      {"ingestionTime", event.ingestion_ms}});
  }
  return {{"events", std::move(events)},
          {"nextForwardToken", forward.text()},
          {"nextBackwardToken", backward.text()}};
}

}  // namespace sagemaker::local::services::cloudwatch_logs
