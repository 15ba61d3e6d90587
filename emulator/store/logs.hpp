// Log groups, streams and events, as CloudWatch Logs keeps them. Appends are cheap and batched by the caller;
// events keep the order in which they were appended within one timestamp.
#pragma once

#include <cstdint>
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
};

class Logs {
 public:
  explicit Logs(Database& database) : database_(database) {}
  static std::string_view schema();

  bool create_group(std::string_view group, std::int64_t now_ms);  // false: exists
  bool group_exists(std::string_view group) const;
  bool delete_group(std::string_view group);
  std::vector<LogGroup> groups(std::string_view prefix) const;
  bool create_stream(std::string_view group, std::string_view stream, std::int64_t now_ms);  // false: exists
  bool delete_stream(std::string_view group, std::string_view stream);
  std::optional<LogStream> find_stream(std::string_view group, std::string_view stream) const;
  std::vector<LogStream> streams(std::string_view group, std::string_view prefix) const;  // by name
  // The stream (and its group) are created where they are missing.
  void append(std::string_view group, std::string_view stream, std::span<const LogEvent> events);
  // Events with start <= timestamp < end in stream order. Forward: behind `sequence`, oldest first. Backward:
  // before it, the newest `limit` ones, still returned oldest first.
  struct Range {
    std::optional<std::int64_t> start_ms, end_ms;
    std::optional<std::int64_t> sequence;
    bool forward = true;
    std::size_t limit = 10'000;
  };
  std::vector<LogEvent> read(std::string_view group, std::string_view stream, const Range& range) const;

 private:
  Database& database_;
};

}  // namespace sagemaker::local::store
