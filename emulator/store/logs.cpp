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

constexpr std::string_view select_groups =
    "SELECT name, created_ms, days FROM log_groups LEFT JOIN log_retention ON group_name = name ";

LogGroup group_of(const Statement& row) {
  LogGroup group{row.text(0), row.integer(1), std::nullopt};
  if (!row.is_null(2)) group.retention_days = static_cast<int>(row.integer(2));
  return group;
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

Logs::Tags read_tags(Connection& connection, std::string_view group) {
  Logs::Tags found;
  Statement row = connection.prepare("SELECT name, value FROM log_group_tags WHERE group_name = ?");
  row.bind(1, group);
  while (row.step()) found.emplace(row.text(0), row.text(1));
  return found;
}

void write_tags(Connection& connection, std::string_view group, const Logs::Tags& tags) {
  connection.prepare("DELETE FROM log_group_tags WHERE group_name = ?").bind(1, group).run();
  for (const auto& [name, value] : tags) {
    connection.prepare("INSERT INTO log_group_tags (group_name, name, value) VALUES (?, ?, ?)")
        .bind(1, group)
        .bind(2, name)
        .bind(3, value)
        .run();
  }
}

bool has_group(Connection& connection, std::string_view group) {
  return connection.prepare("SELECT 1 FROM log_groups WHERE name = ?").bind(1, group).step();
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

// One end of what is read, in the order of a stream.
struct End {
  Logs::Place place;
  bool inclusive = false;
};

struct Ends {
  End lower, upper;
};

// The times and the place of a range as one pair of ends, so that SQLite goes to the first event by the index
// and stops behind the last. With the times as a condition of their own it starts at the first time and looks
// at every event between there and the place.
Ends ends_of(const Logs::Range& range) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();
  Ends ends{{{range.start_ms.value_or(least), least}, true},
            {{range.end_ms.value_or(greatest), least}, false}};
  if (!range.place) return ends;
  const std::int64_t time = range.place->timestamp_ms;
  if (range.forward && time >= ends.lower.place.timestamp_ms) ends.lower = {*range.place, range.inclusive};
  if (!range.forward && time < ends.upper.place.timestamp_ms) ends.upper = {*range.place, range.inclusive};
  return ends;
}

std::string select_events(const Ends& ends, bool forward) {
  std::string sql = "SELECT timestamp_ms, ingestion_ms, sequence, message FROM log_events WHERE stream = ?";
  sql.append(" AND (timestamp_ms, sequence) ").append(ends.lower.inclusive ? ">= (?, ?)" : "> (?, ?)");
  sql.append(" AND (timestamp_ms, sequence) ").append(ends.upper.inclusive ? "<= (?, ?)" : "< (?, ?)");
  sql += forward ? " ORDER BY timestamp_ms, sequence" : " ORDER BY timestamp_ms DESC, sequence DESC";
  return sql + " LIMIT ?";
}

}  // namespace

std::string_view Logs::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS log_groups (
      name TEXT PRIMARY KEY,
      created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log_retention (
      group_name TEXT PRIMARY KEY,
      days INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log_group_tags (
      group_name TEXT NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (group_name, name)) WITHOUT ROWID;
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

bool Logs::create_group(std::string_view group, std::int64_t now_ms, const Tags& tags) {
  bool created = false;
  database_.write([&](Connection& connection) {
    created = insert_group(connection, group, now_ms);
    if (created && !tags.empty()) write_tags(connection, group, tags);
  });
  return created;
}

bool Logs::group_exists(std::string_view group) const {
  bool exists = false;
  database_.read([&](Connection& connection) { exists = has_group(connection, group); });
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
    connection.prepare("DELETE FROM log_retention WHERE group_name = ?").bind(1, group).run();
    connection.prepare("DELETE FROM log_group_tags WHERE group_name = ?").bind(1, group).run();
    connection.prepare("DELETE FROM log_groups WHERE name = ?").bind(1, group).run();
    deleted = connection.changes() == 1;
  });
  return deleted;
}

std::vector<LogGroup> Logs::groups(std::string_view prefix) const {
  std::vector<LogGroup> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(std::string(select_groups) + "WHERE name >= ? ORDER BY name");
    row.bind(1, prefix);
    while (row.step()) {
      LogGroup group = group_of(row);
      if (!group.name.starts_with(prefix)) break;  // in byte order the names with a prefix lie together
      found.push_back(std::move(group));
    }
  });
  return found;
}

std::optional<LogGroup> Logs::find_group(std::string_view group) const {
  std::optional<LogGroup> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(std::string(select_groups) + "WHERE name = ?");
    if (row.bind(1, group).step()) found = group_of(row);
  });
  return found;
}

bool Logs::set_retention(std::string_view group, std::optional<int> days) {
  bool found = false;
  database_.write([&](Connection& connection) {
    found = has_group(connection, group);
    if (!found) return;
    if (days) {
      connection
          .prepare(
              "INSERT INTO log_retention (group_name, days) VALUES (?1, ?2) "
              "ON CONFLICT DO UPDATE SET days = ?2")
          .bind(1, group)
          .bind(2, *days)
          .run();
    } else {
      connection.prepare("DELETE FROM log_retention WHERE group_name = ?").bind(1, group).run();
    }
  });
  return found;
}

void Logs::expire(std::string_view group, std::int64_t before_ms) {
  std::vector<std::int64_t> streams;
  database_.read([&](Connection& connection) {
    Statement row =
        connection.prepare("SELECT id FROM log_streams WHERE group_name = ? AND first_event_ms < ?");
    row.bind(1, group).bind(2, before_ms);
    while (row.step()) streams.push_back(row.integer(0));
  });
  for (const std::int64_t stream : streams) {
    database_.write([&](Connection& connection) {
      connection.prepare("DELETE FROM log_events WHERE stream = ? AND timestamp_ms < ?")
          .bind(1, stream)
          .bind(2, before_ms)
          .run();
      const std::int64_t deleted = connection.changes();
      connection
          .prepare(
              "UPDATE log_streams SET event_count = event_count - ?2, "
              "first_event_ms = (SELECT MIN(timestamp_ms) FROM log_events WHERE stream = ?1), "
              "last_event_ms = (SELECT MAX(timestamp_ms) FROM log_events WHERE stream = ?1) WHERE id = ?1")
          .bind(1, stream)
          .bind(2, deleted)
          .run();
    });
  }
}

Logs::Tags Logs::tags(std::string_view group) const {
  Tags found;
  database_.read([&](Connection& connection) { found = read_tags(connection, group); });
  return found;
}

bool Logs::update_tags(std::string_view group, const std::function<void(Tags&)>& change) {
  bool found = false;
  database_.write([&](Connection& connection) {
    found = has_group(connection, group);
    if (!found) return;
    Tags tags = read_tags(connection, group);
    change(tags);
    write_tags(connection, group, tags);
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

bool Logs::Range::may_have_more(const std::vector<LogEvent>& events) const {
  std::size_t bytes = 0;
  for (const LogEvent& event : events) bytes += event.message.size();
  return events.size() >= limit || bytes >= bytes_max;
}

std::vector<LogEvent> Logs::read(std::string_view group, std::string_view stream, const Range& range) const {
  std::vector<LogEvent> events;
  database_.read([&](Connection& connection) {
    const std::optional<std::int64_t> id = stream_id(connection, group, stream);
    if (!id) return;
    const Ends ends = ends_of(range);
    Statement row = connection.prepare(select_events(ends, range.forward));
    row.bind(1, *id);
    row.bind(2, ends.lower.place.timestamp_ms).bind(3, ends.lower.place.sequence);
    row.bind(4, ends.upper.place.timestamp_ms).bind(5, ends.upper.place.sequence);
    row.bind(6, range.limit);
    for (std::size_t bytes = 0; bytes < range.bytes_max && row.step(); bytes += events.back().message.size())
      events.push_back({row.integer(0), row.integer(1), row.integer(2), row.text(3)});
  });
  if (!range.forward) std::reverse(events.begin(), events.end());
  return events;
}

}  // namespace sagemaker::local::store
