// Bytes on their way in: their MD5 is theirs however they come, on one thread or behind it on another.
#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/store/background_md5.hpp"
#include "emulator/store/file.hpp"
#include "emulator/store/objects.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::store;
using sagemaker::json;
using sagemaker::tests::TemporaryDirectory;

namespace {

std::string md5_hex(std::string_view text) {
  sagemaker::aws::Md5 md5;
  md5.update(text);
  return sagemaker::aws::to_hex(md5.finish());
}

std::string some_bytes(std::size_t size) {
  std::mt19937 random(7);
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  return bytes;
}

struct BlobStore {
  TemporaryDirectory directory;
  Database database{directory / "data.db", Objects::schema(), Durability::process};
  Objects objects{database, directory / "objects", Durability::process};
};

}  // namespace

TEST_CASE_FIXTURE(BlobStore, "large or small, in large pieces or small ones: bytes and MD5 are right") {
  const std::string bytes = some_bytes(5'000'003);
  REQUIRE(objects.create_bucket({"b", "us-east-1", 1}));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{262'144}, std::size_t{262'145},
                                 std::size_t{1'048'577}, bytes.size()}) {
    for (const std::size_t piece : {std::size_t{999}, std::size_t{65'536}, std::size_t{3'000'000}}) {
      const std::string_view text = std::string_view(bytes).substr(0, size);
      std::unique_ptr<BlobWriter> blob = objects.new_blob();
      for (std::size_t at = 0; at < size; at += piece) {
        blob->append(text.substr(at, piece));
        if (at == 2 * piece) CHECK(blob->md5_hex() == md5_hex(text.substr(0, at + piece)));
      }
      CHECK(blob->size() == size);
      const ObjectInfo info{"k", size, blob->md5_hex(), 1, json::object(), ""};
      CHECK(info.etag == md5_hex(text));
      const ObjectInfo stored = objects.put("b", info, std::move(blob));
      std::string read;
      File::open_to_read(objects.blob_path(stored)).read(0, size, [&](std::string_view part) {
        read += part;
      });
      CHECK(read == text);
    }
  }
}

TEST_CASE("more hashes at once than there are processors are all right") {
  const std::string bytes = some_bytes(3'000'000);
  const std::string expected = md5_hex(bytes);
  std::vector<std::string> found(2 * std::thread::hardware_concurrency() + 2);
  std::vector<std::thread> threads;
  for (std::string& result : found) {
    threads.emplace_back([&] {
      BackgroundMd5 md5;
      for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
        md5.update(std::string_view(bytes).substr(at, 100'000));
      }
      result = md5.hex();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : found) CHECK(result == expected);
}

TEST_CASE("a hash that nobody asks for ends with its stream") {
  const std::string bytes = some_bytes(4'000'000);
  for (int i = 0; i < 20; ++i) {
    BackgroundMd5 md5;
    for (std::size_t at = 0; at < bytes.size(); at += 500'000) {
      md5.update(std::string_view(bytes).substr(at, 500'000));
    }
  }
  BackgroundMd5 last;
  last.update(bytes);
  CHECK(last.hex() == md5_hex(bytes));
}
