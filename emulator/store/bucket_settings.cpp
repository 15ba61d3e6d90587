// See bucket_settings.hpp.
#include "emulator/store/bucket_settings.hpp"

#include "emulator/store/object_rows.hpp"

namespace sagemaker::local::store {

// The trigger keeps whoever deletes a bucket from having to know what else hangs on it.
std::string_view BucketSettings::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS bucket_settings (
      bucket TEXT NOT NULL,
      name TEXT NOT NULL,
      document TEXT NOT NULL,
      PRIMARY KEY (bucket, name)) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS bucket_settings_end AFTER DELETE ON buckets
      BEGIN DELETE FROM bucket_settings WHERE bucket = OLD.name; END;
  )sql";
}

std::optional<json> BucketSettings::find(std::string_view bucket, std::string_view name) const {
  std::optional<json> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT document FROM bucket_settings WHERE bucket = ? AND name = ?");
    if (row.bind(1, bucket).bind(2, name).step()) found = aws::parse_json(row.text(0), metadata_depth_max);
  });
  return found;
}

BucketSettings::Documents BucketSettings::all(std::string_view bucket) const {
  Documents documents;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT name, document FROM bucket_settings WHERE bucket = ?");
    row.bind(1, bucket);
    while (row.step()) documents.emplace(row.text(0), aws::parse_json(row.text(1), metadata_depth_max));
  });
  return documents;
}

void BucketSettings::put(std::string_view bucket, std::string_view name, const json& document) {
  database_.write([&](Connection& connection) {
    require_bucket(connection, bucket);
    write_settings(connection, bucket, {{std::string(name), document}});
  });
}

void BucketSettings::erase(std::string_view bucket, std::string_view name) {
  database_.write([&](Connection& connection) {
    require_bucket(connection, bucket);
    connection.prepare("DELETE FROM bucket_settings WHERE bucket = ? AND name = ?")
        .bind(1, bucket)
        .bind(2, name)
        .run();
  });
}

void write_settings(Connection& connection, std::string_view bucket,
                    const BucketSettings::Documents& documents) {
  for (const auto& [name, document] : documents) {
    connection.prepare("INSERT OR REPLACE INTO bucket_settings (bucket, name, document) VALUES (?, ?, ?)")
        .bind(1, bucket)
        .bind(2, name)
        .bind(3, aws::dump_json(document))
        .run();
  }
}

}  // namespace sagemaker::local::store
