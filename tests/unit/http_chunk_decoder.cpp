// The chunked coding is removed for every division of the bytes, and refused where it is malformed.
#include <string>

#include <doctest/doctest.h>

#include "emulator/http/chunk_decoder.hpp"

using sagemaker::local::http::ChunkDecoder;
using sagemaker::local::http::ChunkError;

namespace {

struct Decoded {
  std::string data;
  std::size_t used = 0;
  bool done = false;
};

Decoded decode(const std::string& coded, std::size_t step = 1 << 20) {
  ChunkDecoder decoder;
  Decoded result;
  for (std::size_t at = 0; at < coded.size() && !decoder.done(); at += step) {
    result.used += decoder.feed(std::string_view(coded).substr(at, step),
                                [&](std::string_view piece) { result.data.append(piece); });
  }
  result.done = decoder.done();
  return result;
}

}  // namespace

TEST_CASE("chunks are joined, however the bytes arrive") {
  const std::string coded =
      "5\r\nhello\r\n1;name=\"value\"\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t step = 1; step <= coded.size(); ++step) {
    const Decoded result = decode(coded + "GET /next", step);
    CHECK(result.done);
    CHECK(result.data == "hello 0123456789");
    CHECK(result.used == coded.size());
  }
}

TEST_CASE("an empty body and capital digits are fine") {
  CHECK(decode("0\r\n\r\n").done);
  CHECK(decode("000\r\n\r\n").done);
  CHECK(decode("0a\r\n0123456789\r\n0\r\n\r\n").data == "0123456789");
}

TEST_CASE("a body without its last chunk is not done") {
  for (const std::string coded :
       {"", "5", "5\r\n", "5\r\nhell", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\n\r"}) {
    CAPTURE(coded);
    CHECK_FALSE(decode(coded).done);
  }
}

TEST_CASE("malformed chunks are refused") {
  for (const std::string coded :
       {"\r\n", "g\r\n", "-1\r\n", "+1\r\na\r\n", " 1\r\na\r\n", "0x1\r\na\r\n", "1 \r\na\r\n", "1\na\r\n",
        "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "FFFFFFFFFFFFFFFF\r\n", "10000000000000000\r\n",
        "8000000000000000\r\n", "1;a\rb\r\na\r\n", "0\r\nTrailer: x\n\r\n"}) {
    CAPTURE(coded);
    for (const std::size_t step : {std::size_t{1}, coded.size()})
      CHECK_THROWS_AS(decode(coded, step), ChunkError);
  }
}

TEST_CASE("size lines and trailers are bounded") {
  CHECK_THROWS_AS(decode("1;" + std::string(2'000, 'x')), ChunkError);
  CHECK_THROWS_AS(decode("1" + std::string(200'000, '0')), ChunkError);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1'000; ++i) trailers += "Name: a value that takes some room\r\n";
  CHECK_THROWS_AS(decode(trailers), ChunkError);
}
