// Folders both ways: names, patterns, what changed and what is too much; and keys that must not become files.
#include <sstream>
#include <system_error>
#include <thread>

#include <doctest/doctest.h>
#include <pthread.h>

#include "tests/emulator/s3_fixture.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
namespace fs = std::filesystem;

namespace {

std::string keys(const S3Client& s3, const std::string& prefix = "") {
  std::string all;
  for (const S3Object& object : s3.list_objects({.bucket = "bucket", .prefix = prefix}))
    all += object.key + "|";
  return all;
}

}  // namespace

TEST_CASE("500 small files both ways, whatever their names") {
  S3Fixture local;
  const fs::path from = local.folder / "from", to = local.folder / "to";
  for (int i = 0; i < 500; ++i) {
    write_file(from / ("d" + std::to_string(i % 7)) / (std::to_string(i) + ".bin"),
               pattern_bytes(i * 13u, i));
  }
  for (const char* odd :
       {"with space", "plus+and&and=and%25", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "quote'\"",
        "semi;colon,comma", "back\\slash", "star*?[x]", "dots...", "line\nbreak", "<xml>&amp;"}) {
    write_file(from / "odd" / odd, odd);
  }
  write_file(from / "empty", "");
  const S3TransferResult up = local.s3.upload({.from = from, .to = "s3://bucket/p"});
  CHECK(up.objects == 511);
  const S3TransferResult down = local.s3.download({.from = "s3://bucket/p", .to = to});
  CHECK(down.objects == 511);
  CHECK(down.bytes == up.bytes);
  std::size_t same = 0;
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (!entry.is_regular_file()) continue;
    const fs::path other = to / entry.path().lexically_relative(from);
    CAPTURE(other.string());
    REQUIRE(fs::exists(other));
    same += read_file(entry.path()) == read_file(other) ? 1 : 0;
  }
  CHECK(same == 511);
}

TEST_CASE("a file goes to the key or below it, an object to the file or into the folder") {
  S3Fixture local;
  write_file(local.folder / "a.txt", "A");
  local.s3.upload({.from = local.folder / "a.txt", .to = "s3://bucket/x"});
  local.s3.upload({.from = local.folder / "a.txt", .to = "s3://bucket/d/"});
  local.s3.upload({.from = local.folder / "a.txt", .to = "s3://bucket"});
  CHECK(keys(local.s3) == "a.txt|d/a.txt|x|");
  local.s3.download({.from = "s3://bucket/x", .to = local.folder / "new" / "name"});
  CHECK(read_file(local.folder / "new/name") == "A");
  local.s3.download({.from = "s3://bucket/x", .to = local.folder / "new"});
  CHECK(read_file(local.folder / "new/x") == "A");
  local.s3.download({.from = "s3://bucket/d/a.txt", .to = local.folder / "other/"});
  CHECK(read_file(local.folder / "other/a.txt") == "A");
  CHECK_THROWS_WITH_AS(local.s3.download({.from = "s3://bucket/none", .to = local.folder / "n"}),
                       "Cannot download s3://bucket/none: there is no such object, and none below it", Error);
  CHECK_THROWS_AS(local.s3.upload({.from = local.folder / "none", .to = "s3://bucket/n"}), ConfigError);
}

TEST_CASE("a prefix is a folder, not the beginning of other names") {
  S3Fixture local;
  for (const char* key : {"data/a", "data/b/c", "data2/x", "data-file"}) {
    local.s3.put_object({.bucket = "bucket", .key = key, .body = key});
  }
  CHECK(local.s3.download({.from = "s3://bucket/data", .to = local.folder / "1"}).objects == 2);
  CHECK(read_file(local.folder / "1/b/c") == "data/b/c");
  CHECK(local.s3.download({.from = "s3://bucket/data", .to = local.folder / "2", .scope = S3Scope::prefix})
            .objects == 4);
  CHECK(fs::exists(local.folder / "2/data2/x"));
  CHECK(local.s3.download({.from = "s3://bucket/data", .to = local.folder / "3", .scope = S3Scope::path})
            .objects == 2);
  local.s3.put_object({.bucket = "bucket", .key = "data", .body = "data"});
  CHECK(local.s3.download({.from = "s3://bucket/data", .to = local.folder / "4", .scope = S3Scope::path})
            .objects == 3);
  CHECK(read_file(local.folder / "4/data") == "data");
  CHECK(
      local.s3.copy({.from = "s3://bucket/data", .to = "s3://bucket/copy", .scope = S3Scope::path}).objects ==
      3);
}

TEST_CASE("patterns choose, only changes travel, and what is too much goes only when asked") {
  S3Fixture local;
  const fs::path from = local.folder / "from", to = local.folder / "to";
  for (const char* name : {"a.csv", "b.csv", "sub/c.csv", "sub/d.txt", "tmp/e.csv"})
    write_file(from / name, name);
  const S3Upload upload{.from = from,
                        .to = "s3://bucket/p/",
                        .folder = {.include = {"*.csv"}, .exclude = {"tmp/*"}, .only_changed = true}};
  CHECK(local.s3.upload(upload).objects == 3);
  CHECK(keys(local.s3) == "p/a.csv|p/b.csv|p/sub/c.csv|");
  S3TransferResult again = local.s3.upload(upload);
  CHECK(again.objects == 0);
  CHECK(again.unchanged == 3);
  write_file(from / "a.csv", "longer than it was");
  CHECK(local.s3.upload(upload).objects == 1);

  for (const char* key : {"p/gone.csv", "p/kept.txt", "p/folder/"}) {
    local.s3.put_object({.bucket = "bucket", .key = key, .body = ""});
  }
  S3Upload mirror = upload;
  mirror.folder.delete_extraneous = true;
  CHECK(local.s3.upload(mirror).deleted == 1);
  CHECK(keys(local.s3) == "p/a.csv|p/b.csv|p/folder/|p/kept.txt|p/sub/c.csv|");

  const S3Download download{.from = "s3://bucket/p", .to = to, .folder = {.only_changed = true}};
  CHECK(local.s3.download(download).objects == 4);
  CHECK(fs::is_directory(to / "folder"));
  CHECK(local.s3.download(download).unchanged == 4);
  write_file(to / "mine.txt", "mine");
  CHECK(local.s3.download(download).deleted == 0);
  S3Download exact = download;
  exact.folder.delete_extraneous = true;
  CHECK(local.s3.download(exact).deleted == 1);
  CHECK_FALSE(fs::exists(to / "mine.txt"));
}

TEST_CASE("one object never deletes its neighbours") {
  S3Fixture local;
  write_file(local.folder / "to/neighbour", "n");
  local.s3.put_object({.bucket = "bucket", .key = "k", .body = "v"});
  local.s3.download(
      {.from = "s3://bucket/k", .to = local.folder / "to", .folder = {.delete_extraneous = true}});
  CHECK(fs::exists(local.folder / "to/neighbour"));
}

TEST_CASE("keys that lead out of the folder, or cannot be files, are refused by name") {
  for (const char* key : {"p/../../evil", "p/a/../../../evil", "p/./x", "p//etc/passwd", "p/a//b", "p/.."}) {
    S3Fixture local;
    local.s3.put_object({.bucket = "bucket", .key = key, .body = "evil"});
    CHECK_THROWS_WITH_AS(
        local.s3.download({.from = "s3://bucket/p", .to = local.folder / "to"}),
        doctest::Contains(("The key \"" + std::string(key) + "\" cannot become a file name").c_str()), Error);
    for (const auto& entry : fs::recursive_directory_iterator(local.folder.path()))
      CHECK(entry.is_directory());
  }
  S3Fixture local;
  local.s3.put_object({.bucket = "bucket", .key = "p/a", .body = "file"});
  local.s3.put_object({.bucket = "bucket", .key = "p/a/b", .body = "below it"});
  CHECK_THROWS_WITH_AS(
      local.s3.download({.from = "s3://bucket/p/", .to = local.folder / "to", .options = {.threads = 1}}),
      doctest::Contains("a"), std::exception);
}

TEST_CASE("links to files are followed, links to folders are not, empty folders only when asked") {
  S3Fixture local;
  const fs::path from = local.folder / "from";
  write_file(from / "real", "R");
  write_file(local.folder / "outside/file", "O");
  fs::create_symlink(local.folder / "outside/file", from / "link");
  fs::create_symlink(local.folder / "outside", from / "folder-link");
  fs::create_symlink(from / "nowhere", from / "dangling");
  fs::create_directories(from / "empty/inner");
  local.s3.upload({.from = from, .to = "s3://bucket/p"});
  CHECK(keys(local.s3) == "p/link|p/real|");
  local.s3.upload({.from = from, .to = "s3://bucket/q", .empty_folders = true});
  CHECK(keys(local.s3, "q/") == "q/empty/inner/|q/link|q/real|");
  local.s3.download({.from = "s3://bucket/q", .to = local.folder / "to"});
  CHECK(fs::is_directory(local.folder / "to/empty/inner"));
}

TEST_CASE("with keep_going one object that fails does not end the others, and nothing is deleted then") {
  S3Fixture local;
  const fs::path from = local.folder / "from";
  for (const char* name : {"a", "b", "c"}) write_file(from / name, name);
  local.s3.put_object({.bucket = "bucket", .key = "p/extra", .body = ""});
  local.transport->before = [](const aws::HttpRequest& request) {
    if (request.method == "PUT" && request.target == "/bucket/p/b") {
      throw TransportError(TransportError::Kind::tls, "scripted");
    }
  };
  const S3TransferResult result = local.s3.upload({.from = from,
                                                   .to = "s3://bucket/p",
                                                   .folder = {.delete_extraneous = true},
                                                   .options = {.keep_going = true}});
  CHECK(result.objects == 2);
  REQUIRE(result.failures.size() == 1);
  CHECK(result.failures[0].name == "s3://bucket/p/b");
  CHECK(result.failures[0].message == "scripted");
  CHECK(result.deleted == 0);
  CHECK_THROWS_AS(local.s3.upload({.from = from, .to = "s3://bucket/p"}), TransportError);
}

TEST_CASE("an empty file is uploaded whatever the threshold for parts") {
  S3Fixture local;
  write_file(local.folder / "empty", "");
  const S3TransferOptions options{.multipart_threshold = 0};
  CHECK(local.s3.upload({.from = local.folder / "empty", .to = "s3://bucket/empty", .options = options})
            .objects == 1);
  CHECK(local.s3.head_object({.bucket = "bucket", .key = "empty"}).content_length == 0);
}

TEST_CASE("a copy by prefix names its objects as a download does, and never copies its own copies") {
  S3Fixture local;
  for (const char* key : {"d/data/a", "d/data2/x"})
    local.s3.put_object({.bucket = "bucket", .key = key, .body = key});
  const S3Copy by_prefix{.from = "s3://bucket/d/data", .to = "s3://bucket/e", .scope = S3Scope::prefix};
  CHECK(local.s3.copy(by_prefix).objects == 2);
  local.s3.download({.from = "s3://bucket/d/data", .to = local.folder / "e", .scope = S3Scope::prefix});
  CHECK(fs::exists(local.folder / "e/a"));
  CHECK(fs::exists(local.folder / "e/data2/x"));
  CHECK(keys(local.s3) == "d/data/a|d/data2/x|e/a|e/data2/x|");
  for (int round = 0; round < 2; ++round) {
    CHECK(local.s3.copy({.from = "s3://bucket/d/", .to = "s3://bucket/d/copy/"}).objects == 2);
    CHECK(keys(local.s3) == "d/copy/data/a|d/copy/data2/x|d/data/a|d/data2/x|e/a|e/data2/x|");
  }
}

TEST_CASE("where the system gives no threads the caller's thread does the work") {
  S3Fixture local;
  pthread_attr_t usual, impossible;
  REQUIRE(::pthread_getattr_default_np(&usual) == 0);
  REQUIRE(::pthread_attr_init(&impossible) == 0);
  REQUIRE(::pthread_attr_setstacksize(&impossible, std::size_t{1} << 50) == 0);
  REQUIRE(::pthread_setattr_default_np(&impossible) == 0);
  CHECK_THROWS_AS(std::thread([] {}), std::system_error);
  std::istringstream stream(pattern_bytes(16 * mib));
  const S3UploadStream upload{.reader = s3_reader(stream), .to = "s3://bucket/stream"};
  CHECK(local.s3.upload_stream(upload).bytes == 16 * mib);
  ::pthread_setattr_default_np(&usual);
  ::pthread_attr_destroy(&usual);
  ::pthread_attr_destroy(&impossible);
  CHECK((local.s3.get_object({.bucket = "bucket", .key = "stream"}).body == pattern_bytes(16 * mib)));
}

TEST_CASE("progress of a folder is a line of text and a bar") {
  S3Progress progress{135 * mib, 300 * mib, 3, 10, true, 95.5 * static_cast<double>(mib)};
  CHECK(s3_progress_text(progress) == "45% 135.0 MiB of 300.0 MiB, 3 of 10 files, 95.5 MiB/s, 00:01 left");
  CHECK(S3ProgressBar::line(progress).starts_with("[#########           ] 45% "));
  progress.total_known = false;
  CHECK(s3_progress_text(progress) == "135.0 MiB of 300.0 MiB or more, 3 of 10 files, 95.5 MiB/s");
  progress.finished = progress.total_known = true;
  progress.bytes_done = progress.bytes_total;
  progress.elapsed = std::chrono::seconds(3);
  CHECK(s3_progress_text(progress) == "100% 300.0 MiB of 300.0 MiB, 3 of 10 files, 100.0 MiB/s, took 00:03");
}

TEST_CASE("a prefix is deleted in one go") {
  S3Fixture local;
  for (const char* key : {"p/a", "p/b", "q/c"})
    local.s3.put_object({.bucket = "bucket", .key = key, .body = ""});
  CHECK(local.s3.delete_prefix({.bucket = "bucket", .prefix = "p/"}).deleted == 2);
  CHECK(keys(local.s3) == "q/c|");
}
