// Random bytes and mutated requests, from a fixed seed that every failure prints: whatever arrives, the
// server answers with a client error or closes, and goes on serving.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kSeeds = {
    "GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    "PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
    "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\nContent-Length: 2\r\n\r\n{}",
    "GET "
    "/bucket/"
    "key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0 HTTP/1.1\r\n"
    "Host: localhost\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: AWS4-HMAC-SHA256 "
    "Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: "
    "0\r\n\r\n",
};

std::string mutated(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t size) {
    return std::uniform_int_distribution<std::size_t>(0, size - 1)(random);
  };
  const std::vector<std::string> pieces = {
      "\r\n", "\n", "\r", std::string(1, '\0'),   ":",       " ",        "\t", "%", "%00", "..", "/",
      "\xff", "0",  "-1", "99999999999999999999", "chunked", "\r\n\r\n", "?",  "&", "="};
  const std::size_t changes = 1 + below(4);
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 2:
        text.erase(at, 1 + below(8));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), 1 + below(40)));
        break;
      case 4:
        text.resize(at);
        break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("mutated requests and random bytes do no harm") {
  const auto target = each_target();
  if (!target) return;
  const unsigned seed = 20'260'301;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 3'000; ++i) {
    CAPTURE(i);
    std::string text = mutated(kSeeds[static_cast<std::size_t>(i) % kSeeds.size()], random);
    if (i % 10 == 0) {
      for (char& c : text) c = static_cast<char>(random());
    }
    RawSocket client(target->port());
    client.send(text);
    client.finish_sending();
    const auto response = client.receive(text.starts_with("HEAD "));
    CHECK(response.status != 500);
    if (i % 500 == 0) CHECK(target->answers());
  }
  CHECK(target->answers());
}
