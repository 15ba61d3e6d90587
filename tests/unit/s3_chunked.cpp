// The aws-chunked decoder: AWS's own example with its signatures, every way of cutting it, and hostile
// framing.
#include "emulator/wire/s3_chunked.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/sigv4.hpp>

#include "emulator/services/service_error.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::wire;
namespace aws = sagemaker::aws;

namespace {

struct Decoded {
  std::string bytes;
  std::string fault;  // the code of what was thrown
  std::vector<ChunkedDecoder::Trailer> trailers;
};

Decoded decode(const std::string& text, const ChunkedFormat& format, const ChunkVerifier& verifier = {},
               std::size_t piece = 1u << 20) {
  Decoded decoded;
  ChunkedDecoder decoder(format, verifier, S3Limits{});
  try {
    for (std::size_t at = 0; at < text.size(); at += piece) {
      decoder.push(std::string_view(text).substr(at, piece),
                   [&](std::string_view bytes) { decoded.bytes += bytes; });
    }
    decoder.finish();
  } catch (const ServiceFault& fault) {
    decoded.fault = fault.code();
  }
  decoded.trailers = decoder.trailers();
  return decoded;
}

// The example of "Signature calculations for the Authorization header: transferring payload in multiple
// chunks".
struct Example {
  aws::sigv4::ChunkContext context{
      aws::sigv4::signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3"),
      "20130524T000000Z",
      {"us-east-1", "s3"}};
  std::string previous = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  std::string text =
      "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
      std::string(65'536, 'a') +
      "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
      std::string(1'024, 'a') +
      "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
  ChunkedFormat format{true, false, 66'560, {}};

  ChunkVerifier verifier() {
    return {[this](std::string_view signature, const std::string& hash) {
              previous = aws::sigv4::chunk_signature(context, previous, hash);
              return aws::constant_time_equal(previous, signature);
            },
            {}};
  }
};

const ChunkedFormat trailer_format{false, true, 15, {"x-amz-checksum-crc32"}};
const std::string trailer_text = "f\r\nhellohellohello\r\n0\r\nx-amz-checksum-crc32:PiG0Cw==\r\n\r\n";

}  // namespace

TEST_CASE("AWS's example of signed chunks decodes, however it is cut into pieces") {
  for (const std::size_t piece : {1u, 7u, 1000u, 65'620u, 100'000u}) {
    Example example;
    const Decoded decoded = decode(example.text, example.format, example.verifier(), piece);
    CHECK(decoded.fault == "");
    CHECK(decoded.bytes == std::string(66'560, 'a'));
  }
}

TEST_CASE("one changed byte in data or signature is a signature mismatch") {
  for (const std::size_t at :
       {std::size_t{100}, std::size_t{60'000}, std::size_t{65'700}, std::size_t{66'000}}) {
    Example example;
    char& byte = example.text[at];
    byte = byte == '1' ? '2' : '1';
    CHECK(decode(example.text, example.format, example.verifier()).fault == "SignatureDoesNotMatch");
  }
  Example example;
  example.previous[0] = '0';  // another request's signature: the chain does not start here
  CHECK(decode(example.text, example.format, example.verifier()).fault == "SignatureDoesNotMatch");
}

TEST_CASE("a trailing checksum is found behind the last chunk") {
  for (const std::size_t piece : {1u, 2u, 5u, 100u}) {
    const Decoded decoded = decode(trailer_text, trailer_format, {}, piece);
    CHECK(decoded.fault == "");
    CHECK(decoded.bytes == "hellohellohello");
    REQUIRE(decoded.trailers.size() == 1);
    CHECK(decoded.trailers[0].name == "x-amz-checksum-crc32");
    CHECK(decoded.trailers[0].value == "PiG0Cw==");
  }
  const std::string without_last_line = trailer_text.substr(0, trailer_text.size() - 2);
  CHECK(decode(without_last_line, trailer_format).trailers.size() == 1);
  CHECK(decode(without_last_line, trailer_format).fault == "");
}

TEST_CASE("a signed trailer is verified against its lines") {
  const Example example;
  const ChunkedFormat format{true, true, 5, {"x-amz-checksum-crc32"}};
  const std::string first =
      aws::sigv4::chunk_signature(example.context, example.previous, aws::sha256_hex("hello"));
  const std::string last = aws::sigv4::chunk_signature(example.context, first, aws::sha256_hex(""));
  const std::string signature =
      aws::sigv4::trailer_signature(example.context, last, "x-amz-checksum-crc32:NhCmhg==\n");
  const auto fault = [&](const std::string& checksum, const std::string& given,
                         const std::string& separator) {
    std::string previous = example.previous;
    const ChunkVerifier verifier{[&](std::string_view provided, const std::string& hash) {
                                   previous = aws::sigv4::chunk_signature(example.context, previous, hash);
                                   return previous == provided;
                                 },
                                 [&](std::string_view provided, const std::string& lines) {
                                   return aws::sigv4::trailer_signature(example.context, previous, lines) ==
                                          provided;
                                 }};
    return decode("5;chunk-signature=" + first + "\r\nhello\r\n0;chunk-signature=" + last +
                      "\r\nx-amz-checksum-crc32:" + checksum + separator +
                      "x-amz-trailer-signature:" + given + "\r\n\r\n",
                  format, verifier)
        .fault;
  };
  CHECK(fault("NhCmhg==", signature, "\r\n") == "");
  CHECK(fault("NhCmhg==", signature, "\n\r\n") == "");
  CHECK(fault("AAAAAA==", signature, "\r\n") == "SignatureDoesNotMatch");
  CHECK(fault("NhCmhg==", std::string(64, '0'), "\r\n") == "SignatureDoesNotMatch");
  CHECK(fault("NhCmhg==", "", "\r\n") == "MalformedTrailerError");
}

TEST_CASE("broken framing is refused with a code, and hands on no byte beyond what was announced") {
  const auto fault = [](const std::string& text, const ChunkedFormat& format) {
    return decode(text, format).fault;
  };
  const ChunkedFormat five{false, false, 5, {}};
  CHECK(fault("5\r\nhello\r\n0\r\n\r\n", five) == "");
  CHECK(fault("5\r\nhello\r\n", five) == "IncompleteBody");
  CHECK(fault("5\r\nhello\r\n0\r\n", five) == "IncompleteBody");
  CHECK(fault("5\r\nhel", five) == "IncompleteBody");
  CHECK(fault("", five) == "IncompleteBody");
  CHECK(fault("4\r\nhell\r\n0\r\n\r\n", five) == "IncompleteBody");
  CHECK(fault("6\r\nhello!\r\n0\r\n\r\n", five) == "IncompleteBody");
  CHECK(fault("FFFFFFFFFFFFFFFF\r\nhello", five) == "IncompleteBody");
  CHECK(fault("FFFFFFFFFFFFFFFFF\r\nhello", five) == "InvalidRequest");
  CHECK(fault("-5\r\nhello\r\n0\r\n\r\n", five) == "InvalidRequest");
  CHECK(fault("0x5\r\nhello\r\n0\r\n\r\n", five) == "InvalidRequest");
  CHECK(fault("\r\nhello", five) == "InvalidRequest");
  CHECK(fault("5\nhello\r\n0\r\n\r\n", five) == "InvalidRequest");
  CHECK(fault("5\r\nhello!\r\n0\r\n\r\n", five) == "InvalidRequest");
  CHECK(fault("5\r\nhello\r\n0\r\n\r\nmore", five) == "InvalidRequest");
  CHECK(fault("5;" + std::string(2'000, 'x') + "\r\nhello", five) == "InvalidRequest");
  CHECK(fault(std::string(2'000, '0'), five) == "InvalidRequest");
  CHECK(fault("5\r\nhello\r\n0\r\n\r\n", ChunkedFormat{true, false, 5, {}}) == "InvalidRequest");
}

TEST_CASE("trailers that are missing, repeated, unannounced or endless are malformed") {
  const auto fault = [](const std::string& trailers) {
    return decode("f\r\nhellohellohello\r\n0\r\n" + trailers, trailer_format).fault;
  };
  CHECK(fault("\r\n") == "MalformedTrailerError");
  CHECK(fault("x-amz-checksum-crc32:PiG0Cw==\r\nx-amz-checksum-crc32:PiG0Cw==\r\n\r\n") ==
        "MalformedTrailerError");
  CHECK(fault("x-amz-checksum-sha1:PiG0Cw==\r\n\r\n") == "MalformedTrailerError");
  CHECK(fault("no colon\r\n\r\n") == "MalformedTrailerError");
  CHECK(fault("x-amz-checksum-crc32:" + std::string(20'000, 'A')) == "MalformedTrailerError");
  CHECK(fault("") == "IncompleteBody");
  CHECK(fault("x-amz-checksum-crc32:PiG0Cw==") == "IncompleteBody");
}
