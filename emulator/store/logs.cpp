// Log events in the order of their timestamps, and of their arrival within one timestamp. Every event has a
// number of its own within its stream, which is what a reader's place in the stream is remembered by.
#include "emulator/store/logs.hpp"

#include <algorithm>
#include <limits>

namespace sagemaker::local::store {
namespace {

constexpr std::string_view stream_columns =
    "id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, event_count";

std::optional<std::int64_t> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

LogStream stream_of(const Statement& row) {
  LogStream stream;
  stream.name = row.text(1);
  stream.created_ms = row.integer(2);
  stream.first_event_ms = optional_integer(row, 3);
  stream.last_event_ms = optional_integer(row, 4);
  stream.last_ingestion_ms = optional_integer(row, 5);
  stream.event_count = row.integer(6);
  return stream;
}

std::string select_streams(std::string_view rest) {
  return std::string("SELECT ").append(stream_columns).append(" FROM log_streams ").append(rest);
}

std::optional<std::int64_t> stream_id(Connection& connection, std::string_view group,
                                      std::string_view stream) {
  Statement row = connection.prepare("SELECT id FROM log_streams WHERE group_name = ? AND name = ?");
  if (!row.bind(1, group).bind(2, stream).step()) return std::nullopt;
  return row.integer(0);
}

bool insert_group(Connection& connection, std::string_view group, std::int64_t now_ms) {
  connection.prepare("INSERT INTO log_groups (name, created_ms) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .bind(1, group)
      .bind(2, now_ms)
      .run();
  return connection.changes() == 1;
}

bool insert_stream(Connection& connection, std::string_view group, std::string_view stream,
                   std::int64_t now_ms) {
  connection
      .prepare(
          "INSERT INTO log_streams (group_name, name, created_ms, event_count, last_sequence) "
          "VALUES (?, ?, ?, 0, 0) ON CONFLICT DO NOTHING")
      .bind(1, group)
      .bind(2, stream)
      .bind(3, now_ms)
      .run();
  return connection.changes() == 1;
}

// The timestamp at which a place in the stream lies: that of the event with this number, or of the nearest
// before it.
std::optional<std::int64_t> timestamp_at(Connection& connection, std::int64_t stream, std::int64_t sequence) {
  Statement row = connection.prepare(
      "SELECT timestamp_ms FROM log_events WHERE stream = ? AND sequence <= ? ORDER BY sequence DESC LIMIT "
      "1");
  if (!row.bind(1, stream).bind(2, sequence).step()) return std::nullopt;
  return row.integer(0);
}

std::string select_events(bool forward, bool continued) {
  std::string sql =
      "SELECT timestamp_ms, ingestion_ms, sequence, message FROM log_events "
      "WHERE stream = ? AND timestamp_ms >= ? AND timestamp_ms < ?";
  if (continued) {
    sql += forward ? " AND (timestamp_ms, sequence) > (?, ?)" : " AND (timestamp_ms, sequence) < (?, ?)";
  }
  sql += forward ? " ORDER BY timestamp_ms, sequence" : " ORDER BY timestamp_ms DESC, sequence DESC";
  return sql + " LIMIT ?";
}

}  // namespace

std::string_view Logs::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS log_groups (
      name TEXT PRIMARY KEY,
      created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log_streams (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      group_name TEXT NOT NULL,
      name TEXT NOT NULL,
      created_ms INTEGER NOT NULL,
      first_event_ms INTEGER,
      last_event_ms INTEGER,
      last_ingestion_ms INTEGER,
      event_count INTEGER NOT NULL,
      last_sequence INTEGER NOT NULL,
      UNIQUE (group_name, name));
    CREATE TABLE IF NOT EXISTS log_events (
      stream INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      timestamp_ms INTEGER NOT NULL,
      ingestion_ms INTEGER NOT NULL,
      message TEXT NOT NULL,
      PRIMARY KEY (stream, sequence)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS log_events_by_time ON log_events (stream, timestamp_ms, sequence);
  )sql";
}

bool Logs::create_group(std::string_view group, std::int64_t now_ms) {
  bool created = false;
  database_.write([&](Connection& connection) { created = insert_group(connection, group, now_ms); });
  return created;
}

bool Logs::group_exists(std::string_view group) const {
  bool exists = false;
  database_.read([&](Connection& connection) {
    exists = connection.prepare("SELECT 1 FROM log_groups WHERE name = ?").bind(1, group).step();
  });
  return exists;
}

bool Logs::delete_group(std::string_view group) {
  bool deleted = false;
  database_.write([&](Connection& connection) {
    connection
        .prepare("DELETE FROM log_events WHERE stream IN (SELECT id FROM log_streams WHERE group_name = ?)")
        .bind(1, group)
        .run();
    connection.prepare("DELETE FROM log_streams WHERE group_name = ?").bind(1, group).run();
    connection.prepare("DELETE FROM log_groups WHERE name = ?").bind(1, group).run();
    deleted = connection.changes() == 1;
  });
  return deleted;
}

std::vector<LogGroup> Logs::groups(std::string_view prefix) const {
  std::vector<LogGroup> found;
  database_.read([&](Connection& connection) {
    Statement row =
        connection.prepare("SELECT name, created_ms FROM log_groups WHERE name >= ? ORDER BY name");
    row.bind(1, prefix);
    while (row.step()) {
      LogGroup group{row.text(0), row.integer(1)};
      if (!group.name.starts_with(prefix)) break;  // in byte order the names with a prefix lie together
      found.push_back(std::move(group));
    }
  });
  return found;
}

bool Logs::create_stream(std::string_view group, std::string_view stream, std::int64_t now_ms) {
  bool created = false;
  database_.write(
      [&](Connection& connection) { created = insert_stream(connection, group, stream, now_ms); });
  return created;
}

bool Logs::delete_stream(std::string_view group, std::string_view stream) {
  bool deleted = false;
  database_.write([&](Connection& connection) {
    const std::optional<std::int64_t> id = stream_id(connection, group, stream);
    if (!id) return;
    connection.prepare("DELETE FROM log_events WHERE stream = ?").bind(1, *id).run();
    connection.prepare("DELETE FROM log_streams WHERE id = ?").bind(1, *id).run();
    deleted = true;
  });
  return deleted;
}

std::optional<LogStream> Logs::find_stream(std::string_view group, std::string_view stream) const {
  std::optional<LogStream> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(select_streams("WHERE group_name = ? AND name = ?"));
    if (row.bind(1, group).bind(2, stream).step()) found = stream_of(row);
  });
  return found;
}

std::vector<LogStream> Logs::streams(std::string_view group, std::string_view prefix) const {
  std::vector<LogStream> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(select_streams("WHERE group_name = ? AND name >= ? ORDER BY name"));
    row.bind(1, group).bind(2, prefix);
    while (row.step()) {
      LogStream stream = stream_of(row);
      if (!stream.name.starts_with(prefix)) break;
      found.push_back(std::move(stream));
    }
  });
  return found;
}

void Logs::append(std::string_view group, std::string_view stream, std::span<const LogEvent> events) {
  if (events.empty()) return;
  const auto by_time = [](const LogEvent& a, const LogEvent& b) { return a.timestamp_ms < b.timestamp_ms; };
  const auto [first, last] = std::minmax_element(events.begin(), events.end(), by_time);
  database_.write([&](Connection& connection) {
    insert_group(connection, group, events.front().ingestion_ms);
    insert_stream(connection, group, stream, events.front().ingestion_ms);
    std::int64_t id = 0;
    std::int64_t sequence = 0;
    {
      Statement row =
          connection.prepare("SELECT id, last_sequence FROM log_streams WHERE group_name = ? AND name = ?");
      if (!row.bind(1, group).bind(2, stream).step()) throw DatabaseError("database: the log stream is gone");
      id = row.integer(0);
      sequence = row.integer(1);
    }
    for (const LogEvent& event : events) {
      connection
          .prepare(
              "INSERT INTO log_events (stream, sequence, timestamp_ms, ingestion_ms, message) "
              "VALUES (?, ?, ?, ?, ?)")
          .bind(1, id)
          .bind(2, ++sequence)
          .bind(3, event.timestamp_ms)
          .bind(4, event.ingestion_ms)
          .bind(5, event.message)
          .run();
    }
    connection
        .prepare(
            "UPDATE log_streams SET first_event_ms = MIN(IFNULL(first_event_ms, ?1), ?1), "
            "last_event_ms = MAX(IFNULL(last_event_ms, ?2), ?2), last_ingestion_ms = ?3, "
            "event_count = event_count + ?4, last_sequence = ?5 WHERE id = ?6")
        .bind(1, first->timestamp_ms)
        .bind(2, last->timestamp_ms)
        .bind(3, events.back().ingestion_ms)
        .bind(4, events.size())
        .bind(5, sequence)
        .bind(6, id)
        .run();
  });
}

std::vector<LogEvent> Logs::read(std::string_view group, std::string_view stream, const Range& range) const {
  std::vector<LogEvent> events;
  database_.read([&](Connection& connection) {
    const std::optional<std::int64_t> id = stream_id(connection, group, stream);
    if (!id) return;
    std::optional<std::int64_t> place;
    if (range.sequence) {
      place = timestamp_at(connection, *id, *range.sequence);
      if (!place && !range.forward) return;  // nothing lies before the beginning
    }
    Statement row = connection.prepare(select_events(range.forward, place.has_value()));
    row.bind(1, *id);
    row.bind(2, range.start_ms.value_or(std::numeric_limits<std::int64_t>::min()));
    row.bind(3, range.end_ms.value_or(std::numeric_limits<std::int64_t>::max()));
    int index = 4;
    if (place) {
      row.bind(index++, *place);
      row.bind(index++, *range.sequence);
    }
    row.bind(index, range.limit);
    while (row.step()) events.push_back({row.integer(0), row.integer(1), row.integer(2), row.text(3)});
  });
  if (!range.forward) std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace sagemaker::local::store
