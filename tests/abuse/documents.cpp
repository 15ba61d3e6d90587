// Signed requests with hostile content: deep or broken JSON, documents that are too large, bodies that must
// be stored as they are, keys that look like paths.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

RawResponse send(const Target& target, const Call& call) {
  return RawSocket(target.port()).exchange(call.text());
}

}  // namespace

TEST_CASE("broken and hostile JSON is refused as AWS does") {
  const auto target = emulator_target();
  if (!target) return;
  const std::vector<std::string> documents = {
      "{",
      "[]",
      "nonsense",
      "{\"a\":}",
      "\"text\"",
      "{} {}",
      std::string("{\"a\":\"\0\"}", 9),
      std::string("{}\0", 3),
      std::string("{}\0{\"a\":1}", 10),
      "{\"NameContains\":\"\xff\xfe\"}",
      std::string(100'000, '['),
      std::string(100'000, '[') + std::string(100'000, ']'),
  };
  for (const std::string& document : documents) {
    CAPTURE(document.substr(0, 40));
    const auto response = send(*target, json_call("SageMaker.ListTrainingJobs", document));
    CHECK(response.status == 400);
    CHECK(response.body.find("SerializationException") != std::string::npos);
  }
  std::string deep = "{\"Tags\":";
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  CHECK(
      send(*target, json_call("SageMaker.ListTrainingJobs", deep + "1" + std::string(100'001, '}'))).status ==
      400);
  for (const std::string value : {"1e400", "123456789012345678901234567890", "-0", "[5]"}) {
    const auto response =
        send(*target, json_call("SageMaker.ListTrainingJobs", "{\"MaxResults\":" + value + "}"));
    CAPTURE(value);
    CHECK(response.status == 400);
  }
  CHECK(target->answers());
}

TEST_CASE("a document of 100 MB is refused without being read") {
  const auto target = emulator_target();
  if (!target) return;
  const long before = target->resident_kb();
  RawSocket client(target->port());
  client.send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\n"
      "Content-Type: application/x-amz-json-1.1\r\nContent-Length: 104857600\r\n\r\n");
  CHECK(client.receive().status == 413);
  CHECK(target->resident_kb() - before < 16 * 1'024);
  CHECK(target->answers());
}

TEST_CASE("a compressed body is stored as it is, bomb or not") {
  const auto target = emulator_target();
  if (!target) return;
  CHECK(send(*target, s3_call("PUT", "/bucket")).status == 200);
  // A gzip stream that says that it unpacks to nearly 4 GB; nobody may find out.
  const std::string bomb(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7\x4f\x00\x00\x00\xff"
      "\xff",
      27);
  Call put = s3_call("PUT", "/bucket/bomb.gz", bomb);
  put.headers = {{"Content-Encoding", "gzip"}};
  CHECK(send(*target, put).status == 200);
  const auto response = send(*target, s3_call("GET", "/bucket/bomb.gz"));
  CHECK(response.status == 200);
  CHECK(response.body == bomb);
  CHECK(response.headers.get("Content-Encoding") == "gzip");
}

TEST_CASE("keys that look like paths are names") {
  const auto target = emulator_target();
  if (!target) return;
  CHECK(send(*target, s3_call("PUT", "/bucket")).status == 200);
  for (const std::string key : {"../../etc/passwd", "a/../b", "%2e%2e/x", "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                                "trailing/", "%F0%9F%8E%89", "a//b", "%0D%0A", "-rf", "a%27%22%3B%60"}) {
    CAPTURE(key);
    const auto put = send(*target, s3_call("PUT", "/bucket/" + key, key));
    CHECK(put.status == 200);
    CHECK(send(*target, s3_call("GET", "/bucket/" + key)).body == key);
  }
  CHECK(send(*target, s3_call("PUT", "/bucket/" + std::string(1'025, 'k'), "x")).status == 400);
  CHECK(send(*target, s3_call("PUT", "/bucket/" + std::string(1'024, 'k'), "x")).status == 200);
  const auto listing = send(*target, s3_call("GET", "/bucket"));
  CHECK(listing.status == 200);
  CHECK(listing.body.find("root:") == std::string::npos);
}
