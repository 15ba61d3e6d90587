// Objects: whole or not at all, also after a crash; readers undisturbed by writers; multipart uploads across
// restarts.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/store/file.hpp"
#include "emulator/store/objects.hpp"
#include "emulator/store/uploads.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::store;
using sagemaker::json;
using sagemaker::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

std::string md5_hex(std::string_view text) {
  sagemaker::aws::Md5 md5;
  md5.update(text);
  return sagemaker::aws::to_hex(md5.finish());
}

struct Fixture {
  explicit Fixture(Durability durability_in = Durability::process) : durability(durability_in) {
    reopen();
    CHECK(objects->create_bucket({"b", "us-east-1", 1}));
  }

  void reopen() {
    objects.reset();
    database.reset();
    database.emplace(directory / "data.db", Objects::schema(), durability);
    objects.emplace(*database, directory / "objects", durability);
  }

  // As after kill -9: no destructor of the store leaves its mark.
  void reopen_after_crash() {
    objects.reset();
    database.reset();
    fs::remove(directory / "objects/closed-in-order");
    reopen();
  }

  ObjectInfo put(const std::string& key, const std::string& text,
                 const std::function<void(const ObjectInfo*)>& condition = {}) {
    std::unique_ptr<BlobWriter> blob = objects->new_blob();
    blob->append(text);
    ObjectInfo info{key, blob->size(), blob->md5_hex(), 1000, {{"ContentType", "text/plain"}}, ""};
    objects->put("b", info, std::move(blob), condition);
    return *objects->find("b", key);
  }

  std::string contents(const ObjectInfo& info) const {
    std::ifstream file(objects->blob_path(info), std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Files below objects/, the mark of an orderly end aside.
  int file_count() const {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory / "objects")) {
      if (entry.is_regular_file() && entry.path().filename() != "closed-in-order") ++count;
    }
    return count;
  }

  std::vector<std::string> keys(std::string_view prefix, std::string_view after, std::size_t limit) const {
    std::vector<std::string> found;
    for (const ObjectInfo& info : objects->list("b", prefix, after, limit)) found.push_back(info.key);
    return found;
  }

  Durability durability;
  TemporaryDirectory directory;
  std::optional<Database> database;
  std::optional<Objects> objects;
};

struct DurableFixture : Fixture {
  DurableFixture() : Fixture(Durability::full) {}
};

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(DurableFixture, "an object keeps bytes, size, MD5 and metadata across a restart") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  std::unique_ptr<BlobWriter> blob = objects->new_blob();
  for (std::size_t at = 0; at < text.size(); at += 777) blob->append(std::string_view(text).substr(at, 777));
  CHECK(blob->size() == text.size());
  CHECK(blob->md5_hex() == md5_hex(text));
  const ObjectInfo written{"k", blob->size(), blob->md5_hex(), 5, {{"A", "\xc3\xa9"}}, ""};
  objects->put("b", written, std::move(blob));
  reopen();
  const auto info = objects->find("b", "k");
  REQUIRE(info);
  CHECK(info->size == text.size());
  CHECK(info->etag == md5_hex(text));
  CHECK(info->modified_ms == 5);
  CHECK(info->metadata == json{{"A", "\xc3\xa9"}});
  CHECK(contents(*info) == text);
}

TEST_CASE_FIXTURE(Fixture, "md5_hex can be asked in between") {
  std::unique_ptr<BlobWriter> blob = objects->new_blob();
  CHECK(blob->md5_hex() == md5_hex(""));
  blob->append("abc");
  CHECK(blob->md5_hex() == md5_hex("abc"));
  blob->append("def");
  CHECK(blob->md5_hex() == md5_hex("abcdef"));
}

TEST_CASE_FIXTURE(Fixture, "a blob that is not put leaves nothing, visible or on disk") {
  std::unique_ptr<BlobWriter> blob = objects->new_blob();
  blob->append(std::string(1 << 20, 'x'));
  CHECK(file_count() == 1);
  CHECK_FALSE(objects->find("b", "k"));
  blob.reset();
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "replacing and erasing free the old bytes, but not under a reader") {
  const ObjectInfo first = put("k", "first");
  const File reader = File::open_to_read(objects->blob_path(first));
  put("k", "second");
  CHECK(file_count() == 1);
  CHECK(contents(*objects->find("b", "k")) == "second");
  std::string seen;
  reader.read(0, first.size, [&](std::string_view bytes) { seen += bytes; });
  CHECK(seen == "first");
  CHECK(objects->erase("b", "k").existed);
  CHECK_FALSE(objects->erase("b", "k").existed);
  CHECK(file_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a refused put changes nothing") {
  put("k", "first");
  CHECK_THROWS_AS(put("k", "second",
                      [](const ObjectInfo* current) {
                        REQUIRE(current);
                        throw std::out_of_range(current->etag);
                      }),
                  std::out_of_range);
  CHECK(contents(*objects->find("b", "k")) == "first");
  CHECK(file_count() == 1);
  CHECK_THROWS_AS(objects->put("none", {"k", 0, "", 0, json::object(), ""}, objects->new_blob()),
                  MissingBucket);
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "of many writers that demand that there be none, exactly one wins") {
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, &won, i] {
      try {
        std::unique_ptr<BlobWriter> blob = objects->new_blob();
        blob->append(std::to_string(i));
        const ObjectInfo info{"k", 1, blob->md5_hex(), 1, json::object(), ""};
        objects->put("b", info, std::move(blob), [](const ObjectInfo* current) {
          if (current) throw std::runtime_error("taken");
        });
        ++won;
      } catch (const std::runtime_error&) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(won == 1);
  CHECK(file_count() == 1);
  CHECK(md5_hex(contents(*objects->find("b", "k"))) == objects->find("b", "k")->etag);
}

TEST_CASE_FIXTURE(Fixture,
                  "after a crash temporary files and blobs without a row are swept, and objects stay") {
  const ObjectInfo kept = put("kept", "kept");
  const fs::path stray = objects->blob_path({.blob = "0123456789abcdef0123456789abcdef"});
  fs::create_directories(stray.parent_path());
  std::ofstream(stray) << "settled, but its row was never written";
  std::ofstream(directory / "objects/incoming/half") << "half";
  CHECK(file_count() == 3);
  reopen_after_crash();
  CHECK(file_count() == 1);
  CHECK(contents(kept) == "kept");
}

TEST_CASE_FIXTURE(Fixture, "keys are listed in byte order, with prefix, start and limit") {
  for (const char* key : {"b/2", "a", "b/1", "b/10", "B", "c", "b\xff", "\xc3\xa9"}) put(key, "");
  CHECK(keys("", "", 100) == Keys{"B", "a", "b/1", "b/10", "b/2", "b\xff", "c", "\xc3\xa9"});
  CHECK(keys("b/", "", 100) == Keys{"b/1", "b/10", "b/2"});
  CHECK(keys("b", "b/10", 100) == Keys{"b/2", "b\xff"});
  CHECK(keys("b\xff", "", 100) == Keys{"b\xff"});
  CHECK(keys("", "a", 2) == Keys{"b/1", "b/10"});
  CHECK(keys("\xff", "", 2).empty());
  CHECK(keys("none", "", 2).empty());
  CHECK(keys("b/", "zzz", 2).empty());
}

TEST_CASE_FIXTURE(Fixture, "keys may hold any byte, and never name a file") {
  const std::string strange("../../etc/passwd\0\n%2e", 21);
  put(strange, "x");
  CHECK(objects->find("b", strange));
  CHECK(keys("../", "", 10) == Keys{strange});
  CHECK(objects->blob_path(*objects->find("b", strange)).string().find("passwd") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "buckets exist once and go only when empty") {
  CHECK_FALSE(objects->create_bucket({"b", "eu-west-1", 2}));
  CHECK(objects->find_bucket("b")->region == "us-east-1");
  CHECK(objects->create_bucket({"a", "eu-west-1", 2}));
  CHECK(objects->buckets().size() == 2);
  CHECK(objects->buckets().front().name == "a");
  put("k", "x");
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::not_empty);
  objects->erase("b", "k");
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::deleted);
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::missing);
}

TEST_CASE("a bucket comes with its settings or not at all") {
  const TemporaryDirectory directory;
  {
    Database database(directory / "data.db", Objects::schema(), Durability::process);
    Objects objects(database, directory / "objects", Durability::process);
    CHECK_THROWS_AS(objects.create_bucket({"b", "r", 1}, {{"acl", 1}}), DatabaseError);  // no table for them
    CHECK_FALSE(objects.find_bucket("b"));
  }
  const std::string schema = std::string(Objects::schema()) + std::string(BucketSettings::schema());
  Database database(directory / "data.db", schema, Durability::process);
  Objects objects(database, directory / "objects", Durability::process);
  const BucketSettings settings(database);
  CHECK(objects.create_bucket({"b", "r", 1}, {{"acl", 1}, {"tagging", 2}}));
  CHECK_FALSE(objects.create_bucket({"b", "r", 1}, {{"acl", 3}}));
  CHECK(settings.all("b") == BucketSettings::Documents{{"acl", 1}, {"tagging", 2}});
}

TEST_CASE_FIXTURE(Fixture, "of many that are erased at once each is asked for, and those that refuse stay") {
  for (const char* key : {"a", "b", "c"}) put(key, key);
  const auto refuse = [](const ObjectInfo* current) {
    REQUIRE(current);
    throw std::runtime_error(current->key);
  };
  std::vector<Erasure> erasures = {{"a"}, {"b", {.condition = refuse}}, {"none"}, {"a"}, {"c"}};
  objects->erase_all("b", erasures);
  std::vector<bool> existed;
  for (const Erasure& erasure : erasures) existed.push_back(erasure.erased.existed);
  CHECK(existed == std::vector<bool>{true, false, false, false, true});
  REQUIRE(erasures[1].refusal);
  CHECK_THROWS_WITH(std::rethrow_exception(erasures[1].refusal), "b");
  CHECK_FALSE(erasures[4].refusal);
  CHECK(keys("", "", 10) == std::vector<std::string>{"b"});
  CHECK(file_count() == 1);
  CHECK_THROWS_AS(objects->erase_all("none", erasures), MissingBucket);
}

TEST_CASE_FIXTURE(DurableFixture, "a file of this machine becomes an object; a folder does not") {
  const std::string text(3'000'000, 'q');
  std::ofstream(directory / "model.tar.gz", std::ios::binary) << text;
  const ObjectInfo info =
      objects->put_file("b", "model", directory / "model.tar.gz", {{"ContentType", "x/y"}});
  CHECK(info.etag == md5_hex(text));
  CHECK(info.size == text.size());
  CHECK(contents(*objects->find("b", "model")) == text);
  CHECK(objects->find("b", "model")->metadata["ContentType"] == "x/y");
  CHECK_THROWS_AS(objects->put_file("b", "folder", directory.path()), std::system_error);
  CHECK_THROWS_AS(objects->put_file("b", "none", directory / "none"), std::system_error);
  CHECK_THROWS_AS(objects->put_file("none", "k", directory / "model.tar.gz"), MissingBucket);
  CHECK(file_count() == 1);
  // Files of /proc have a size of zero and contents all the same: nothing is invented.
  CHECK(objects->put_file("b", "proc", "/proc/self/status").size == 0);
}

TEST_CASE_FIXTURE(DurableFixture, "many files of this machine become objects, all of them or none") {
  std::vector<Objects::NewFile> files;
  for (int i = 0; i < 40; ++i) {
    const auto file = directory / ("file-" + std::to_string(i));
    std::ofstream(file, std::ios::binary) << "text " << i;
    files.push_back({"many/" + std::to_string(i), file, {{"ContentType", std::to_string(i)}}});
  }
  CHECK(objects->put_files("b", {}).empty());
  const std::vector<ObjectInfo> stored = objects->put_files("b", files);
  REQUIRE(stored.size() == files.size());
  for (int i = 0; i < 40; ++i) {
    CHECK(stored[static_cast<std::size_t>(i)].key == "many/" + std::to_string(i));
    const auto found = objects->find("b", "many/" + std::to_string(i));
    REQUIRE(found);
    CHECK(contents(*found) == "text " + std::to_string(i));
    CHECK(found->metadata["ContentType"] == std::to_string(i));
  }
  CHECK(file_count() == 40);
  for (Objects::NewFile& file : files) file.key = "again/" + file.key;
  files[17].file = directory / "none";
  CHECK_THROWS_AS(objects->put_files("b", files), std::system_error);
  files.erase(files.begin() + 17);
  CHECK_THROWS_AS(objects->put_files("none", files), MissingBucket);
  CHECK(keys("again/", "", 10).empty());
  CHECK(file_count() == 40);
}

TEST_CASE_FIXTURE(Fixture, "a copy outlives its source and shares its bytes") {
  const ObjectInfo source = put("k", "text");
  ObjectInfo target = source;
  target.key = "copy";
  objects->copy(source, "b", target);
  CHECK(fs::hard_link_count(objects->blob_path(source)) == 2);
  objects->erase("b", "k");
  CHECK(contents(*objects->find("b", "copy")) == "text");
  CHECK_THROWS_AS(objects->copy(source, "b", target), std::system_error);
}

TEST_CASE_FIXTURE(Fixture, "an upload survives a crash and becomes an object in one step") {
  objects->uploads().create({"u1", "b", "big", 5, {{"ContentType", "x"}}});
  const auto part = [&](int number, const std::string& text) {
    std::unique_ptr<BlobWriter> blob = objects->new_blob();
    blob->append(text);
    const Part info{number, blob->size(), blob->md5_hex(), 6, json::object(), ""};
    objects->uploads().put_part("u1", info, std::move(blob));
  };
  part(2, "second");
  part(1, "wrong");
  part(1, "first,");
  part(9, "never used");
  CHECK(file_count() == 3);
  reopen_after_crash();
  CHECK(file_count() == 3);
  const auto upload = objects->uploads().find("u1");
  REQUIRE(upload);
  CHECK(upload->metadata["ContentType"] == "x");
  auto parts = objects->uploads().parts("u1", 0, 100);
  REQUIRE(parts.size() == 3);
  CHECK(objects->uploads().parts("u1", 1, 1).front().number == 2);
  CHECK(keys("", "", 10).empty());
  parts.pop_back();
  put("big", "old");
  const ObjectInfo info{"big", 12, "etag-2", 7, json::object(), ""};
  CHECK_THROWS_AS(objects->uploads().complete(*upload, parts, info,
                                              [](const ObjectInfo*, bool) { throw std::out_of_range("no"); }),
                  std::out_of_range);
  CHECK(contents(*objects->find("b", "big")) == "old");
  objects->uploads().complete(*upload, parts, info, {});
  CHECK(contents(*objects->find("b", "big")) == "first,second");
  CHECK(file_count() == 1);
  CHECK_FALSE(objects->uploads().find("u1"));
  CHECK_THROWS_AS(objects->uploads().complete(*upload, parts, info, {}), UploadChanged);
  CHECK_THROWS_AS(part(1, "late"), UploadChanged);
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "aborted uploads and those of a deleted bucket leave nothing") {
  for (const char* id : {"u1", "u2"}) {
    objects->uploads().create({id, "b", "k", 5, json::object()});
    std::unique_ptr<BlobWriter> blob = objects->new_blob();
    blob->append("x");
    objects->uploads().put_part(id, {1, 1, "", 1, json::object(), ""}, std::move(blob));
  }
  CHECK(objects->uploads().abort("u1"));
  CHECK_FALSE(objects->uploads().abort("u1"));
  CHECK(file_count() == 1);
  CHECK(objects->delete_bucket("b") == Objects::DeleteBucket::deleted);
  CHECK(file_count() == 0);
  CHECK_FALSE(objects->uploads().find("u2"));
  CHECK_THROWS_AS(objects->uploads().create({"u3", "b", "k", 5, json::object()}), MissingBucket);
}

TEST_CASE_FIXTURE(Fixture, "uploads are listed by key and id") {
  for (const auto& [id, key] : {std::pair{"2", "a"}, {"1", "a"}, {"3", "b/x"}, {"4", "c"}}) {
    objects->uploads().create({id, "b", key, 5, json::object()});
  }
  const auto ids = [&](std::string_view prefix, std::string_view key, std::string_view id,
                       std::size_t limit) {
    std::string all;
    for (const Upload& upload : objects->uploads().list("b", prefix, key, id, limit)) all += upload.id;
    return all;
  };
  CHECK(ids("", "", "", 10) == "1234");
  CHECK(ids("", "", "", 2) == "12");
  CHECK(ids("", "a", "1", 10) == "234");
  CHECK(ids("", "a", "", 10) == "34");
  CHECK(ids("b", "", "", 10) == "3");
}
