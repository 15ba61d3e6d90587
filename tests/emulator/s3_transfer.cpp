// One object of any size, both ways: parts, checksums, failures in the middle, and going on after them.
#include "tests/emulator/s3_fixture.hpp"

#include <mutex>
#include <set>
#include <sstream>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sagemaker;
using namespace sagemaker::tests;

namespace {

bool is_part(const aws::HttpRequest& request) {
  return request.method == "PUT" && request.target.find("partNumber=") != std::string::npos;
}
bool is_range(const aws::HttpRequest& request) {
  return request.method == "GET" && request.headers.contains("Range");
}

S3TransferOptions small_parts() { return {.part_size = 5 * mib}; }

// The largest memory of a child process that does the work, in MiB.
template <class Work>
long child_memory_mib(Work&& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  int status = 0;
  rusage usage{};
  REQUIRE(::wait4(child, &status, 0, &usage) == child);
  REQUIRE(status == 0);
  return usage.ru_maxrss / 1024;
}

}  // namespace

TEST_CASE("a large file goes in parts and comes back as it was, with every algorithm of checksums") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(17 * mib + 12345);
  write_file(local.folder / "file", bytes);
  for (const S3ChecksumAlgorithm algorithm : aws::checksum_algorithms) {
    for (const bool composite : {false, true}) {
      if (composite && algorithm == S3ChecksumAlgorithm::crc64nvme) continue;
      if (!composite && !aws::is_crc(algorithm)) continue;
      CAPTURE(aws::name_of(algorithm));
      const auto type = composite ? S3ChecksumType::composite : S3ChecksumType::full_object;
      const S3TransferResult up = local.s3.upload({.from = local.folder / "file",
                                                   .to = "s3://bucket/key",
                                                   .metadata = {{"made-by", "test"}},
                                                   .checksum = algorithm,
                                                   .checksum_type = type,
                                                   .options = small_parts()});
      CHECK(up.objects == 1);
      CHECK(up.bytes == bytes.size());
      const S3ObjectInfo stored = local.s3.head_object({.bucket = "bucket", .key = "key"});
      CHECK(stored.content_length == bytes.size());
      CHECK(stored.etag.ends_with("-4\""));
      const std::string checksum = stored.headers.get(aws::header_of(algorithm));
      CHECK(checksum.ends_with("-4") == composite);
      if (!composite) CHECK(checksum == aws::checksum_base64(algorithm, bytes));
      CHECK(stored.metadata.at("made-by") == "test");
      const S3TransferResult down = local.s3.download(
          {.from = "s3://bucket/key", .to = local.folder / "back", .options = small_parts()});
      CHECK(down.bytes == bytes.size());
      CHECK((read_file(local.folder / "back") == bytes));
      CHECK(entries_in(local.folder.path()) == 2);
    }
  }
  CHECK(local.unfinished_uploads() == 0);
}

TEST_CASE("300 MiB both ways take the memory of a few pieces") {
  S3Fixture local;
  {
    std::ofstream file(local.folder / "large", std::ios::binary);
    for (std::uint64_t block = 0; block < 75; ++block) {
      file.seekp(static_cast<std::streamoff>(block * 4 * mib));
      file << pattern_bytes(64 * 1024, block);
    }
  }
  std::filesystem::resize_file(local.folder / "large", 300 * mib);
  const long idle = child_memory_mib([] {});
  const long used = child_memory_mib([&] {
    const S3Client s3(local.emulator.config());
    s3.upload({.from = local.folder / "large", .to = "s3://bucket/large"});
    s3.download({.from = "s3://bucket/large", .to = local.folder / "back"});
  });
#ifdef __SANITIZE_ADDRESS__
  const long few_pieces = 150;  // what was freed is kept for a while, to catch who uses it
#else
  const long few_pieces = 40;
#endif
  CHECK(used - idle < few_pieces);
  CHECK(std::filesystem::file_size(local.folder / "back") == 300 * mib);
  CHECK(aws::checksum_base64(S3ChecksumAlgorithm::crc32, read_file(local.folder / "back")) ==
        local.crc32_of("large"));
}

TEST_CASE("a part that fails twice is sent a third time; one that fails for good aborts the upload") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(16 * mib));
  std::atomic<int> failures{0};
  SUBCASE("twice") {
    local.transport->before = [&](const aws::HttpRequest& request) {
      if (is_part(request) && request.target.find("partNumber=2") != std::string::npos && failures++ < 2) {
        throw TransportError(TransportError::Kind::reset, "scripted");
      }
    };
    local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .options = small_parts()});
    CHECK(failures == 3);
    CHECK(local.s3.head_object({.bucket = "bucket", .key = "key"}).content_length == 16 * mib);
  }
  SUBCASE("for good") {
    local.transport->before = [&](const aws::HttpRequest& request) {
      if (is_part(request) && request.target.find("partNumber=3") != std::string::npos) {
        throw TransportError(TransportError::Kind::reset, "scripted");
      }
    };
    CHECK_THROWS_WITH_AS(
        local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .options = small_parts()}),
        "scripted", TransportError);
    CHECK(local.unfinished_uploads() == 0);
    CHECK_FALSE(local.s3.object_exists({.bucket = "bucket", .key = "key"}));
  }
  SUBCASE("a service that asks for less") {
    local.transport->after = [&](const aws::HttpRequest& request, aws::HttpResponse& response) {
      if (!is_part(request) || failures++ >= 2) return;
      response = {503, "Slow Down", {}, "<Error><Code>SlowDown</Code><Message>m</Message></Error>"};
    };
    local.s3.upload({.from = local.folder / "file",
                     .to = "s3://bucket/key",
                     .options = {.threads = 1, .part_size = 5 * mib}});
    CHECK(failures == 6);
  }
}

TEST_CASE("what S3 stored must have the checksum of what was sent") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(11 * mib));
  local.transport->after = [](const aws::HttpRequest& request, aws::HttpResponse& response) {
    if (is_part(request)) response.headers.set("x-amz-checksum-crc32", "AAAAAA==");
  };
  CHECK_THROWS_AS(local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"}), ChecksumError);
  CHECK(local.unfinished_uploads() == 0);
}

TEST_CASE("a download of other bytes than those stored is an error and leaves the old file") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(11 * mib));
  write_file(local.folder / "target", "old");
  for (const auto type : {S3ChecksumType::full_object, S3ChecksumType::composite}) {
    local.transport->after = nullptr;
    local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .checksum_type = type});
    local.transport->after = [&](const aws::HttpRequest& request, aws::HttpResponse& response) {
      if (request.method != "HEAD") return;
      response.headers.set("x-amz-checksum-crc32",
                           type == S3ChecksumType::composite ? "AAAAAA==-2" : "AAAAAA==");
    };
    CHECK_THROWS_AS(local.s3.download({.from = "s3://bucket/key", .to = local.folder / "target"}),
                    ChecksumError);
    CHECK(read_file(local.folder / "target") == "old");
    CHECK(entries_in(local.folder.path()) == 2);
  }
}

TEST_CASE("an object that changes while it is downloaded is no mixture of both") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(20 * mib));
  local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"});
  const S3Client other(local.emulator.config());
  std::atomic<int> ranges{0};
  local.transport->before = [&](const aws::HttpRequest& request) {
    if (!is_range(request) || ranges++ != 1) return;
    other.put_object({.bucket = "bucket", .key = "key", .body = pattern_bytes(20 * mib, 2)});
  };
  CHECK_THROWS_WITH_AS(local.s3.download({.from = "s3://bucket/key",
                                          .to = local.folder / "target",
                                          .options = {.threads = 1, .part_size = 5 * mib}}),
                       doctest::Contains("s3://bucket/key changed while it was downloaded"),
                       ChangedWhileTransferred);
  CHECK(entries_in(local.folder.path()) == 1);
}

TEST_CASE("a file that changes while it is uploaded is not stored") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(12 * mib));
  std::atomic<bool> done{false};
  local.transport->after = [&](const aws::HttpRequest& request, aws::HttpResponse&) {
    if (is_part(request) && !done.exchange(true)) {
      std::ofstream(local.folder / "file", std::ios::binary | std::ios::app) << "more";
    }
  };
  CHECK_THROWS_AS(local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"}),
                  ChangedWhileTransferred);
  CHECK(local.unfinished_uploads() == 0);
}

TEST_CASE("a range that breaks off in the middle is fetched again") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(12 * mib);
  write_file(local.folder / "file", bytes);
  local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"});
  std::atomic<int> broken{0};
  local.transport->before = [&](const aws::HttpRequest& request) {
    if (!is_range(request) || broken++ >= 2) return;
    aws::HttpResponse head{206, "Partial Content", {}, ""};
    const std::string range = request.headers.get("Range").substr(6);
    head.headers.set("Content-Range", "bytes " + range + "/" + std::to_string(bytes.size()));
    request.sink->start(head);
    request.sink->write("these are not the bytes");
    throw TransportError(TransportError::Kind::reset, "scripted");
  };
  local.s3.download({.from = "s3://bucket/key", .to = local.folder / "back"});
  CHECK(broken >= 4);
  CHECK((read_file(local.folder / "back") == bytes));
}

TEST_CASE(
    "an interrupted upload goes on with the parts that S3 has, after they were compared with the file") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(32 * mib);
  write_file(local.folder / "file", bytes);
  S3TransferOptions options = small_parts();
  options.threads = 1;
  options.resume = true;
  options.state_folder = local.folder / "state";
  std::atomic<int> sent{0};
  const auto upload = [&] {
    local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .options = options});
  };
  local.transport->before = [&](const aws::HttpRequest& request) {
    if (is_part(request) && sent++ >= 4) throw TransportError(TransportError::Kind::connect, "gone");
  };
  CHECK_THROWS_AS(upload(), TransportError);
  CHECK(local.unfinished_uploads() == 1);
  CHECK(entries_in(local.folder / "state") == 1);
  sent = 0;
  local.transport->before = [&](const aws::HttpRequest& request) { sent += is_part(request) ? 1 : 0; };
  int expected = 3;
  SUBCASE("as it was") {}
  SUBCASE("a part in S3 is not what the file has there") {
    for (const auto& begun : local.s3.list_multipart_uploads({.bucket = "bucket"})) {
      const S3UploadId id{"bucket", "key", begun.upload_id};
      local.s3.upload_part({.upload = id,
                            .part_number = 2,
                            .body = std::make_shared<aws::BytesSource>(pattern_bytes(5 * mib, 9))});
    }
    sent = 0;
    expected = 4;
  }
  SUBCASE("the upload was aborted meanwhile") {
    for (const auto& begun : local.s3.list_multipart_uploads({.bucket = "bucket"})) {
      local.s3.abort_multipart_upload({"bucket", "key", begun.upload_id});
    }
    expected = 7;
  }
  SUBCASE("the file is another one") {
    std::filesystem::last_write_time(local.folder / "file", std::filesystem::file_time_type::clock::now());
    expected = 7;
  }
  upload();
  CHECK(sent == expected);
  CHECK(local.unfinished_uploads() == 0);
  CHECK(entries_in(local.folder / "state") == 0);
  CHECK(local.crc32_of("key") == aws::checksum_base64(S3ChecksumAlgorithm::crc32, bytes));
}

TEST_CASE("an interrupted download goes on, and trusts no range that is not as it was noted") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(32 * mib);
  write_file(local.folder / "file", bytes);
  local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"});
  std::filesystem::create_directory(local.folder / "to");
  S3TransferOptions options = small_parts();
  options.threads = 1;
  options.resume = true;
  std::atomic<int> fetched{0};
  const auto download = [&] {
    local.s3.download({.from = "s3://bucket/key", .to = local.folder / "to/", .options = options});
  };
  // Killed in the middle: nothing of the program's own runs any more.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    local.transport = std::make_shared<MeddlingTransport>();
    local.s3 = local.client();
    local.transport->before = [&](const aws::HttpRequest& request) {
      if (is_range(request) && fetched++ == 4) ::kill(::getpid(), SIGKILL);
    };
    download();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(entries_in(local.folder / "to") == 2);  // the bytes and the journal
  local.transport->before = [&](const aws::HttpRequest& request) { fetched += is_range(request) ? 1 : 0; };
  int expected = 3;
  SUBCASE("as it was") {}
  SUBCASE("the bytes on the disk were damaged") {
    for (const auto& entry : std::filesystem::directory_iterator(local.folder / "to")) {
      if (entry.path().extension() != ".part") continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(6 * mib));
      file << "damage";
    }
    expected = 4;
  }
  download();
  CHECK(fetched == expected);
  CHECK((read_file(local.folder / "to/key") == bytes));
  CHECK(entries_in(local.folder / "to") == 1);
}

TEST_CASE("a transfer that is cancelled stops, says so and leaves nothing behind") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(40 * mib));
  std::stop_source stop;
  S3TransferOptions options = small_parts();
  options.stop = stop.get_token();
  std::atomic<int> parts{0};
  local.transport->before = [&](const aws::HttpRequest& request) {
    if ((is_part(request) || is_range(request)) && parts++ == 2) stop.request_stop();
  };
  CHECK_THROWS_AS(
      local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .options = options}),
      TransferCancelled);
  CHECK(local.unfinished_uploads() == 0);
  local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"});
  stop = std::stop_source();
  options.stop = stop.get_token();
  parts = 0;
  CHECK_THROWS_AS(
      local.s3.download({.from = "s3://bucket/key", .to = local.folder / "back", .options = options}),
      TransferCancelled);
  CHECK(entries_in(local.folder.path()) == 1);
}

TEST_CASE("progress counts what arrived once, whatever had to be sent again") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(20 * mib));
  std::vector<S3Progress> seen;
  std::mutex one_at_a_time;
  S3TransferOptions options = small_parts();
  options.progress = [&](const S3Progress& progress) {
    const std::unique_lock lock(one_at_a_time, std::try_to_lock);
    CHECK(lock.owns_lock());
    seen.push_back(progress);
  };
  std::atomic<int> failures{0};
  local.transport->after = [&](const aws::HttpRequest& request, aws::HttpResponse& response) {
    if (is_part(request) && failures++ < 2) response = {500, "Internal Server Error", {}, ""};
  };
  local.s3.upload({.from = local.folder / "file", .to = "s3://bucket/key", .options = options});
  REQUIRE(!seen.empty());
  CHECK(seen.back().finished);
  CHECK(seen.back().bytes_done == 20 * mib);
  CHECK(seen.back().bytes_total == 20 * mib);
  CHECK(seen.back().objects_done == 1);
  for (const S3Progress& progress : seen) CHECK(progress.bytes_done <= progress.bytes_total);
}

TEST_CASE("streams of unknown length are stored whole, in one request or in parts") {
  S3Fixture local;
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1000}, 5 * mib, 5 * mib + 1, 23 * mib}) {
    CAPTURE(size);
    const std::string bytes = pattern_bytes(size);
    std::istringstream stream(bytes);
    const S3TransferResult result = local.s3.upload_stream(
        {.reader = s3_reader(stream), .to = "s3://bucket/stream", .options = small_parts()});
    CHECK(result.bytes == size);
    std::string back;
    local.s3.get_object_to({.bucket = "bucket", .key = "stream"},
                           [&](std::string_view piece) { back += piece; });
    CHECK((back == bytes));
  }
  int calls = 0;
  CHECK_THROWS_WITH_AS(local.s3.upload_stream({.reader = [&](char* buffer, std::size_t size) -> std::size_t {
                                                 if (++calls > 1)
                                                   throw std::runtime_error("the source is gone");
                                                 std::memset(buffer, 0, size);
                                                 return size;
                                               },
                                               .to = "s3://bucket/never",
                                               .options = small_parts()}),
                       "the source is gone", std::runtime_error);
  CHECK(local.unfinished_uploads() == 0);
  CHECK_FALSE(local.s3.object_exists({.bucket = "bucket", .key = "never"}));
}

TEST_CASE("bodies that are read once are signed chunk by chunk, as the emulator verifies") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(700'001);
  for (const S3ChecksumAlgorithm algorithm : aws::checksum_algorithms) {
    std::istringstream stream(bytes);
    local.s3.put_object({.bucket = "bucket",
                         .key = "k",
                         .reader = s3_reader(stream),
                         .content_length = bytes.size(),
                         .checksum = algorithm});
    const GetObjectOutput got = local.s3.get_object({.bucket = "bucket", .key = "k"});
    CHECK((got.body == bytes));
    CHECK(got.info.headers.get(aws::header_of(algorithm)) == aws::checksum_base64(algorithm, bytes));
  }
}

TEST_CASE("a copy inside S3 keeps what belongs to the object, in one request or in parts") {
  S3Fixture local;
  const std::string bytes = pattern_bytes(12 * mib);
  write_file(local.folder / "file", bytes);
  local.s3.upload({.from = local.folder / "file",
                   .to = "s3://bucket/from/one",
                   .content_type = "text/plain",
                   .metadata = {{"a", "b"}}});
  for (const bool parts : {false, true}) {
    S3TransferOptions options;
    options.multipart_threshold = parts ? 5 * mib : 5ull << 30;
    options.part_size = 5 * mib;
    local.s3.copy({.from = "s3://bucket/from/one", .to = "s3://bucket/to", .options = options});
    const S3ObjectInfo info = local.s3.head_object({.bucket = "bucket", .key = "to"});
    CHECK(info.content_type == "text/plain");
    CHECK(info.metadata.at("a") == "b");
    CHECK((local.s3.get_object({.bucket = "bucket", .key = "to"}).body == bytes));
    CHECK(info.etag.ends_with("-3\"") == parts);
  }
  local.s3.copy({.from = "s3://bucket/from", .to = "s3://bucket/folder"});
  CHECK(local.s3.object_exists({.bucket = "bucket", .key = "folder/one"}));
}

TEST_CASE("a copy in parts does what its headers say of source and target, as one request does") {
  S3Fixture local;
  write_file(local.folder / "file", pattern_bytes(6 * mib));
  local.s3.upload({.from = local.folder / "file",
                   .to = "s3://bucket/from",
                   .metadata = {{"old", "1"}},
                   .tags = {{"old", "1"}}});
  const std::string owner = local.emulator.session().account_id();
  for (const bool parts : {false, true}) {
    CAPTURE(parts);
    S3Copy copy{.from = "s3://bucket/from", .to = "s3://bucket/to", .scope = S3Scope::object};
    if (parts) copy.options = {.multipart_threshold = 5 * mib, .part_size = 5 * mib};
    copy.headers.set("x-amz-source-expected-bucket-owner", "999999999999");
    CHECK_THROWS_AS(local.s3.copy(copy), ServiceError);
    copy.headers = {{"x-amz-source-expected-bucket-owner", owner},
                    {"x-amz-metadata-directive", "REPLACE"},
                    {"x-amz-tagging-directive", "REPLACE"},
                    {"x-amz-meta-new", "2"},
                    {"x-amz-tagging", "new=2"},
                    {"Content-Type", "text/x-new"}};
    std::atomic<int> checked{0};
    local.transport->before = [&](const aws::HttpRequest& request) {
      if (request.headers.get("x-amz-source-expected-bucket-owner") == owner) ++checked;
    };
    local.s3.copy(copy);
    local.transport->before = nullptr;
    CHECK(checked == (parts ? 2 : 1));
    const S3ObjectInfo info = local.s3.head_object({.bucket = "bucket", .key = "to"});
    CHECK(info.etag.ends_with("-2\"") == parts);
    CHECK(info.metadata == std::map<std::string, std::string>{{"new", "2"}});
    CHECK(info.content_type == "text/x-new");
    CHECK(local.s3.get_object_tagging({.bucket = "bucket", .key = "to"}) == S3Tags{{"new", "2"}});
  }
}

TEST_CASE("a download that cannot begin leaves no temporary file") {
  const TemporaryDirectory folder;
  CHECK_THROWS_AS(detail::PartialFile({folder / "file", 1ull << 63, ""}), std::system_error);
  CHECK(entries_in(folder.path()) == 0);
}

TEST_CASE("part sizes grow so that 10,000 are enough, and what is too large is refused") {
  CHECK(detail::PartPlan(100 * mib, 8 * mib, "x").size == 8 * mib);
  CHECK(detail::PartPlan(100 * mib, 1, "x").size == 5 * mib);
  const detail::PartPlan largest(5ull << 40, 8 * mib, "x");
  CHECK(largest.count() <= 10'000);
  CHECK(largest.offset(largest.count() - 1) + largest.length(largest.count() - 1) == 5ull << 40);
  CHECK_THROWS_AS(detail::PartPlan((5ull << 40) + 1, 8 * mib, "x"), Error);
}

TEST_CASE("over TLS the checksum follows the bytes, which are read once") {
  const LocalEmulator emulator({.arguments = {"--durability", "process"}, .tls = true});
  const S3Client s3(emulator.config());
  const TemporaryDirectory folder;
  const std::string bytes = pattern_bytes(17 * mib + 1);
  write_file(folder / "file", bytes);
  s3.create_bucket("bucket");
  for (const S3ChecksumAlgorithm algorithm : {S3ChecksumAlgorithm::crc64nvme, S3ChecksumAlgorithm::sha256}) {
    for (const std::uint64_t threshold : {5 * mib, 100 * mib}) {
      s3.upload({.from = folder / "file",
                 .to = "s3://bucket/key",
                 .checksum = algorithm,
                 .options = {.multipart_threshold = threshold, .part_size = 5 * mib}});
      s3.download({.from = "s3://bucket/key", .to = folder / "back", .options = {.part_size = 5 * mib}});
      CHECK((read_file(folder / "back") == bytes));
    }
  }
}

TEST_CASE("a server that knows no checksums gets none") {
  S3Fixture local;
  ClientConfig config = local.emulator.config();
  auto environment = std::make_shared<aws::FixedEnvironment>();
  environment->variables["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required";
  environment->variables["AWS_RESPONSE_CHECKSUM_VALIDATION"] = "when_required";
  config.environment = environment;
  config.transport = local.transport;
  const S3Client s3(config);
  const std::string bytes = pattern_bytes(11 * mib);
  write_file(local.folder / "file", bytes);
  local.transport->before = [](const aws::HttpRequest& request) {
    for (const aws::Header& field : request.headers) {
      if (field.name.find("checksum") == std::string::npos && field.name != "x-amz-trailer") continue;
      throw Error("a request carries " + field.name);
    }
  };
  s3.upload({.from = local.folder / "file", .to = "s3://bucket/key"});
  s3.download({.from = "s3://bucket/key", .to = local.folder / "back"});
  CHECK((read_file(local.folder / "back") == bytes));
}
