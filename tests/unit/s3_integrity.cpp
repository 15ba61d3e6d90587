// What a client says about its bytes is checked, and what does not match never becomes an object.
#include <sagemaker/aws/sigv4.hpp>

#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
using sagemaker::local::wire::PayloadKind;
namespace aws = sagemaker::aws;

namespace {

struct IntegrityFixture : S3BucketFixture {
  // The put fails with this code, and neither an object nor a file is left.
  void check_refused(const S3Answer& answer, const std::string& code, int status = 400) {
    CHECK(answer.code() == code);
    CHECK(answer.status == status);
    CHECK_FALSE(objects.find("bucket", "key"));
    CHECK(file_count() == 0);
  }
};

const std::string hello_sha1 = "qvTGHdzF6KLavt4PO0gs2a6pQ00=";
const std::string hello_sha256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
const std::string hello_crc32 = "NhCmhg==";
const std::string hello_crc32c = "mnG7TA==";

}  // namespace

TEST_CASE_FIXTURE(IntegrityFixture, "Content-MD5 must be one and must match") {
  check_refused(put("/bucket/key", "hello", {{"Content-MD5", "not base64"}}), "InvalidDigest");
  check_refused(put("/bucket/key", "hello", {{"Content-MD5", "AAAA"}}), "InvalidDigest");
  check_refused(put("/bucket/key", "hello", {{"Content-MD5", ""}}), "InvalidDigest");
  const S3Answer wrong = put("/bucket/key", "hello", {{"Content-MD5", md5_base64("other")}});
  check_refused(wrong, "BadDigest");
  CHECK(wrong.text("ExpectedDigest") == md5_base64("other"));
  CHECK(wrong.text("CalculatedDigest") == md5_base64("hello"));
  CHECK(put("/bucket/key", "hello", {{"Content-MD5", md5_base64("hello")}}).status == 200);
}

TEST_CASE_FIXTURE(IntegrityFixture, "checksums are verified, echoed and told to those who ask") {
  const std::vector<std::pair<std::string, std::string>> all = {
      {"crc32", hello_crc32}, {"crc32c", hello_crc32c}, {"sha1", hello_sha1}, {"sha256", hello_sha256}};
  for (const auto& [name, value] : all) {
    const std::string header = "x-amz-checksum-" + name;
    std::string wrong = value;
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    const S3Answer refused = put("/bucket/key", "hello", {{header, wrong}});
    check_refused(refused, "BadDigest");
    check_refused(put("/bucket/key", "hello", {{header, "AAAA"}}), "InvalidRequest");
    const S3Answer stored = put("/bucket/key", "hello", {{header, value}});
    CHECK(stored.status == 200);
    CHECK(stored.headers.get(header) == value);
    CHECK(stored.headers.get("x-amz-checksum-type") == "FULL_OBJECT");
    CHECK_FALSE(send("GET", "/bucket/key").headers.contains(header));
    CHECK(send("GET", "/bucket/key", {{"x-amz-checksum-mode", "ENABLED"}}).headers.get(header) == value);
    CHECK(send("HEAD", "/bucket/key", {{"x-amz-checksum-mode", "ENABLED"}}).headers.get(header) == value);
    // The checksum is that of the whole object: it would mislead beside a part of it.
    CHECK_FALSE(send("GET", "/bucket/key", {{"x-amz-checksum-mode", "ENABLED"}, {"Range", "bytes=0-1"}})
                    .headers.contains(header));
    send("DELETE", "/bucket/key");
  }
  CHECK(put("/bucket/key", "hello", {{"x-amz-checksum-crc32", "AAAAAA=="}}).text("Message") ==
        "The CRC32 you specified did not match the calculated checksum.");
  check_refused(put("/bucket/key", "hello",
                    {{"x-amz-checksum-crc32", hello_crc32}, {"x-amz-checksum-sha1", hello_sha1}}),
                "InvalidRequest");
  check_refused(put("/bucket/key", "hello", {{"x-amz-sdk-checksum-algorithm", "CRC32"}}), "InvalidRequest");
  check_refused(put("/bucket/key", "hello", {{"x-amz-sdk-checksum-algorithm", "MD4"}}), "InvalidRequest");
}

TEST_CASE_FIXTURE(IntegrityFixture, "the signed payload hash is verified") {
  identity.payload = PayloadKind::literal;
  identity.payload_hash = aws::sha256_hex("other");
  const S3Answer refused = put("/bucket/key", std::string(100'000, 'x'));
  check_refused(refused, "XAmzContentSHA256Mismatch");
  CHECK(refused.text("ClientComputedContentSHA256") == aws::sha256_hex("other"));
  CHECK(refused.text("S3ComputedContentSHA256") == aws::sha256_hex(std::string(100'000, 'x')));
  const std::string xml = "<Delete><Object><Key>key</Key></Object></Delete>";
  CHECK(send("POST", "/bucket?delete", {{"Content-MD5", md5_base64(xml)}}, xml).code() ==
        "XAmzContentSHA256Mismatch");
  identity.payload_hash = aws::sha256_hex("hello");
  CHECK(put("/bucket/key", "hello").status == 200);
}

TEST_CASE_FIXTURE(IntegrityFixture, "a body that breaks off leaves nothing") {
  body.breaks_off = true;
  check_refused(put("/bucket/key", std::string(3'000'000, 'x')), "IncompleteBody");
  body.breaks_off = false;
  put("/bucket/key", "first");
  body.breaks_off = true;
  CHECK(put("/bucket/key", std::string(3'000'000, 'x')).status == 400);
  CHECK(send("GET", "/bucket/key").body == "first");
  CHECK(file_count() == 1);
}

TEST_CASE_FIXTURE(IntegrityFixture, "a body without a length is refused") {
  body.chunked = true;
  check_refused(put("/bucket/key", "hello", {{"Transfer-Encoding", "chunked"}}), "NotImplemented", 501);
  check_refused(put("/bucket/key", "hello"), "MissingContentLength", 411);
  // An empty body has a length as well, and S3 wants it said; a copy has no body.
  body.chunked = false;
  body.announced = false;
  check_refused(put("/bucket/key", ""), "MissingContentLength", 411);
  check_refused(put("/bucket/key?partNumber=1&uploadId=none", ""), "MissingContentLength", 411);
  CHECK(put("/bucket/key", "", {{"x-amz-copy-source", "/bucket/none"}}).code() == "NoSuchKey");
}

TEST_CASE_FIXTURE(IntegrityFixture, "a checksum of an unknown kind is refused, not ignored") {
  const S3Answer refused = put("/bucket/key", "hello", {{"x-amz-checksum-crc16", "AAA="}});
  check_refused(refused, "InvalidRequest");
  CHECK(refused.text("Message") == "The algorithm type you specified in x-amz-checksum- header is invalid.");
  CHECK(put("/bucket/key", "hello", {{"X-Amz-Checksum-Crc32", hello_crc32}}).status == 200);
}

TEST_CASE_FIXTURE(IntegrityFixture,
                  "an object larger than a single PUT may be is refused, announced or not") {
  limits.put_bytes_max = 1000;
  sagemaker::local::services::s3::Service small(objects, settings, clock, limits);
  sagemaker::local::wire::S3Protocol small_protocol(small, limits);
  used = &small_protocol;
  const S3Answer refused = put("/bucket/key", std::string(1001, 'x'));
  check_refused(refused, "EntityTooLarge");
  CHECK(refused.text("ProposedSize") == "1001");
  CHECK(put("/bucket/key", std::string(1000, 'x')).status == 200);
}

TEST_CASE_FIXTURE(IntegrityFixture,
                  "an unsigned chunked body with a trailing checksum, as boto3 sends it over TLS") {
  identity.payload = PayloadKind::streaming_unsigned_trailer;
  body.chunked = true;
  const aws::Headers headers = {{"Content-Encoding", "gzip, aws-chunked"},
                                {"Transfer-Encoding", "chunked"},
                                {"x-amz-trailer", "x-amz-checksum-crc32"},
                                {"x-amz-sdk-checksum-algorithm", "CRC32"},
                                {"x-amz-decoded-content-length", "15"}};
  const auto framed = [](const std::string& checksum) {
    return "f\r\nhellohellohello\r\n0\r\nx-amz-checksum-crc32:" + checksum + "\r\n\r\n";
  };
  check_refused(put("/bucket/key", framed("AAAAAA=="), headers), "BadDigest");
  check_refused(put("/bucket/key", framed("no"), headers), "InvalidRequest");
  check_refused(put("/bucket/key", "f\r\nhellohellohello\r\n0\r\n\r\n", headers), "MalformedTrailerError");
  check_refused(put("/bucket/key", "f\r\nhellohello", headers), "IncompleteBody");
  const S3Answer stored = put("/bucket/key", framed("PiG0Cw=="), headers);
  CHECK(stored.status == 200);
  CHECK(stored.headers.get("x-amz-checksum-crc32") == "PiG0Cw==");
  identity.payload = PayloadKind::unsigned_payload;
  const S3Answer answer = send("GET", "/bucket/key");
  CHECK(answer.body == "hellohellohello");
  CHECK(answer.headers.get("Content-Encoding") == "gzip");
  CHECK(answer.headers.get("ETag") == "\"" + md5_hex("hellohellohello") + "\"");
  send("DELETE", "/bucket/key");
  identity.payload = PayloadKind::streaming_unsigned_trailer;
  aws::Headers without = headers;
  without.erase("x-amz-decoded-content-length");
  check_refused(put("/bucket/key", framed("PiG0Cw=="), without), "MissingContentLength", 411);
  without = headers;
  without.erase("x-amz-trailer");
  check_refused(put("/bucket/key", framed("PiG0Cw=="), without), "InvalidRequest");
}

TEST_CASE_FIXTURE(IntegrityFixture,
                  "signed chunks are verified one by one; only what is whole and right is stored") {
  identity.payload = PayloadKind::streaming_signed;
  identity.chunks = aws::sigv4::ChunkContext{aws::sigv4::signing_key("secret", "20130524", "us-east-1", "s3"),
                                             "20130524T000000Z",
                                             {"us-east-1", "s3"}};
  identity.seed_signature = std::string(64, 'a');
  const std::string first =
      aws::sigv4::chunk_signature(*identity.chunks, identity.seed_signature, aws::sha256_hex("hello"));
  const std::string last = aws::sigv4::chunk_signature(*identity.chunks, first, aws::sha256_hex(""));
  const auto framed = [&](const std::string& text) {
    return "5;chunk-signature=" + first + "\r\n" + text + "\r\n0;chunk-signature=" + last + "\r\n\r\n";
  };
  const aws::Headers headers = {{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "5"}};
  check_refused(put("/bucket/key", framed("jello"), headers), "SignatureDoesNotMatch", 403);
  CHECK(put("/bucket/key", framed("hello"), headers).status == 200);
  identity.payload = PayloadKind::unsigned_payload;
  const S3Answer answer = send("GET", "/bucket/key");
  CHECK(answer.body == "hello");
  CHECK_FALSE(answer.headers.contains("Content-Encoding"));
}

TEST_CASE_FIXTURE(IntegrityFixture, "a reader keeps the bytes that it began with") {
  put("/bucket/key", "first");
  sagemaker::local::http::Request request;
  request.method = "GET";
  request.path = "/bucket/key";
  request.body = &body;
  body.bytes = "";
  sagemaker::local::http::Response response = protocol.handle(context, request, identity);
  put("/bucket/key", "other");
  send("DELETE", "/bucket/key");
  CHECK(answer_of(std::move(response)).body == "first");
}
