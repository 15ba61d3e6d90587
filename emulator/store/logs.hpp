// Log groups, streams and events, as CloudWatch Logs keeps them. Appends are cheap and batched by the caller;
// events keep the order in which they were appended within one timestamp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/store/database.hpp"

namespace sagemaker::local::store {

struct LogEvent {
  std::int64_t timestamp_ms = 0;
  std::int64_t ingestion_ms = 0;
  std::int64_t sequence = 0;  // position in the stream, given by append
  std::string message;
};

struct LogStream {
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> first_event_ms, last_event_ms, last_ingestion_ms;
  std::int64_t event_count = 0;
};

struct LogGroup {
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<int> retention_days;  // nullopt: events are kept for ever
};

class Logs {
 public:
  explicit Logs(Database& database) : database_(database) {}
  static std::string_view schema();

  using Tags = std::map<std::string, std::string, std::less<>>;
  bool create_group(std::string_view group, std::int64_t now_ms, const Tags& tags = {});  // false: exists
  bool group_exists(std::string_view group) const;
  bool delete_group(std::string_view group);
  std::vector<LogGroup> groups(std::string_view prefix) const;
  std::optional<LogGroup> find_group(std::string_view group) const;
  bool set_retention(std::string_view group, std::optional<int> days);  // false: there is no such group
  // Deletes the events of all streams of the group that are older.
  void expire(std::string_view group, std::int64_t before_ms);
  Tags tags(std::string_view group) const;
  // Reads, changes and writes the tags in one transaction; nothing is written where `change` throws. False:
  // there is no such group.
  bool update_tags(std::string_view group, const std::function<void(Tags&)>& change);
  bool create_stream(std::string_view group, std::string_view stream, std::int64_t now_ms);  // false: exists
  bool delete_stream(std::string_view group, std::string_view stream);
  std::optional<LogStream> find_stream(std::string_view group, std::string_view stream) const;
  std::vector<LogStream> streams(std::string_view group, std::string_view prefix) const;  // by name
  // The stream (and its group) are created where they are missing.
  void append(std::string_view group, std::string_view stream, std::span<const LogEvent> events);
  // A place in the order of a stream: that of the event with this time and number, whether it is still there
  // or not.
  struct Place {
    std::int64_t timestamp_ms = 0;
    std::int64_t sequence = 0;
  };
  // Events with start <= timestamp < end in stream order. Forward: behind `place`, oldest first. Backward:
  // before it, the newest `limit` ones, still returned oldest first.
  struct Range {
    std::optional<std::int64_t> start_ms, end_ms;
    std::optional<Place> place;
    bool inclusive = false;  // whether the event at `place` itself belongs to the range
    bool forward = true;
    std::size_t limit = 10'000;
    // Of the messages: the reading ends with the event that reaches it, and so takes one at least.
    std::size_t bytes_max = 64u << 20;

    // Whether something may follow what was read: the reading ended at one of the two limits.
    bool may_have_more(const std::vector<LogEvent>& events) const;
  };
  std::vector<LogEvent> read(std::string_view group, std::string_view stream, const Range& range) const;

 private:
  Database& database_;
};

}  // namespace sagemaker::local::store
