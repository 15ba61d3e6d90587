// Goal: what a job writes into its checkpoints is in S3 soon and whole, what others put there reaches the
// job, and no link that a job makes leads the emulator anywhere. Method: folders and a store on disk, one
// step at a time.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "emulator/services/sagemaker/folder_sync.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local;
using sagemaker::tests::TemporaryDirectory;
using services::FolderSync;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Two hosts and a bucket.
struct Fixture {
  Fixture() {
    CHECK(objects.create_bucket({"b", "us-east-1", 1}));
    for (const char* host : {"h1/ck", "h2/ck"}) fs::create_directories(directory / host);
  }

  FolderSync sync() {
    return FolderSync(objects, {"b", "ck"}, {{directory.path(), "h1/ck"}, {directory.path(), "h2/ck"}},
                      [this](const std::string& line) { said.push_back(line); });
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((directory / name).parent_path());
    std::ofstream(directory / name, std::ios::binary) << text;
  }
  void put(const std::string& key, const std::string& text) {
    write("source", text);
    objects.put_file("b", key, directory / "source");
  }
  std::string object(const std::string& key) const {
    const auto info = objects.find("b", key);
    return info ? read(objects.blob_path(*info)) : "(absent)";
  }

  TemporaryDirectory directory;
  store::Database database{
      directory / "data.db",
      std::string(store::Objects::schema()) + std::string(store::BucketSettings::schema()),
      store::Durability::process};
  store::Objects objects{database, directory / "objects", store::Durability::process};
  std::vector<std::string> said;
};

}  // namespace

TEST_CASE("restoring puts every object below the prefix into every folder") {
  Fixture fixture;
  fixture.put("ck/a/b", "one");
  fixture.put("ck/c", "two");
  fixture.put("ckother", "not below the prefix");
  fixture.sync().restore();
  for (const std::string host : {"h1/ck", "h2/ck"}) {
    CHECK(read(fixture.directory / (host + "/a/b")) == "one");
    CHECK(read(fixture.directory / (host + "/c")) == "two");
    CHECK(std::distance(fs::directory_iterator(fixture.directory / host), {}) == 2);
  }
}

TEST_CASE("a name that leads out of the folder is an error that names the object") {
  Fixture fixture;
  fixture.put("ck/../../escape", "x");
  FolderSync sync = fixture.sync();
  CHECK_THROWS_WITH_AS(sync.restore(), doctest::Contains("s3://b/ck/../../escape"), std::runtime_error);
  CHECK_FALSE(fs::exists(fixture.directory / "escape"));
}

TEST_CASE("a file goes up when it rests, again when it changes, and at the last step in any case") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  fixture.write("h1/ck/deep/model", "1");
  sync.upload(false);
  CHECK(fixture.object("ck/deep/model") == "(absent)");  // it may still be written
  sync.upload(false);
  CHECK(fixture.object("ck/deep/model") == "1");
  fixture.write("h1/ck/deep/model", "22");
  sync.upload(false);
  CHECK(fixture.object("ck/deep/model") == "1");
  sync.upload(true);
  CHECK(fixture.object("ck/deep/model") == "22");
  CHECK(fixture.said.empty());
}

TEST_CASE("a file that never rests goes up too, a replaced one sooner") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  int steps = 0;
  std::string grown;
  while (fixture.object("ck/replaced") == "(absent)" && ++steps < 50) {
    fixture.write("h1/new", std::to_string(steps));
    fs::rename(fixture.directory / "h1/new", fixture.directory / "h1/ck/replaced");
    fixture.write("h1/ck/grows", grown += "x");
    sync.upload(false);
  }
  CHECK(steps < 5);
  CHECK(fixture.object("ck/grows") == "(absent)");
  while (fixture.object("ck/grows") == "(absent)" && ++steps < 50) {
    fixture.write("h1/ck/grows", grown += "x");
    sync.upload(false);
  }
  CHECK(steps < 50);
}

TEST_CASE("what others put below the prefix comes to every host, what the job has changed itself stays") {
  Fixture fixture;
  fixture.put("ck/shared", "old");
  FolderSync sync = fixture.sync();
  sync.restore();
  fixture.put("ck/new", "from outside");
  fixture.put("ck/shared", "newer");
  fixture.write("h2/ck/shared", "changed by the job");
  sync.upload(false);  // sees the change, which does not rest yet
  sync.download();
  CHECK(read(fixture.directory / "h1/ck/new") == "from outside");
  CHECK(read(fixture.directory / "h2/ck/new") == "from outside");
  CHECK(read(fixture.directory / "h1/ck/shared") == "newer");
  CHECK(read(fixture.directory / "h2/ck/shared") == "changed by the job");
}

TEST_CASE("a file of one host reaches the other ones, and one that was deleted does not come back") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  fixture.write("h1/ck/from-one", "1");
  sync.upload(true);
  sync.download();
  CHECK(read(fixture.directory / "h2/ck/from-one") == "1");
  fs::remove(fixture.directory / "h1/ck/from-one");
  sync.upload(true);
  sync.download();
  CHECK_FALSE(fs::exists(fixture.directory / "h1/ck/from-one"));
  CHECK(fixture.object("ck/from-one") == "1");
}

TEST_CASE("links and special files are left alone, in both directions") {
  Fixture fixture;
  fixture.write("secret/key", "secret");
  const fs::path folder = fixture.directory / "h1/ck";
  fs::create_symlink(fixture.directory / "secret/key", folder / "file-link");
  fs::create_directory_symlink(fixture.directory / "secret", folder / "folder-link");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  FolderSync sync = fixture.sync();
  sync.upload(true);
  CHECK(fixture.object("ck/file-link") == "(absent)");
  CHECK(fixture.object("ck/folder-link/key") == "(absent)");
  CHECK(fixture.object("ck/fifo") == "(absent)");
  fixture.put("ck/folder-link/planted", "x");
  sync.download();
  CHECK_FALSE(fs::exists(fixture.directory / "secret/planted"));
  CHECK(fixture.said.size() == 1);
  sync.download();
  CHECK(fixture.said.size() == 1);  // said once
}

TEST_CASE("a folder that was replaced by a link is empty") {
  Fixture fixture;
  fixture.write("secret/key", "secret");
  fs::remove_all(fixture.directory / "h1/ck");
  fs::create_directory_symlink(fixture.directory / "secret", fixture.directory / "h1/ck");
  fixture.sync().upload(true);
  CHECK(fixture.object("ck/key") == "(absent)");
}

TEST_CASE("a name that cannot be a key is said once and harms nothing") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  fixture.write("h1/ck/\xff\xfe", "x");
  fixture.write("h1/ck/good", "y");
  sync.upload(true);
  sync.upload(true);
  CHECK(fixture.object("ck/good") == "y");
  CHECK(fixture.said.size() == 1);
}

TEST_CASE("of a file that later became a folder the newer one is restored") {
  Fixture fixture;
  fixture.put("ck/model", "was a file");
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // times of objects are milliseconds
  fixture.put("ck/model/weights", "is a folder now");
  fixture.put("ck/state/one", "was in a folder");
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  fixture.put("ck/state", "is a file now");
  fixture.put("ck/model-2", "another name");
  fixture.sync().restore();
  CHECK(read(fixture.directory / "h1/ck/model/weights") == "is a folder now");
  CHECK(read(fixture.directory / "h1/ck/state") == "is a file now");
  CHECK(read(fixture.directory / "h1/ck/model-2") == "another name");
}

TEST_CASE("a key that names a file in two ways is brought once") {
  Fixture fixture;
  fixture.put("ck/a//b", "x");
  FolderSync sync = fixture.sync();
  sync.restore();
  struct stat first {
  }, second{};
  REQUIRE(::stat((fixture.directory / "h1/ck/a/b").c_str(), &first) == 0);
  sync.upload(true);
  sync.download();
  REQUIRE(::stat((fixture.directory / "h1/ck/a/b").c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);
  CHECK(fixture.object("ck/a/b") == "(absent)");  // nothing has changed, so nothing goes up
}

TEST_CASE("restoring ends when the job is stopped") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) fixture.put("ck/" + std::to_string(i), "x");
  int asked = 0;
  fixture.sync().restore([&] { return ++asked > 4; });
  CHECK(std::distance(fs::directory_iterator(fixture.directory / "h1/ck"), {}) == 2);
}

TEST_CASE("a bucket that is gone is said once, and files go up when it is back") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  fixture.write("h1/ck/model", "1");
  REQUIRE(fixture.objects.delete_bucket("b") == store::Objects::DeleteBucket::deleted);
  for (int step = 0; step < 10; ++step) sync.upload(false);
  REQUIRE(fixture.said.size() == 1);
  CHECK(fixture.said[0].find("no such bucket: b") != std::string::npos);
  CHECK(fixture.objects.create_bucket({"b", "us-east-1", 1}));
  for (int step = 0; step < 10 && fixture.object("ck/model") != "1"; ++step) sync.upload(false);
  CHECK(fixture.object("ck/model") == "1");
}

TEST_CASE("what could not be stored at the last step is known, and whose fault it is") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  fixture.write("h1/ck/a", "1");
  fixture.write("h2/ck/b\xff", "2");
  REQUIRE(fixture.objects.delete_bucket("b") == store::Objects::DeleteBucket::deleted);
  sync.upload(true);
  auto failure = sync.failure();
  REQUIRE(failure);
  CHECK(failure->reason == "a: no such bucket: b");
  CHECK_FALSE(failure->machine);
  CHECK(fixture.objects.create_bucket({"b", "us-east-1", 1}));
  sync.upload(true);
  failure = sync.failure();
  REQUIRE(failure);
  CHECK(failure->reason == "b?: its name cannot be the key of an object");
  fs::remove(fixture.directory / "h2/ck/b\xff");  // what is not there any more needs no place
  CHECK_FALSE(sync.failure());
  CHECK(fixture.object("ck/a") == "1");
}

TEST_CASE("uploading ends when it is cancelled, and what is missing then is a failure") {
  Fixture fixture;
  FolderSync sync = fixture.sync();
  for (int i = 0; i < 5; ++i) fixture.write("h1/ck/" + std::to_string(i), "x");
  int asked = 0;
  sync.upload(true, [&] { return ++asked > 2; });
  CHECK(fixture.object("ck/1") == "x");
  CHECK(fixture.object("ck/2") == "(absent)");
  CHECK(sync.failure());
  sync.upload(true);
  CHECK_FALSE(sync.failure());
}

TEST_CASE("objects get the metadata that their owner wants") {
  Fixture fixture;
  FolderSync sync(fixture.objects, {"b", "ck"}, {{fixture.directory.path(), "h1/ck"}}, {},
                  {{"ServerSideEncryption", "aws:kms"}});
  fixture.write("h1/ck/a", "1");
  sync.upload(true);
  CHECK(fixture.objects.find("b", "ck/a")->metadata.at("ServerSideEncryption") == "aws:kms");
}

TEST_CASE("folders deeper than there are descriptors are read") {
  Fixture fixture;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::string name;
  for (int depth = 0; depth < 200; ++depth) name += "d/";
  fixture.write("h1/ck/" + name + "file", "deep");
  FolderSync sync = fixture.sync();
  const rlimit few{100, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  sync.upload(true);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(fixture.object("ck/" + name + "file") == "deep");
}
