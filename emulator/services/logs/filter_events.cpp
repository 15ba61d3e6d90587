// FilterLogEvents: the events of many streams of a group, merged by time, oldest or newest first, with a
// pattern applied, page by page.
#include <algorithm>
#include <deque>
#include <functional>
#include <tuple>
#include <vector>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/logs/service.hpp"

namespace sagemaker::local::services::cloudwatch_logs {
namespace {

constexpr std::size_t searched_max =
    100'000;  // events looked at for one page, matching or not; AWS stops early too
constexpr std::size_t read_ahead = 4'096;           // events held in memory for all streams together
constexpr std::size_t read_ahead_bytes = 8u << 20;  // and bytes, beside one event of each stream

// Where an event stands in the merged order. A page's token holds the place of the last event that was
// searched, and the direction in which it was.
struct Place {
  std::int64_t timestamp_ms = 0;
  std::string stream;
  std::int64_t sequence = 0;
  bool forward = true;

  auto key() const { return std::tie(timestamp_ms, stream, sequence); }
};

Place place_of(const std::string& token) {
  const json place = decode_token(token);
  if (!place.is_array() || place.size() != 4 || !place[0].is_number_integer() || !place[1].is_string() ||
      !place[2].is_number_integer() || !place[3].is_boolean()) {
    throw invalid_token();
  }
  return {place[0].get<std::int64_t>(), place[1].get<std::string>(), place[2].get<std::int64_t>(),
          place[3].get<bool>()};
}

// One stream, read in portions.
class Cursor {
 public:
  Cursor(const store::Logs& logs, std::string group, std::string stream, store::Logs::Range range)
      : logs_(logs), group_(std::move(group)), stream_(std::move(stream)), range_(range) {}

  // The next event; nullptr: there is none.
  const store::LogEvent* front() {
    if (events_.empty() && more_) {
      std::vector<store::LogEvent> portion = logs_.read(group_, stream_, range_);
      more_ = range_.may_have_more(portion);
      if (!range_.forward) std::reverse(portion.begin(), portion.end());
      if (!portion.empty()) range_.place = {portion.back().timestamp_ms, portion.back().sequence};
      events_.assign(std::make_move_iterator(portion.begin()), std::make_move_iterator(portion.end()));
    }
    return events_.empty() ? nullptr : &events_.front();
  }
  void pop() { events_.pop_front(); }
  const std::string& stream() const { return stream_; }
  Place place() { return {front()->timestamp_ms, stream_, front()->sequence, range_.forward}; }

 private:
  const store::Logs& logs_;
  std::string group_, stream_;
  store::Logs::Range range_;
  std::deque<store::LogEvent> events_;
  bool more_ = true;
};

// The streams merged: the cursor with the earliest event first, or with the latest.
class Merge {
 public:
  explicit Merge(std::vector<Cursor> cursors) : cursors_(std::move(cursors)) {
    for (std::size_t i = 0; i < cursors_.size(); ++i) push(i);
  }
  Cursor* front() { return heap_.empty() ? nullptr : &cursors_[heap_.front()]; }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later());
    const std::size_t index = heap_.back();
    heap_.pop_back();
    cursors_[index].pop();
    push(index);
  }

 private:
  void push(std::size_t index) {
    if (!cursors_[index].front()) return;
    heap_.push_back(index);
    std::push_heap(heap_.begin(), heap_.end(), later());
  }
  std::function<bool(std::size_t, std::size_t)> later() {
    return [this](std::size_t a, std::size_t b) {
      const Place left = cursors_[a].place(), right = cursors_[b].place();
      return left.forward ? right.key() < left.key() : left.key() < right.key();
    };
  }

  std::vector<Cursor> cursors_;
  std::vector<std::size_t> heap_;
};

std::vector<std::string> streams_of(const store::Logs& logs, const std::string& group, const json& input) {
  const auto names = input.find("logStreamNames");
  const auto prefix = text_member(input, "logStreamNamePrefix");
  std::vector<std::string> streams;
  if (names != input.end() && names->is_array()) {
    if (prefix) {
      throw invalid_parameter("LogStreamNames and LogStreamNamePrefix are mutually exclusive parameters.");
    }
    for (const json& name : *names) {
      if (!name.is_string() || !logs.find_stream(group, name.get<std::string>())) throw no_such_stream();
      streams.push_back(name.get<std::string>());
    }
    std::sort(streams.begin(), streams.end());
    streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
    return streams;
  }
  for (store::LogStream& stream : logs.streams(group, prefix.value_or("")))
    streams.push_back(std::move(stream.name));
  return streams;
}

// What is left of the range for one stream, behind the place where the last page ended.
store::Logs::Range continued(store::Logs::Range range, const std::string& stream, const Place& place) {
  const std::int64_t after = place.timestamp_ms + (place.timestamp_ms < INT64_MAX ? 1 : 0);
  if (stream == place.stream) {
    range.place = {place.timestamp_ms, place.sequence};
  } else if (range.forward) {
    const std::int64_t start = stream < place.stream ? after : place.timestamp_ms;
    range.start_ms = std::max(start, range.start_ms.value_or(start));
  } else {
    const std::int64_t end = stream > place.stream ? place.timestamp_ms : after;
    range.end_ms = std::min(end, range.end_ms.value_or(end));
  }
  return range;
}

std::vector<Cursor> open_cursors(const store::Logs& logs, const std::string& group, const json& input) {
  const std::vector<std::string> streams = streams_of(logs, group, input);
  store::Logs::Range range;
  range.start_ms = integer_member(input, "startTime");
  // Events at endTime itself are returned, unlike GetLogEvents.
  if (const auto end = integer_member(input, "endTime")) range.end_ms = *end + (*end < INT64_MAX ? 1 : 0);
  range.limit = std::clamp<std::size_t>(read_ahead / std::max<std::size_t>(streams.size(), 1), 8, 512);
  range.bytes_max = read_ahead_bytes / std::max<std::size_t>(streams.size(), 1) + 1;
  std::optional<Place> behind;
  if (const auto token = text_member(input, "nextToken")) behind = place_of(*token);
  const auto from_head = input.find("startFromHead");
  range.forward = behind ? behind->forward : from_head == input.end() || *from_head != false;
  std::vector<Cursor> cursors;
  for (const std::string& stream : streams) {
    cursors.emplace_back(logs, group, stream, behind ? continued(range, stream, *behind) : range);
  }
  return cursors;
}

json describe(const store::LogEvent& event, const std::string& stream) {
  return {
      {"logStreamName", stream},
      {"timestamp", event.timestamp_ms},
      {"message", event.message},
      {"ingestionTime", event.ingestion_ms},
      {"eventId", digits56(static_cast<std::uint64_t>(event.timestamp_ms), std::hash<std::string>()(stream),
                           static_cast<std::uint64_t>(event.sequence))}};
}

}  // namespace

json filter_events(store::Logs& logs, const aws::Clock& clock, const json& input) {
  const auto filter = parse_filter(text_member(input, "filterPattern").value_or(""));
  const auto limit = static_cast<std::size_t>(
      std::clamp<std::int64_t>(integer_member(input, "limit").value_or(page_events_max), 1, page_events_max));
  const std::string group = existing_group(logs, input);
  apply_retention(logs, clock, group);
  Merge merge(open_cursors(logs, group, input));

  json events = json::array();
  std::size_t bytes = 0, searched = 0;
  Place last;
  bool more = false;
  while (Cursor* cursor = merge.front()) {
    const store::LogEvent& event = *cursor->front();
    const std::size_t event_bytes = event.message.size() + event_overhead_bytes;
    const bool full = events.size() == limit || (bytes + event_bytes > page_bytes_max && !events.empty());
    if (full || searched == searched_max) {
      more = true;
      break;
    }
    ++searched;
    last = cursor->place();
    if (filter->matches(event.message)) {
      bytes += event_bytes;
      events.push_back(describe(event, cursor->stream()));
    }
    merge.pop();
  }
  json output = {{"events", std::move(events)}, {"searchedLogStreams", json::array()}};
  if (more) output["nextToken"] = encode_token({last.timestamp_ms, last.stream, last.sequence, last.forward});
  return output;
}

}  // namespace sagemaker::local::services::cloudwatch_logs
