// Checksums against their published check values, in pieces and put together.
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/s3/checksum.hpp"

using namespace sagemaker::local::services::s3;

namespace {

std::string raw(Algorithm algorithm, std::string_view text) {
  Checksum checksum(algorithm);
  checksum.update(text);
  return checksum.finish();
}

std::string hex(const std::string& bytes) {
  return sagemaker::aws::to_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

}  // namespace

TEST_CASE("every algorithm gives its published check value") {
  CHECK(hex(raw(Algorithm::crc32, "123456789")) == "cbf43926");
  CHECK(hex(raw(Algorithm::crc32c, "123456789")) == "e3069283");
  CHECK(hex(raw(Algorithm::crc64nvme, "123456789")) == "ae8b14860a799888");
  CHECK(hex(raw(Algorithm::sha1, "abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex(raw(Algorithm::sha256, "abc")) == sagemaker::aws::sha256_hex("abc"));
  CHECK(hex(raw(Algorithm::crc64nvme, "")) == "0000000000000000");
}

TEST_CASE("pieces of any length give the same checksum as the whole") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 31 % 256);
  for (const Algorithm algorithm : algorithms) {
    const std::string whole = raw(algorithm, text);
    for (const std::size_t piece : {1u, 3u, 8u, 13u, 999u}) {
      Checksum checksum(algorithm);
      for (std::size_t at = 0; at < text.size(); at += piece)
        checksum.update(std::string_view(text).substr(at, piece));
      CHECK(checksum.finish() == whole);
    }
  }
}

TEST_CASE("checksums of parts put together are the checksum of the whole") {
  std::string text;
  for (int i = 0; i < 70'001; ++i) text += static_cast<char>(i * 7 % 251);
  for (const Algorithm algorithm : {Algorithm::crc32, Algorithm::crc32c, Algorithm::crc64nvme}) {
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{65'536}, text.size()}) {
      const std::string_view head = std::string_view(text).substr(0, cut);
      const std::string_view tail = std::string_view(text).substr(cut);
      CHECK(combine(algorithm, raw(algorithm, head), raw(algorithm, tail), tail.size()) ==
            raw(algorithm, text));
    }
  }
  CHECK_THROWS(combine(Algorithm::sha1, "", "", 0));
}

TEST_CASE("names are found without regard to case") {
  CHECK(algorithm_named("crc64nvme") == Algorithm::crc64nvme);
  CHECK(algorithm_named("SHA256") == Algorithm::sha256);
  CHECK_FALSE(algorithm_named("MD5"));
  CHECK_FALSE(algorithm_named(""));
}

TEST_CASE("any length at any address gives the same as byte after byte") {
  std::string bytes(5000, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  for (const Algorithm algorithm : {Algorithm::crc32, Algorithm::crc32c, Algorithm::crc64nvme}) {
    for (const std::size_t start : {0u, 1u, 7u}) {
      for (const std::size_t length : {0u, 1u, 8u, 63u, 255u, 256u, 257u, 319u, 320u, 1000u, 4099u}) {
        const std::string_view piece = std::string_view(bytes).substr(start, length);
        Checksum single(algorithm);
        for (std::size_t i = 0; i < length; ++i) single.update(piece.substr(i, 1));
        CAPTURE(length);
        CHECK(hex(single.finish()) == hex(raw(algorithm, piece)));
      }
    }
  }
}
