// Buckets and objects. Bytes are settled before their row is written, and a replaced blob is removed after
// the commit: a crash in between leaves a blob without a row, which the next start sweeps, and never a row
// without its bytes.
#include "emulator/store/objects.hpp"

#include <chrono>
#include <utility>

#include "emulator/store/blobs.hpp"
#include "emulator/store/object_rows.hpp"
#include "emulator/store/uploads.hpp"

namespace sagemaker::local::store {
namespace {

constexpr std::string_view object_columns = "key, size, etag, modified_ms, metadata, blob";

ObjectInfo object_of(const Statement& row) {
  ObjectInfo info;
  info.key = row.text(0);
  info.size = static_cast<std::uint64_t>(row.integer(1));
  info.etag = row.text(2);
  info.modified_ms = row.integer(3);
  info.metadata = aws::parse_json(row.text(4), metadata_depth_max);
  info.blob = row.text(5);
  return info;
}

std::string select_objects(std::string_view rest) {
  return std::string("SELECT ").append(object_columns).append(" FROM objects ").append(rest);
}

Bucket bucket_of(const Statement& row) { return {row.text(0), row.text(1), row.integer(2)}; }

bool blob_in_use(Connection& connection, const std::string& name) {
  return connection.prepare("SELECT 1 FROM objects WHERE blob = ?").bind(1, name).step() ||
         connection.prepare("SELECT 1 FROM upload_parts WHERE blob = ?").bind(1, name).step();
}

}  // namespace

void require_bucket(Connection& connection, std::string_view bucket) {
  if (!connection.prepare("SELECT 1 FROM buckets WHERE name = ?").bind(1, bucket).step()) {
    throw MissingBucket(bucket);
  }
}

std::optional<ObjectInfo> select_object(Connection& connection, std::string_view bucket,
                                        std::string_view key) {
  Statement row = connection.prepare(select_objects("WHERE bucket = ? AND key = ?"));
  if (!row.bind(1, bucket).bind(2, key).step()) return std::nullopt;
  return object_of(row);
}

std::string replace_object(Connection& connection, std::string_view bucket, const ObjectInfo& info,
                           const std::function<void(const ObjectInfo*)>& condition) {
  require_bucket(connection, bucket);
  const std::optional<ObjectInfo> current = select_object(connection, bucket, info.key);
  if (condition) condition(current ? &*current : nullptr);
  connection
      .prepare(
          "INSERT OR REPLACE INTO objects (bucket, key, size, etag, modified_ms, metadata, blob) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)")
      .bind(1, bucket)
      .bind(2, info.key)
      .bind(3, info.size)
      .bind(4, info.etag)
      .bind(5, info.modified_ms)
      .bind(6, aws::dump_json(info.metadata))
      .bind(7, info.blob)
      .run();
  return current ? current->blob : std::string();
}

std::optional<std::string> end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

class Objects::Implementation {
 public:
  Implementation(Database& database_in, std::filesystem::path directory, Durability durability)
      : database(database_in), blobs(std::move(directory), durability), uploads(database, blobs) {
    database.read([this](Connection& connection) {
      blobs.sweep([&connection](const std::string& name) { return blob_in_use(connection, name); });
    });
  }

  // Gives the settled blob its row, or takes it away again.
  void publish(std::string_view bucket, ObjectInfo info,
               const std::function<void(const ObjectInfo*)>& condition) {
    std::string replaced;
    try {
      database.write(
          [&](Connection& connection) { replaced = replace_object(connection, bucket, info, condition); });
    } catch (...) {
      blobs.remove(info.blob);
      throw;
    }
    blobs.remove(replaced);
  }

  Database& database;
  Blobs blobs;
  Uploads uploads;
};

Objects::Objects(Database& database, std::filesystem::path directory, Durability durability)
    : implementation_(std::make_unique<Implementation>(database, std::move(directory), durability)) {}

Objects::~Objects() = default;

std::string_view Objects::schema() {
  return R"sql(
    CREATE TABLE IF NOT EXISTS buckets (
      name TEXT PRIMARY KEY,
      region TEXT NOT NULL,
      created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS objects (
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      modified_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL,
      blob TEXT NOT NULL,
      PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS objects_by_blob ON objects (blob);
    CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY,
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      initiated_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
    CREATE TABLE IF NOT EXISTS upload_parts (
      upload TEXT NOT NULL,
      number INTEGER NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      modified_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL,
      blob TEXT NOT NULL,
      PRIMARY KEY (upload, number)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS upload_parts_by_blob ON upload_parts (blob);
  )sql";
}

bool Objects::create_bucket(const Bucket& bucket) {
  bool created = false;
  implementation_->database.write([&](Connection& connection) {
    connection
        .prepare("INSERT INTO buckets (name, region, created_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(1, bucket.name)
        .bind(2, bucket.region)
        .bind(3, bucket.created_ms)
        .run();
    created = connection.changes() == 1;
  });
  return created;
}

std::optional<Bucket> Objects::find_bucket(std::string_view name) const {
  std::optional<Bucket> found;
  implementation_->database.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT name, region, created_ms FROM buckets WHERE name = ?");
    if (row.bind(1, name).step()) found = bucket_of(row);
  });
  return found;
}

std::vector<Bucket> Objects::buckets() const {
  std::vector<Bucket> found;
  implementation_->database.read([&](Connection& connection) {
    Statement row = connection.prepare("SELECT name, region, created_ms FROM buckets ORDER BY name");
    while (row.step()) found.push_back(bucket_of(row));
  });
  return found;
}

Objects::DeleteBucket Objects::delete_bucket(std::string_view name) {
  DeleteBucket outcome = DeleteBucket::missing;
  std::vector<std::string> orphans;
  implementation_->database.write([&](Connection& connection) {
    if (connection.prepare("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1").bind(1, name).step()) {
      outcome = DeleteBucket::not_empty;
      return;
    }
    // Uploads that nobody completed do not keep a bucket alive; they end with it.
    {
      Statement row = connection.prepare(
          "SELECT blob FROM upload_parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)");
      row.bind(1, name);
      while (row.step()) orphans.push_back(row.text(0));
    }
    connection.prepare("DELETE FROM upload_parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)")
        .bind(1, name)
        .run();
    connection.prepare("DELETE FROM uploads WHERE bucket = ?").bind(1, name).run();
    connection.prepare("DELETE FROM buckets WHERE name = ?").bind(1, name).run();
    if (connection.changes() == 1) outcome = DeleteBucket::deleted;
  });
  for (const std::string& orphan : orphans) implementation_->blobs.remove(orphan);
  return outcome;
}

std::unique_ptr<BlobWriter> Objects::new_blob() { return implementation_->blobs.create(); }

void Objects::put(std::string_view bucket, const ObjectInfo& info, std::unique_ptr<BlobWriter> blob,
                  const std::function<void(const ObjectInfo*)>& condition) {
  ObjectInfo stored = info;
  stored.blob = implementation_->blobs.settle(std::move(blob));
  implementation_->publish(bucket, std::move(stored), condition);
}

ObjectInfo Objects::put_file(std::string_view bucket, std::string_view key, const std::filesystem::path& file,
                             json metadata) {
  std::unique_ptr<BlobWriter> blob = implementation_->blobs.import(file);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  ObjectInfo info;
  info.key = key;
  info.size = blob->size();
  info.etag = blob->md5_hex();
  info.modified_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  info.metadata = std::move(metadata);
  info.blob = implementation_->blobs.settle(std::move(blob));
  implementation_->publish(bucket, info, {});
  return info;
}

void Objects::copy(const ObjectInfo& source, std::string_view bucket, const ObjectInfo& info,
                   const std::function<void(const ObjectInfo*)>& condition) {
  ObjectInfo stored = info;
  stored.blob = implementation_->blobs.duplicate(source.blob);
  implementation_->publish(bucket, std::move(stored), condition);
}

std::optional<ObjectInfo> Objects::find(std::string_view bucket, std::string_view key) const {
  std::optional<ObjectInfo> found;
  implementation_->database.read(
      [&](Connection& connection) { found = select_object(connection, bucket, key); });
  return found;
}

bool Objects::erase(std::string_view bucket, std::string_view key,
                    const std::function<void(const ObjectInfo*)>& condition) {
  std::optional<ObjectInfo> erased;
  implementation_->database.write([&](Connection& connection) {
    erased = select_object(connection, bucket, key);
    if (condition) condition(erased ? &*erased : nullptr);
    if (!erased) return;
    connection.prepare("DELETE FROM objects WHERE bucket = ? AND key = ?").bind(1, bucket).bind(2, key).run();
  });
  if (erased) implementation_->blobs.remove(erased->blob);
  return erased.has_value();
}

std::vector<ObjectInfo> Objects::list(std::string_view bucket, std::string_view prefix,
                                      std::string_view start_after, std::size_t limit) const {
  const std::optional<std::string> end = end_of_prefix(prefix);
  std::vector<ObjectInfo> found;
  implementation_->database.read([&](Connection& connection) {
    Statement row = connection.prepare(
        end ? select_objects(
                  "WHERE bucket = ?1 AND key > ?2 AND key >= ?3 AND key < ?5 ORDER BY key LIMIT ?4")
            : select_objects("WHERE bucket = ?1 AND key > ?2 AND key >= ?3 ORDER BY key LIMIT ?4"));
    row.bind(1, bucket).bind(2, start_after).bind(3, prefix).bind(4, limit);
    if (end) row.bind(5, *end);
    while (row.step()) found.push_back(object_of(row));
  });
  return found;
}

std::filesystem::path Objects::blob_path(const ObjectInfo& info) const {
  return implementation_->blobs.path_of(info.blob);
}

Uploads& Objects::uploads() const { return implementation_->uploads; }

}  // namespace sagemaker::local::store
