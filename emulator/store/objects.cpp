// Buckets and objects. Bytes are settled before their row is written, and a replaced blob is removed after
// the commit: a crash in between leaves a blob without a row, which the next start sweeps, and never a row
// without its bytes.
#include "emulator/store/objects.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <utility>

#include "emulator/store/blobs.hpp"
#include "emulator/store/object_rows.hpp"
#include "emulator/store/uploads.hpp"

namespace sagemaker::local::store {
namespace {

constexpr std::size_t settling_threads = 8;

Bucket bucket_of(const Statement& row) { return {row.text(0), row.text(1), row.integer(2), row.text(3)}; }

}  // namespace

class Objects::Implementation {
 public:
  Implementation(Database& database_in, std::filesystem::path directory, Durability durability)
      : database(database_in), blobs(std::move(directory), durability), uploads(database, blobs) {
    migrate_objects(database);
    database.read([this](Connection& connection) {
      blobs.sweep([&connection](const std::string& name) { return blob_in_use(connection, name); });
    });
  }

  // Gives the settled blob its row, or takes it away again.
  ObjectInfo publish(std::string_view bucket, const ObjectInfo& info, const Condition& condition) {
    Orphans orphans;
    ObjectInfo stored;
    blobs.publish({info.blob}, database, [&](Connection& connection) {
      stored = replace_object(connection, bucket, info, condition, orphans);
    });
    remove(orphans);
    return stored;
  }

  // All in one transaction.
  std::vector<ObjectInfo> publish_all(std::string_view bucket, const std::vector<ObjectInfo>& infos) {
    std::vector<std::string> names;
    for (const ObjectInfo& info : infos) names.push_back(info.blob);
    Orphans orphans;
    std::vector<ObjectInfo> stored;
    blobs.publish(names, database, [&](Connection& connection) {
      for (const ObjectInfo& info : infos)
        stored.push_back(replace_object(connection, bucket, info, {}, orphans));
    });
    remove(orphans);
    return stored;
  }

  // The bytes of a file of this machine, safe on the disk; nothing refers to them yet.
  ObjectInfo settle(const NewFile& file) {
    std::unique_ptr<BlobWriter> blob = blobs.import(file.file);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    ObjectInfo info;
    info.key = file.key;
    info.size = blob->size();
    info.etag = blob->md5_hex();
    info.modified_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    info.metadata = file.metadata;
    info.blob = blobs.settle(std::move(blob));
    return info;
  }

  // On several threads: what takes time is the disk. Where one fails none is kept.
  std::vector<ObjectInfo> settle_all(const std::vector<NewFile>& files) {
    std::vector<ObjectInfo> infos(files.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < files.size(); i = next++) infos[i] = settle(files[i]);
    };
    std::vector<std::future<void>> helpers;
    try {
      for (std::size_t i = 1; i < std::min(settling_threads, files.size()); ++i)
        helpers.push_back(std::async(std::launch::async, work));
      work();
      for (std::future<void>& helper : helpers) helper.get();
    } catch (...) {
      next = files.size();
      for (const std::future<void>& helper : helpers)
        if (helper.valid()) helper.wait();
      for (const ObjectInfo& info : infos) blobs.remove(info.blob);
      throw;
    }
    return infos;
  }

  void remove(const Orphans& orphans) {
    for (const std::string& orphan : orphans) blobs.remove(orphan);
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
      created_ms INTEGER NOT NULL,
      versioning TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS objects (
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      modified_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL,
      blob TEXT NOT NULL,
      version TEXT NOT NULL DEFAULT 'null',
      sequence INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS objects_by_blob ON objects (blob);
    CREATE TABLE IF NOT EXISTS object_versions (
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      sequence INTEGER NOT NULL,
      version TEXT NOT NULL,
      delete_marker INTEGER NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      modified_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL,
      blob TEXT NOT NULL,
      PRIMARY KEY (bucket, key, sequence)) WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS object_versions_by_id ON object_versions (bucket, key, version);
    CREATE INDEX IF NOT EXISTS object_versions_by_blob ON object_versions (blob);
    CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY,
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      initiated_ms INTEGER NOT NULL,
      metadata TEXT NOT NULL,
      disturbed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
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

bool Objects::create_bucket(const Bucket& bucket, const BucketSettings::Documents& settings) {
  bool created = false;
  implementation_->database.write([&](Connection& connection) {
    connection
        .prepare("INSERT INTO buckets (name, region, created_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(1, bucket.name)
        .bind(2, bucket.region)
        .bind(3, bucket.created_ms)
        .run();
    created = connection.changes() == 1;
    if (created) write_settings(connection, bucket.name, settings);
  });
  return created;
}

std::optional<Bucket> Objects::find_bucket(std::string_view name) const {
  std::optional<Bucket> found;
  implementation_->database.read([&](Connection& connection) {
    Statement row =
        connection.prepare("SELECT name, region, created_ms, versioning FROM buckets WHERE name = ?");
    if (row.bind(1, name).step()) found = bucket_of(row);
  });
  return found;
}

std::vector<Bucket> Objects::buckets() const {
  std::vector<Bucket> found;
  implementation_->database.read([&](Connection& connection) {
    Statement row =
        connection.prepare("SELECT name, region, created_ms, versioning FROM buckets ORDER BY name");
    while (row.step()) found.push_back(bucket_of(row));
  });
  return found;
}

Objects::DeleteBucket Objects::delete_bucket(std::string_view name) {
  DeleteBucket outcome = DeleteBucket::missing;
  Orphans orphans;
  implementation_->database.write([&](Connection& connection) {
    for (const char* sql : {"SELECT 1 FROM objects WHERE bucket = ? LIMIT 1",
                            "SELECT 1 FROM object_versions WHERE bucket = ? LIMIT 1"}) {
      if (!connection.prepare(sql).bind(1, name).step()) continue;
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
  implementation_->remove(orphans);
  return outcome;
}

bool Objects::set_versioning(std::string_view bucket, std::string_view versioning) {
  bool exists = false;
  implementation_->database.write([&](Connection& connection) {
    connection.prepare("UPDATE buckets SET versioning = ? WHERE name = ?")
        .bind(1, versioning)
        .bind(2, bucket)
        .run();
    exists = connection.changes() == 1;
  });
  return exists;
}

std::unique_ptr<BlobWriter> Objects::new_blob() { return implementation_->blobs.create(); }

ObjectInfo Objects::put(std::string_view bucket, const ObjectInfo& info, std::unique_ptr<BlobWriter> blob,
                        const Condition& condition) {
  ObjectInfo stored = info;
  stored.blob = implementation_->blobs.settle(std::move(blob));
  return implementation_->publish(bucket, stored, condition);
}

ObjectInfo Objects::put_file(std::string_view bucket, std::string_view key, const std::filesystem::path& file,
                             json metadata) {
  return implementation_->publish(bucket,
                                  implementation_->settle({std::string(key), file, std::move(metadata)}), {});
}

std::vector<ObjectInfo> Objects::put_files(std::string_view bucket, const std::vector<NewFile>& files) {
  return implementation_->publish_all(bucket, implementation_->settle_all(files));
}

ObjectInfo Objects::copy(const ObjectInfo& source, std::string_view bucket, const ObjectInfo& info,
                         const Condition& condition) {
  ObjectInfo stored = info;
  stored.blob = implementation_->blobs.duplicate(source.blob);
  return implementation_->publish(bucket, stored, condition);
}

Erased Objects::erase(std::string_view bucket, std::string_view key, const Erasing& how) {
  Erased erased;
  Orphans orphans;
  implementation_->database.write(
      [&](Connection& connection) { erased = erase_object(connection, bucket, key, how, orphans); });
  implementation_->remove(orphans);
  return erased;
}

void Objects::erase_all(std::string_view bucket, std::vector<Erasure>& erasures) {
  struct Refused {};
  Orphans orphans;
  implementation_->database.write([&](Connection& connection) {
    for (Erasure& erasure : erasures) {
      Erasing how = erasure.how;
      if (how.condition) {
        how.condition = [&erasure](const ObjectInfo* current) {
          try {
            erasure.how.condition(current);
          } catch (...) {
            erasure.refusal = std::current_exception();
            throw Refused();
          }
        };
      }
      try {
        erasure.erased = erase_object(connection, bucket, erasure.key, how, orphans);
      } catch (const Refused&) {
        // Conditions come before the first change.
      }
    }
  });
  implementation_->remove(orphans);
}

std::optional<ObjectInfo> Objects::change_metadata(std::string_view bucket, std::string_view key,
                                                   std::string_view version,
                                                   const std::function<void(json&)>& change) {
  std::optional<ObjectInfo> info;
  implementation_->database.write([&](Connection& connection) {
    info = version.empty() ? select_latest(connection, bucket, key)
                           : select_version(connection, bucket, key, version);
    if (!info || info->delete_marker) return;
    change(info->metadata);
    update_metadata(connection, bucket, *info);
  });
  return info;
}

std::optional<ObjectInfo> Objects::find(std::string_view bucket, std::string_view key) const {
  std::optional<ObjectInfo> found;
  implementation_->database.read(
      [&](Connection& connection) { found = select_object(connection, bucket, key); });
  return found;
}

std::optional<ObjectInfo> Objects::find_latest(std::string_view bucket, std::string_view key) const {
  std::optional<ObjectInfo> found;
  implementation_->database.read(
      [&](Connection& connection) { found = select_latest(connection, bucket, key); });
  return found;
}

std::optional<ObjectInfo> Objects::find_version(std::string_view bucket, std::string_view key,
                                                std::string_view version) const {
  std::optional<ObjectInfo> found;
  implementation_->database.read(
      [&](Connection& connection) { found = select_version(connection, bucket, key, version); });
  return found;
}

std::vector<ObjectInfo> Objects::list(std::string_view bucket, std::string_view prefix,
                                      std::string_view start_after, std::size_t limit) const {
  std::vector<ObjectInfo> found;
  implementation_->database.read([&](Connection& connection) {
    found = select_objects(connection, bucket, prefix, start_after, limit);
  });
  return found;
}

std::vector<ObjectInfo> Objects::list_versions(std::string_view bucket, std::string_view prefix,
                                               std::string_view key, std::int64_t sequence,
                                               std::size_t limit) const {
  std::vector<ObjectInfo> found;
  implementation_->database.read([&](Connection& connection) {
    found = select_versions(connection, bucket, prefix, key, sequence, limit);
  });
  return found;
}

std::filesystem::path Objects::blob_path(const ObjectInfo& info) const {
  return implementation_->blobs.path_of(info.blob);
}

Uploads& Objects::uploads() const { return implementation_->uploads; }

}  // namespace sagemaker::local::store
