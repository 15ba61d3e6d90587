// The aws-chunked decoder: the same bytes and the same verdict however the input is divided, never more than
// was announced, and what is encoded is decoded to itself.
#include <charconv>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/s3_chunked.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using local::wire::ChunkedDecoder;
using local::wire::ChunkedFormat;

struct Outcome {
  std::string data, code;
  std::vector<std::string> trailers;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(const ChunkedFormat& format, std::string_view input, int division) {
  Outcome outcome;
  local::S3Limits limits;
  limits.trailer_count_max = 4;
  limits.trailer_bytes_max = 256;
  std::string previous = "seed";
  const local::wire::ChunkVerifier verifier{
      [&](std::string_view signature, const std::string& hash) {
        require(hash.size() == 64, "a chunk's hash is a SHA-256");
        return signature != "wrong";
      },
      [&](std::string_view signature, const std::string&) { return signature != "wrong"; }};
  ChunkedDecoder decoder(format, verifier, limits);
  try {
    in_pieces(input, division, [&](std::string_view piece) {
      decoder.push(piece, [&](std::string_view data) { outcome.data.append(data); });
    });
    decoder.finish();
    require(outcome.data.size() == format.decoded_length, "a whole body is as long as was announced");
    for (const auto& [name, value] : decoder.trailers()) outcome.trailers.push_back(name + ":" + value);
  } catch (const local::ServiceFault& fault) {
    require(fault.http_status() == 400 || fault.http_status() == 403, "a refusal is the client's fault");
    outcome.code = fault.code();
  }
  require(outcome.data.size() <= format.decoded_length, "no more is decoded than was announced");
  return outcome;
}

void check_divisions(const ChunkedFormat& format, std::string_view input) {
  const Outcome whole = decode(format, input, 0);
  for (int division = 1; division < divisions; ++division) {
    const Outcome divided = decode(format, input, division);
    require(whole.code == divided.code, "the verdict does not depend on how the input is divided");
    if (whole.code.empty()) require(whole == divided, "the data do not depend on how the input is divided");
  }
}

void check_encoded(ChunkedFormat format, std::string_view data) {
  format.decoded_length = data.size();
  const std::string extension = format.is_signed ? ";chunk-signature=0f" : "";
  std::string encoded;
  in_pieces(data, 2, [&](std::string_view piece) {
    char size[16];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    encoded.append(size, end).append(extension).append("\r\n").append(piece).append("\r\n");
  });
  encoded += "0" + extension + "\r\n";
  if (format.has_trailer) encoded += "x-amz-checksum-crc32:AAAAAA==\r\n";
  if (format.has_trailer && format.is_signed) encoded += "x-amz-trailer-signature:0f\r\n";
  encoded += "\r\n";
  for (int division = 0; division < divisions; ++division) {
    const Outcome outcome = decode(format, encoded, division);
    require(outcome.code.empty() && outcome.data == data, "what is encoded is decoded to itself");
    require(outcome.trailers.size() == (format.has_trailer ? 1u : 0u), "an announced trailer arrives");
  }
}

const Registered registered(
    {"aws_chunked",
     [](std::string_view input) {
       Choices choices(input);
       ChunkedFormat format;
       format.is_signed = choices.coin();
       format.has_trailer = choices.coin();
       format.decoded_length = choices.below(64);
       if (format.has_trailer) format.announced_trailers = {"x-amz-checksum-crc32"};
       check_divisions(format, input);
       check_encoded(format, input);
     },
     {"000\x05"
      "5\r\nhello\r\n0\r\n\r\n",
      std::string("\0\1\5", 3) + "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
      std::string("\1\0\5", 3) + "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n",
      std::string("\1\1\5", 3) + "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n"
                                 "x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:00\r\n\r\n"},
     {"\r\n", "0\r\n", "\r\n\r\n", ";chunk-signature=", "x-amz-checksum-crc32:", "x-amz-trailer-signature:",
      "wrong", "ffffffffffffffff"}});

}  // namespace
}  // namespace sagemaker::fuzz
