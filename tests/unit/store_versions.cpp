// Versions in the store: what a data directory of the time before them becomes, and whose bytes stay on disk.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <doctest/doctest.h>

#include "emulator/store/objects.hpp"
#include "emulator/store/uploads.hpp"
#include "emulator/store/version_ids.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::store;
using sagemaker::json;
using sagemaker::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

// The tables as the first released emulator made them.
constexpr std::string_view first_schema = R"sql(
  CREATE TABLE buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL, metadata TEXT NOT NULL, blob TEXT NOT NULL,
    PRIMARY KEY (bucket, key)) WITHOUT ROWID;
  CREATE INDEX objects_by_blob ON objects (blob);
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_ms INTEGER NOT NULL,
    metadata TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
  CREATE TABLE upload_parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL, metadata TEXT NOT NULL, blob TEXT NOT NULL,
    PRIMARY KEY (upload, number)) WITHOUT ROWID;
  CREATE INDEX upload_parts_by_blob ON upload_parts (blob);
)sql";

struct VersionStore {
  VersionStore() {
    open();
    CHECK(objects->create_bucket({"b", "us-east-1", 1}));
    CHECK(objects->set_versioning("b", "Enabled"));
  }
  void open() {
    objects.reset();
    database.reset();
    database.emplace(directory / "data.db", Objects::schema(), Durability::process);
    objects.emplace(*database, directory / "objects", Durability::process);
  }
  void open_after_crash() {
    objects.reset();
    database.reset();
    fs::remove(directory / "objects/closed-in-order");
    open();
  }
  std::string put(const std::string& key, const std::string& text, std::int64_t now_ms = 1000) {
    std::unique_ptr<BlobWriter> blob = objects->new_blob();
    blob->append(text);
    const ObjectInfo info{key, blob->size(), blob->md5_hex(), now_ms, json::object(), ""};
    return objects->put("b", info, std::move(blob)).version;
  }
  std::string contents(const ObjectInfo& info) const {
    std::ifstream file(objects->blob_path(info), std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  int file_count() const {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory / "objects")) {
      if (entry.is_regular_file() && entry.path().filename() != "closed-in-order") ++count;
    }
    return count;
  }

  TemporaryDirectory directory;
  std::optional<Database> database;
  std::optional<Objects> objects;
};

}  // namespace

TEST_CASE("a data directory of the time before versions opens, and its objects are the version null") {
  const TemporaryDirectory directory;
  const std::string blob = "0123456789abcdef0123456789abcdef";
  fs::create_directories(directory / "objects/0/1");
  std::ofstream(directory / "objects/0/1" / blob) << "old bytes";
  {
    Database database(directory / "data.db", first_schema, Durability::process);
    database.write([&](Connection& connection) {
      connection.prepare("INSERT INTO buckets VALUES ('b', 'eu-west-1', 7)").run();
      connection
          .prepare("INSERT INTO objects VALUES ('b', 'k', 9, 'etag', 1000, '{\"ContentType\":\"a/b\"}', ?)")
          .bind(1, blob)
          .run();
      connection.prepare("INSERT INTO uploads VALUES ('u', 'b', 'big', 5, '{}')").run();
    });
  }
  for (int opened = 0; opened < 2; ++opened) {
    Database database(directory / "data.db", Objects::schema(), Durability::process);
    Objects objects(database, directory / "objects", Durability::process);
    CHECK(objects.find_bucket("b")->versioning.empty());
    CHECK(objects.find_bucket("b")->region == "eu-west-1");
    const auto object = objects.find("b", "k");
    REQUIRE(object);
    CHECK(object->version == null_version);
    CHECK(object->metadata["ContentType"] == "a/b");
    CHECK(fs::file_size(objects.blob_path(*object)) == 9);
    CHECK(objects.uploads().find("u")->key == "big");
    CHECK(objects.list_versions("b", "", "", 0, 10).size() == 1);
  }
  Database database(directory / "data.db", Objects::schema(), Durability::process);
  Objects objects(database, directory / "objects", Durability::process);
  REQUIRE(objects.set_versioning("b", "Enabled"));
  const ObjectInfo info{"k", 0, "new", 2000, json::object(), ""};
  CHECK(objects.put("b", info, objects.new_blob()).version.size() == 32);
  CHECK(objects.find_version("b", "k", "null")->etag == "etag");
  std::unique_ptr<BlobWriter> bytes = objects.new_blob();
  bytes->append("the rest");
  objects.uploads().put_part("u", {1, 8, "tag", 2000, json::object(), ""}, std::move(bytes));
  objects.uploads().complete(*objects.uploads().find("u"), objects.uploads().parts("u", 0, 10),
                             {"big", 8, "tag-1", 3000, json::object(), ""},
                             [&](const ObjectInfo* current, bool disturbed) {
                               CHECK_FALSE(current);
                               CHECK_FALSE(disturbed);
                             });
  CHECK(objects.find("b", "big")->etag == "tag-1");
}

TEST_CASE_FIXTURE(VersionStore,
                  "versions keep their bytes across a crash, and lose them when they are deleted") {
  const std::string first = put("k", "first");
  const std::string second = put("k", "second");
  const Erased marker = objects->erase("b", "k", {.now_ms = 3000});
  CHECK(marker.delete_marker);
  CHECK(file_count() == 2);
  open_after_crash();
  CHECK(file_count() == 2);
  CHECK_FALSE(objects->find("b", "k"));
  CHECK(objects->find_latest("b", "k")->version == marker.version);
  CHECK(contents(*objects->find_version("b", "k", first)) == "first");
  CHECK(contents(*objects->find_version("b", "k", second)) == "second");
  objects->erase("b", "k", {.version = second});
  CHECK(file_count() == 1);
  objects->erase("b", "k", {.version = marker.version});
  CHECK(contents(*objects->find("b", "k")) == "first");
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::not_empty);
  objects->erase("b", "k", {.version = first});
  CHECK(file_count() == 0);
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::deleted);
}

TEST_CASE_FIXTURE(VersionStore, "newer versions come first even where the clock stands or goes back") {
  std::vector<std::string> ids;
  for (const std::int64_t now_ms : {5000, 5000, 4000, 5000}) ids.push_back(put("k", "x", now_ms));
  std::vector<std::string> listed;
  for (const ObjectInfo& info : objects->list_versions("b", "", "", 0, 10)) {
    listed.push_back(info.version);
    CHECK(sequence_of(info.version) == info.sequence);
    CHECK(info.latest == (listed.size() == 1));
  }
  CHECK(listed == std::vector<std::string>(ids.rbegin(), ids.rend()));
  CHECK(std::is_sorted(listed.begin(), listed.end()));
}

TEST_CASE_FIXTURE(VersionStore, "pages of versions of any size are together the whole listing") {
  for (const char* key : {"a", "k/1", "k/1", "k/2", "k/1", "l", "k/2"}) put(key, "x");
  objects->erase("b", "k/2", {.now_ms = 1000});
  objects->erase("b", "k/3", {.now_ms = 1000});
  const auto ids_of = [](const std::vector<ObjectInfo>& versions) {
    std::vector<std::string> ids;
    for (const ObjectInfo& info : versions) ids.push_back(info.key + " " + info.version);
    return ids;
  };
  for (const char* prefix : {"", "k", "k/", "k/2", "l", "x"}) {
    const std::vector<ObjectInfo> all = objects->list_versions("b", prefix, "", 0, 100);
    for (std::size_t limit = 1; limit <= 4; ++limit) {
      std::vector<ObjectInfo> listed;
      while (true) {
        const std::string key = listed.empty() ? "" : listed.back().key;
        const std::int64_t sequence = listed.empty() ? 0 : listed.back().sequence;
        const std::vector<ObjectInfo> page = objects->list_versions("b", prefix, key, sequence, limit);
        CHECK(page.size() <= limit);
        listed.insert(listed.end(), page.begin(), page.end());
        if (page.size() < limit) break;
      }
      CHECK(ids_of(listed) == ids_of(all));
    }
  }
  CHECK(objects->list_versions("b", "", "", 0, 100).size() == 9);
  CHECK(objects->list_versions("b", "l", "k/1", 0, 100).size() == 1);
}

TEST_CASE_FIXTURE(VersionStore, "metadata of a version changes without a new version") {
  const std::string first = put("k", "first");
  put("k", "second");
  const auto changed = objects->change_metadata("b", "k", first, [](json& metadata) {
    metadata["Tags"] = {1, 2};
  });
  REQUIRE(changed);
  CHECK(objects->find_version("b", "k", first)->metadata["Tags"].size() == 2);
  CHECK_FALSE(objects->find("b", "k")->metadata.contains("Tags"));
  CHECK(objects->list_versions("b", "", "", 0, 10).size() == 2);
  CHECK_FALSE(objects->change_metadata("b", "none", "", [](json&) {}));
  objects->erase("b", "k");
  CHECK(
      objects->change_metadata("b", "k", "", [](json&) { FAIL("a marker has no metadata"); })->delete_marker);
}

TEST_CASE("ids are 32 characters, hold their number, and are never the same") {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1'700'000'000'000'000}}) {
    const std::string id = new_version_id(number);
    CHECK(id.size() == 32);
    CHECK(sequence_of(id) == number);
    CHECK(new_version_id(number) != id);
    CHECK(new_version_id(number + 1) < id);
  }
  CHECK_FALSE(sequence_of("null"));
  CHECK_FALSE(sequence_of(std::string(31, 'a')));
  CHECK_FALSE(sequence_of(std::string(31, 'a') + "/"));
}
