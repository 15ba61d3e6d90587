// Parts and their uploads. Whatever a transaction stops referring to is removed from disk after it.
#include "emulator/store/uploads.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "emulator/store/object_rows.hpp"

namespace sagemaker::local::store {
namespace {

Upload upload_of(const Statement& row) {
  Upload upload;
  upload.id = row.text(0);
  upload.bucket = row.text(1);
  upload.key = row.text(2);
  upload.initiated_ms = row.integer(3);
  upload.metadata = aws::parse_json(row.text(4), metadata_depth_max);
  return upload;
}

Part part_of(const Statement& row) {
  Part part;
  part.number = static_cast<int>(row.integer(0));
  part.size = static_cast<std::uint64_t>(row.integer(1));
  part.etag = row.text(2);
  part.modified_ms = row.integer(3);
  part.metadata = aws::parse_json(row.text(4), metadata_depth_max);
  part.blob = row.text(5);
  return part;
}

bool upload_exists(Connection& connection, std::string_view id) {
  return connection.prepare("SELECT 1 FROM uploads WHERE id = ?").bind(1, id).step();
}

// Removes the rows of an upload; returns the blobs of its parts.
std::vector<std::string> remove_rows(Connection& connection, std::string_view id) {
  std::vector<std::string> blobs;
  {
    Statement row = connection.prepare("SELECT blob FROM upload_parts WHERE upload = ?");
    row.bind(1, id);
    while (row.step()) blobs.push_back(row.text(0));
  }
  connection.prepare("DELETE FROM upload_parts WHERE upload = ?").bind(1, id).run();
  connection.prepare("DELETE FROM uploads WHERE id = ?").bind(1, id).run();
  return blobs;
}

// Returns whether the key was touched since the upload began.
bool require_unchanged(Connection& connection, std::string_view id, const std::vector<Part>& parts) {
  bool disturbed = false;
  {
    Statement row = connection.prepare("SELECT disturbed FROM uploads WHERE id = ?");
    if (!row.bind(1, id).step()) throw UploadChanged();
    disturbed = row.integer(0) != 0;
  }
  for (const Part& part : parts) {
    Statement row = connection.prepare("SELECT blob FROM upload_parts WHERE upload = ? AND number = ?");
    if (!row.bind(1, id).bind(2, part.number).step() || row.text(0) != part.blob) throw UploadChanged();
  }
  return disturbed;
}

}  // namespace

void Uploads::create(const Upload& upload) {
  database_.write([&](Connection& connection) {
    require_bucket(connection, upload.bucket);
    connection.prepare("INSERT INTO uploads (id, bucket, key, initiated_ms, metadata) VALUES (?, ?, ?, ?, ?)")
        .bind(1, upload.id)
        .bind(2, upload.bucket)
        .bind(3, upload.key)
        .bind(4, upload.initiated_ms)
        .bind(5, aws::dump_json(upload.metadata))
        .run();
  });
}

std::optional<Upload> Uploads::find(std::string_view id) const {
  std::optional<Upload> found;
  database_.read([&](Connection& connection) {
    Statement row =
        connection.prepare("SELECT id, bucket, key, initiated_ms, metadata FROM uploads WHERE id = ?");
    if (row.bind(1, id).step()) found = upload_of(row);
  });
  return found;
}

std::vector<Upload> Uploads::list(std::string_view bucket, std::string_view prefix, std::string_view key,
                                  std::string_view id, std::size_t limit) const {
  // Ids are hexadecimal: this is behind all of them. None is empty, so that an empty one is before them.
  std::pair<std::string_view, std::string_view> behind(key, id.empty() ? "~" : id);
  behind = std::max(behind, std::pair<std::string_view, std::string_view>(prefix, ""));
  const std::string end = end_of_keys(prefix);
  std::vector<Upload> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(
        "SELECT id, bucket, key, initiated_ms, metadata FROM uploads WHERE bucket = ?1 AND "
        "(key, id) > (?2, ?3) AND key < ?4 ORDER BY key, id LIMIT ?5");
    row.bind(1, bucket).bind(2, behind.first).bind(3, behind.second).bind(4, end).bind(5, limit);
    while (row.step()) found.push_back(upload_of(row));
  });
  return found;
}

void Uploads::put_part(std::string_view id, const Part& part, std::unique_ptr<BlobWriter> blob) {
  const std::string name = blobs_.settle(std::move(blob));
  std::string replaced;
  blobs_.publish({name}, database_, [&](Connection& connection) {
    if (!upload_exists(connection, id)) throw UploadChanged();
    {
      Statement row = connection.prepare("SELECT blob FROM upload_parts WHERE upload = ? AND number = ?");
      if (row.bind(1, id).bind(2, part.number).step()) replaced = row.text(0);
    }
    connection
        .prepare(
            "INSERT OR REPLACE INTO upload_parts (upload, number, size, etag, modified_ms, metadata, blob) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(1, id)
        .bind(2, part.number)
        .bind(3, part.size)
        .bind(4, part.etag)
        .bind(5, part.modified_ms)
        .bind(6, aws::dump_json(part.metadata))
        .bind(7, name)
        .run();
  });
  blobs_.remove(replaced);
}

std::vector<Part> Uploads::parts(std::string_view id, int after, std::size_t limit) const {
  std::vector<Part> found;
  database_.read([&](Connection& connection) {
    Statement row = connection.prepare(
        "SELECT number, size, etag, modified_ms, metadata, blob FROM upload_parts "
        "WHERE upload = ? AND number > ? ORDER BY number LIMIT ?");
    row.bind(1, id).bind(2, after).bind(3, limit);
    while (row.step()) found.push_back(part_of(row));
  });
  return found;
}

ObjectInfo Uploads::complete(const Upload& upload, const std::vector<Part>& parts, const ObjectInfo& info,
                             const Condition& condition) {
  ObjectInfo stored = info;
  // A single part simply becomes the object.
  const bool adopted = parts.size() == 1;
  if (adopted) {
    stored.blob = parts.front().blob;
  } else {
    std::vector<std::string> names;
    for (const Part& part : parts) names.push_back(part.blob);
    try {
      stored.blob = blobs_.settle(blobs_.join(names));
    } catch (const std::system_error& error) {
      if (error.code().value() == ENOENT) throw UploadChanged();
      throw;
    }
  }
  Orphans orphans;
  ObjectInfo published;
  const auto replace = [&](Connection& connection) {
    const bool disturbed = require_unchanged(connection, upload.id, parts);
    orphans = remove_rows(connection, upload.id);
    published = replace_object(
        connection, upload.bucket, stored,
        [&](const ObjectInfo* current) {
          if (condition) condition(current, disturbed);
        },
        orphans);
  };
  if (adopted) {
    database_.write(replace);
  } else {
    blobs_.publish({stored.blob}, database_, replace);
  }
  for (const std::string& orphan : orphans) {
    if (orphan != stored.blob) blobs_.remove(orphan);
  }
  return published;
}

bool Uploads::abort(std::string_view id) {
  bool existed = false;
  std::vector<std::string> orphans;
  database_.write([&](Connection& connection) {
    existed = upload_exists(connection, id);
    orphans = remove_rows(connection, id);
  });
  for (const std::string& orphan : orphans) blobs_.remove(orphan);
  return existed;
}

}  // namespace sagemaker::local::store
