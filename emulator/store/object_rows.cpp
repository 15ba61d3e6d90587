#include "emulator/store/object_rows.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "emulator/store/version_ids.hpp"

namespace sagemaker::local::store {
namespace {

// Of both tables, in the order that object_of() expects.
constexpr std::string_view shared_columns = "key, size, etag, modified_ms, metadata, blob, version, sequence";

ObjectInfo object_of(const Statement& row) {
  ObjectInfo info;
  info.key = row.text(0);
  info.size = static_cast<std::uint64_t>(row.integer(1));
  info.etag = row.text(2);
  info.modified_ms = row.integer(3);
  info.metadata = aws::parse_json(row.text(4), metadata_depth_max);
  info.blob = row.text(5);
  info.version = row.text(6);
  info.sequence = row.integer(7);
  return info;
}

// With two more columns: delete_marker and latest.
ObjectInfo version_of(const Statement& row) {
  ObjectInfo info = object_of(row);
  info.delete_marker = row.integer(8) != 0;
  info.latest = row.integer(9) != 0;
  return info;
}

std::string select_from(std::string_view table, std::string_view more_columns, std::string_view rest) {
  return std::string("SELECT ")
      .append(shared_columns)
      .append(more_columns)
      .append(" FROM ")
      .append(table)
      .append(" ")
      .append(rest);
}

// Objects and what is behind them in the history of their keys.
std::string select_all_versions(std::string_view where) {
  // Only a delete marker can be the newest of the rows in object_versions.
  return select_from("objects", ", 0, 1", where) + "UNION ALL " +
         select_from(
             "object_versions AS version_row",
             ", delete_marker, delete_marker AND NOT EXISTS (SELECT 1 FROM objects WHERE objects.bucket = "
             "version_row.bucket AND objects.key = version_row.key) AND NOT EXISTS (SELECT 1 FROM "
             "object_versions AS newer WHERE newer.bucket = version_row.bucket AND newer.key = "
             "version_row.key AND newer.sequence > version_row.sequence)",
             where) +
         "ORDER BY key, sequence DESC LIMIT ?5";
}

// The newest row of a key among the older versions and delete markers.
std::optional<ObjectInfo> select_newest_version(Connection& connection, std::string_view bucket,
                                                std::string_view key) {
  static const std::string sql = select_from("object_versions", ", delete_marker, 0",
                                             "WHERE bucket = ? AND key = ? ORDER BY sequence DESC LIMIT 1");
  Statement row = connection.prepare(sql);
  if (!row.bind(1, bucket).bind(2, key).step()) return std::nullopt;
  return version_of(row);
}

void delete_object_row(Connection& connection, std::string_view bucket, std::string_view key) {
  connection.prepare("DELETE FROM objects WHERE bucket = ? AND key = ?").bind(1, bucket).bind(2, key).run();
}

void delete_version_row(Connection& connection, std::string_view bucket, const ObjectInfo& info) {
  connection.prepare("DELETE FROM object_versions WHERE bucket = ? AND key = ? AND sequence = ?")
      .bind(1, bucket)
      .bind(2, info.key)
      .bind(3, info.sequence)
      .run();
}

void insert_object_row(Connection& connection, std::string_view bucket, const ObjectInfo& info) {
  connection
      .prepare(
          "INSERT OR REPLACE INTO objects (bucket, key, size, etag, modified_ms, metadata, blob, version, "
          "sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(1, bucket)
      .bind(2, info.key)
      .bind(3, info.size)
      .bind(4, info.etag)
      .bind(5, info.modified_ms)
      .bind(6, aws::dump_json(info.metadata))
      .bind(7, info.blob)
      .bind(8, info.version)
      .bind(9, info.sequence)
      .run();
}

void insert_version_row(Connection& connection, std::string_view bucket, const ObjectInfo& info) {
  connection
      .prepare(
          "INSERT INTO object_versions (bucket, key, size, etag, modified_ms, metadata, blob, version, "
          "sequence, delete_marker) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(1, bucket)
      .bind(2, info.key)
      .bind(3, info.size)
      .bind(4, info.etag)
      .bind(5, info.modified_ms)
      .bind(6, aws::dump_json(info.metadata))
      .bind(7, info.blob)
      .bind(8, info.version)
      .bind(9, info.sequence)
      .bind(10, static_cast<std::int64_t>(info.delete_marker))
      .run();
}

// Number and id of a version that is newer than all others of its key.
void number(Connection& connection, std::string_view bucket, std::string_view versioning,
            const std::optional<ObjectInfo>& current, ObjectInfo& info) {
  std::int64_t last = current ? current->sequence : 0;
  if (!versioning.empty()) {
    const std::optional<ObjectInfo> newest = select_newest_version(connection, bucket, info.key);
    if (newest) last = std::max(last, newest->sequence);
  }
  info.sequence = std::max(info.modified_ms * 1000, last + 1);
  info.version = versioning == "Enabled" ? new_version_id(info.sequence) : std::string(null_version);
}

// Takes what is there out of the way of a new version: an older version stays, but there is only one "null".
void make_room(Connection& connection, std::string_view bucket, std::string_view versioning,
               const std::optional<ObjectInfo>& current, const ObjectInfo& info, Orphans& orphans) {
  if (current && current->version == info.version) {
    orphans.push_back(current->blob);
  } else if (current) {
    insert_version_row(connection, bucket, *current);
  }
  if (versioning.empty() || info.version != null_version) return;
  const std::optional<ObjectInfo> older = select_version(connection, bucket, info.key, null_version);
  if (!older || (older->latest && !older->delete_marker)) return;  // none, or the row that is replaced
  delete_version_row(connection, bucket, *older);
  orphans.push_back(older->blob);
}

// Where the newest version is not a delete marker it is the object again.
void promote(Connection& connection, std::string_view bucket, std::string_view key) {
  const std::optional<ObjectInfo> newest = select_newest_version(connection, bucket, key);
  if (!newest || newest->delete_marker) return;
  delete_version_row(connection, bucket, *newest);
  insert_object_row(connection, bucket, *newest);
}

// An upload to a key that was written or deleted meanwhile must not succeed under a condition.
void disturb_uploads(Connection& connection, std::string_view bucket, std::string_view key) {
  connection.prepare("UPDATE uploads SET disturbed = 1 WHERE bucket = ? AND key = ? AND disturbed = 0")
      .bind(1, bucket)
      .bind(2, key)
      .run();
}

Erased erase_version(Connection& connection, std::string_view bucket, std::string_view key,
                     const Erasing& how, Orphans& orphans) {
  const std::optional<ObjectInfo> found = select_version(connection, bucket, key, how.version);
  if (how.condition) how.condition(found && !found->delete_marker ? &*found : nullptr);
  Erased erased{found.has_value(), found && found->delete_marker, how.version};
  if (!found) return erased;
  orphans.push_back(found->blob);
  if (found->latest && !found->delete_marker) {
    delete_object_row(connection, bucket, key);
  } else {
    delete_version_row(connection, bucket, *found);
  }
  if (found->latest) {
    promote(connection, bucket, key);
    disturb_uploads(connection, bucket, key);
  }
  return erased;
}

bool has_column(Connection& connection, std::string_view table, std::string_view column) {
  return connection.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = ?")
      .bind(1, table)
      .bind(2, column)
      .step();
}

}  // namespace

void migrate_objects(Database& database) {
  struct Column {
    std::string_view table, name, definition;
  };
  static constexpr std::array columns = {
      Column{"buckets", "versioning", "TEXT NOT NULL DEFAULT ''"},
      Column{"objects", "version", "TEXT NOT NULL DEFAULT 'null'"},
      Column{"objects", "sequence", "INTEGER NOT NULL DEFAULT 0"},
      Column{"uploads", "disturbed", "INTEGER NOT NULL DEFAULT 0"},
  };
  database.write([](Connection& connection) {
    for (const Column& column : columns) {
      if (has_column(connection, column.table, column.name)) continue;
      std::string sql = "ALTER TABLE ";
      sql.append(column.table)
          .append(" ADD COLUMN ")
          .append(column.name)
          .append(" ")
          .append(column.definition);
      connection.prepare(sql).run();
    }
  });
}

std::string require_bucket(Connection& connection, std::string_view bucket) {
  Statement row = connection.prepare("SELECT versioning FROM buckets WHERE name = ?");
  if (!row.bind(1, bucket).step()) throw MissingBucket(bucket);
  return row.text(0);
}

bool blob_in_use(Connection& connection, const std::string& name) {
  for (const char* sql :
       {"SELECT 1 FROM objects WHERE blob = ?", "SELECT 1 FROM object_versions WHERE blob = ?",
        "SELECT 1 FROM upload_parts WHERE blob = ?"}) {
    if (connection.prepare(sql).bind(1, name).step()) return true;
  }
  return false;
}

std::optional<ObjectInfo> select_object(Connection& connection, std::string_view bucket,
                                        std::string_view key) {
  static const std::string sql = select_from("objects", "", "WHERE bucket = ? AND key = ?");
  Statement row = connection.prepare(sql);
  if (!row.bind(1, bucket).bind(2, key).step()) return std::nullopt;
  return object_of(row);
}

std::optional<ObjectInfo> select_latest(Connection& connection, std::string_view bucket,
                                        std::string_view key) {
  std::optional<ObjectInfo> found = select_object(connection, bucket, key);
  if (!found) {
    found = select_newest_version(connection, bucket, key);
    if (found) found->latest = true;
  }
  return found;
}

std::optional<ObjectInfo> select_version(Connection& connection, std::string_view bucket,
                                         std::string_view key, std::string_view version) {
  std::optional<ObjectInfo> latest = select_latest(connection, bucket, key);
  if (latest && latest->version == version) return latest;
  static const std::string sql =
      select_from("object_versions", ", delete_marker, 0", "WHERE bucket = ? AND key = ? AND version = ?");
  Statement row = connection.prepare(sql);
  if (!row.bind(1, bucket).bind(2, key).bind(3, version).step()) return std::nullopt;
  return version_of(row);
}

std::vector<ObjectInfo> select_objects(Connection& connection, std::string_view bucket,
                                       std::string_view prefix, std::string_view start_after,
                                       std::size_t limit) {
  // One bound for the index, or all keys before the prefix would be walked; the plus keeps it from the other.
  static const std::string sql = select_from(
      "objects", "", "WHERE bucket = ?1 AND +key > ?2 AND key >= ?3 AND key < ?4 ORDER BY key LIMIT ?5");
  Statement row = connection.prepare(sql);
  row.bind(1, bucket)
      .bind(2, start_after)
      .bind(3, std::max(start_after, prefix))
      .bind(4, end_of_keys(prefix))
      .bind(5, limit);
  std::vector<ObjectInfo> found;
  while (row.step()) found.push_back(object_of(row));
  return found;
}

std::vector<ObjectInfo> select_versions(Connection& connection, std::string_view bucket,
                                        std::string_view prefix, std::string_view key, std::int64_t sequence,
                                        std::size_t limit) {
  // What is left of the key, then the keys behind it: in one statement the versions of a key that were listed
  // already would be walked with every page.
  static const std::string rest_of_key =
      select_all_versions("WHERE bucket = ?1 AND key = ?2 AND sequence < ?3 ");
  static const std::string keys_behind =
      select_all_versions("WHERE bucket = ?1 AND +key > ?2 AND key >= ?3 AND key < ?4 ");
  std::vector<ObjectInfo> found;
  const auto take = [&](Statement row) {
    while (row.step()) found.push_back(version_of(row));
  };
  if (sequence > std::numeric_limits<std::int64_t>::min() && key.starts_with(prefix)) {
    Statement row = connection.prepare(rest_of_key);
    row.bind(1, bucket).bind(2, key).bind(3, sequence).bind(5, limit);
    take(std::move(row));
  }
  if (found.size() < limit) {
    Statement row = connection.prepare(keys_behind);
    row.bind(1, bucket)
        .bind(2, key)
        .bind(3, std::max(prefix, key))
        .bind(4, end_of_keys(prefix))
        .bind(5, limit - found.size());
    take(std::move(row));
  }
  return found;
}

ObjectInfo replace_object(Connection& connection, std::string_view bucket, ObjectInfo info,
                          const Condition& condition, Orphans& orphans) {
  const std::string versioning = require_bucket(connection, bucket);
  const std::optional<ObjectInfo> current = select_object(connection, bucket, info.key);
  if (condition) condition(current ? &*current : nullptr);
  number(connection, bucket, versioning, current, info);
  make_room(connection, bucket, versioning, current, info, orphans);
  insert_object_row(connection, bucket, info);
  disturb_uploads(connection, bucket, info.key);
  return info;
}

Erased erase_object(Connection& connection, std::string_view bucket, std::string_view key, const Erasing& how,
                    Orphans& orphans) {
  const std::string versioning = require_bucket(connection, bucket);
  if (!how.version.empty()) return erase_version(connection, bucket, key, how, orphans);
  const std::optional<ObjectInfo> current = select_object(connection, bucket, key);
  if (how.condition) how.condition(current ? &*current : nullptr);
  Erased erased{current.has_value(), !versioning.empty(), ""};
  if (versioning.empty()) {
    if (!current) return erased;
    orphans.push_back(current->blob);
  } else {
    ObjectInfo marker;
    marker.key = key;
    marker.modified_ms = how.now_ms;
    marker.delete_marker = true;
    number(connection, bucket, versioning, current, marker);
    make_room(connection, bucket, versioning, current, marker, orphans);
    insert_version_row(connection, bucket, marker);
    erased.version = marker.version;
  }
  delete_object_row(connection, bucket, key);
  disturb_uploads(connection, bucket, key);
  return erased;
}

void update_metadata(Connection& connection, std::string_view bucket, const ObjectInfo& info) {
  for (const char* sql :
       {"UPDATE objects SET metadata = ? WHERE bucket = ? AND key = ? AND sequence = ?",
        "UPDATE object_versions SET metadata = ? WHERE bucket = ? AND key = ? AND sequence = ?"}) {
    connection.prepare(sql)
        .bind(1, aws::dump_json(info.metadata))
        .bind(2, bucket)
        .bind(3, info.key)
        .bind(4, info.sequence)
        .run();
  }
}

std::string end_of_keys(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(2048, '\xff');  // no key is as long as this
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace sagemaker::local::store
