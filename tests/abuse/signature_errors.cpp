// What AWS was recorded to answer to requests that are not signed as they should be, each sent over HTTP:
// status, code, message and the further elements of the error document. And chunked bodies whose signatures
// do not hold.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <pugixml.hpp>

#include <sagemaker/aws/uri.hpp>

#include "tests/abuse/target.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

struct ErrorAnswer {
  int status = 0;
  std::string code, message;
  std::vector<std::string> elements;  // beside Code and Message
  std::string whole;

  std::string text_of(const char* element) const {
    pugi::xml_document document;
    document.load_string(whole.c_str());
    return document.document_element().child_value(element);
  }
};

ErrorAnswer send(const Target& target, const std::string& text) {
  const auto response = RawSocket(target.port()).exchange(text);
  ErrorAnswer answer{response.status, "", "", {}, response.body};
  pugi::xml_document document;
  document.load_string(response.body.c_str());
  const pugi::xml_node error = document.child("Error");
  answer.code = error.child_value("Code");
  answer.message = error.child_value("Message");
  for (const pugi::xml_node& child : error.children()) {
    const std::string name = child.name();
    if (name != "Code" && name != "Message") answer.elements.push_back(name);
  }
  return answer;
}

void check(const ErrorAnswer& answer, int status, const std::string& code, const std::string& message,
           const std::vector<std::string>& elements) {
  CHECK(answer.status == status);
  CHECK(answer.code == code);
  CHECK(answer.message == message);
  for (const char* always : {"HostId", "RequestId"})
    CHECK_MESSAGE(std::count(answer.elements.begin(), answer.elements.end(), always) == 1, answer.whole);
  for (const std::string& element : elements)
    CHECK_MESSAGE(std::count(answer.elements.begin(), answer.elements.end(), element) == 1, answer.whole);
}

aws::sigv4::Message presigned(std::chrono::seconds age, std::chrono::seconds expires) {
  aws::sigv4::Message message;
  message.method = "GET";
  message.path = "/bucket/key";
  message.headers = {{"Host", "127.0.0.1"}};
  message.s3_path = true;
  message.query = aws::sigv4::presign(message, {"test", "test", "", std::nullopt}, {"us-east-1", "s3"},
                                      std::chrono::system_clock::now() - age, expires);
  return message;
}

std::string get(const std::string& query) {
  return "GET /bucket/key?" + query + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("S3's recorded refusals of signed headers") {
  const auto target = emulator_target();
  if (!target) return;
  const Call call = s3_call("PUT", "/bucket/key", "content");
  const std::string mismatch =
      "The request signature we calculated does not match the signature you provided. Check your key and "
      "signing "
      "method.";
  Call wrong = call;
  wrong.secret = "wrong";
  ErrorAnswer answer = send(*target, wrong.text());
  check(answer, 403, "SignatureDoesNotMatch", mismatch,
        {"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest",
         "CanonicalRequestBytes"});
  CHECK(answer.text_of("AWSAccessKeyId") == "test");
  CHECK(answer.text_of("CanonicalRequest").starts_with("PUT\n/bucket/key\n\n"));

  // One bit of each part that is signed.
  const auto message = call.sign();
  for (const char* header : {"x-amz-content-sha256", "X-Amz-Date", "Host"}) {
    CAPTURE(header);
    auto flipped = message;
    std::string value = message.headers.get(header);
    value.back() = static_cast<char>(value.back() ^ 1);
    if (std::string_view(header) == "Host") value = "127.0.0.0";
    if (std::string_view(header) == "X-Amz-Date") value = replaced(message.headers.get(header), "Z", "X");
    flipped.headers.set(header, value);
    CHECK(send(*target, text_of(flipped, call.body)).status == 403);
  }
  wrong = call;
  wrong.access_key = "AKIANOBODY";
  answer = send(*target, wrong.text());
  check(answer, 403, "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.", {"AWSAccessKeyId"});
  wrong = call;
  wrong.region = "aws-global";
  answer = send(*target, wrong.text());
  check(answer, 400, "AuthorizationHeaderMalformed",
        "The authorization header is malformed; the region 'aws-global' is wrong; expecting 'us-east-1'",
        {"Region"});
  wrong = call;
  wrong.clock_shift = 20min;
  answer = send(*target, wrong.text());
  check(answer, 403, "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        {"RequestTime", "ServerTime", "MaxAllowedSkewMilliseconds"});
  auto added = message;
  added.headers.add("x-amz-meta-added", "1");
  added.headers.add("x-amz-acl", "public-read");
  answer = send(*target, text_of(added, call.body));
  check(answer, 403, "AccessDenied", "There were headers present in the request which were not signed",
        {"HeadersNotSigned"});
  CHECK(answer.text_of("HeadersNotSigned") == "x-amz-acl, x-amz-meta-added");
  answer = send(*target, "PUT /bucket HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
  check(answer, 403, "AccessDenied", "Access Denied", {});
  CHECK(send(*target, s3_call("GET", "/bucket/key").text()).code == "NoSuchBucket");  // nothing was made
}

TEST_CASE("S3's recorded refusals of presigned requests, version 4") {
  const auto target = emulator_target();
  if (!target) return;
  check(send(*target, text_of(presigned(120s, 60s), "")), 403, "AccessDenied", "Request has expired",
        {"X-Amz-Expires", "Expires", "ServerTime"});
  check(send(*target, text_of(presigned(0s, 604'801s), "")), 400, "AuthorizationQueryParametersError",
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
        "than "
        "604800 seconds",
        {});
  check(send(*target, text_of(presigned(0s, -1s), "")), 400, "AuthorizationQueryParametersError",
        "X-Amz-Expires must be non-negative", {});
  const std::string query = presigned(0s, 60s).query;
  for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                           "X-Amz-SignedHeaders", "X-Amz-Signature"}) {
    CAPTURE(name);
    check(send(*target, get(replaced(query, std::string(name) + "=", "gone="))), 400,
          "AuthorizationQueryParametersError",
          "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
          "X-Amz-Signature, "
          "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
          {});
  }
  const std::size_t begin = query.find("X-Amz-Credential=") + 17;
  const std::string credential = query.substr(begin, query.find('&', begin) - begin);
  check(send(*target, get(replaced(query, credential, aws::uri_encode(credential)))), 400,
        "AuthorizationQueryParametersError",
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        {});
  CHECK(send(*target, get(query + "&versionId=1")).code == "SignatureDoesNotMatch");
  // A scope of another service takes the request to that service, which knows no such call.
  CHECK(send(*target, get(replaced(query, "%2Fs3%2F", "%2Fsts%2F"))).status == 400);
  CHECK(send(*target, get(query)).code == "NoSuchBucket");  // and what is right passes
}

TEST_CASE("S3's recorded refusals of presigned requests, version 2") {
  const auto target = emulator_target();
  if (!target) return;
  const std::string missing =
      "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
  for (const char* query : {"AWSAccessKeyId=test&Signature=abc", "AWSAccessKeyId=test&Expires=9999999999",
                            "Signature=abc&Expires=9999999999"})
    check(send(*target, get(query)), 403, "AccessDenied", missing, {});
  check(send(*target, get("AWSAccessKeyId=test&Signature=abc&Expires=1000")), 403, "AccessDenied",
        "Request has expired", {"Expires", "ServerTime"});
  const ErrorAnswer answer = send(*target, get("AWSAccessKeyId=test&Signature=abc&Expires=9999999999"));
  check(answer, 403, "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing "
        "method.",
        {"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"});
  CHECK(answer.text_of("StringToSign") == "GET\n\n\n9999999999\n/bucket/key");
  check(send(*target, get("AWSAccessKeyId=nobody&Signature=abc&Expires=9999999999")), 403,
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId"});
}

namespace {

struct ChunkedPut {
  ChunkedPut() {
    call = s3_call("PUT", "/bucket/chunked");
    call.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    call.headers = {{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "7"}};
    message = call.sign();
    const std::string date = message.headers.get("X-Amz-Date");
    context = {
        aws::sigv4::signing_key("test", date.substr(0, 8), "us-east-1", "s3"), date, {"us-east-1", "s3"}};
    const std::string authorization = message.headers.get("Authorization");
    const std::string seed = authorization.substr(authorization.rfind('=') + 1);
    first = aws::sigv4::chunk_signature(context, seed, aws::sha256_hex("content"));
    last = aws::sigv4::chunk_signature(context, first, aws::sha256_hex(""));
  }
  static std::string chunk(const std::string& size, const std::string& signature, const std::string& data) {
    return size + ";chunk-signature=" + signature + "\r\n" + data + "\r\n";
  }
  std::string text(const std::string& body) const { return text_of(message, body); }

  Call call;
  aws::sigv4::Message message;
  aws::sigv4::ChunkContext context;
  std::string first, last;
};

}  // namespace

TEST_CASE("chunks whose signatures, sizes or ends are wrong leave no object behind") {
  const auto target = emulator_target();
  if (!target) return;
  CHECK(send(*target, s3_call("PUT", "/bucket").text()).status == 200);
  const ChunkedPut put;
  const auto chunk = ChunkedPut::chunk;
  std::string forged = put.first;
  forged.front() = forged.front() == '0' ? '1' : '0';
  struct Case {
    std::string body, code;
    int status;
  };
  const std::vector<Case> cases = {
      {chunk("7", forged, "content") + chunk("0", put.last, ""), "SignatureDoesNotMatch", 403},
      {chunk("7", put.first, "CONTENT") + chunk("0", put.last, ""), "SignatureDoesNotMatch", 403},
      {chunk("7", put.first, "content") + chunk("0", put.first, ""), "SignatureDoesNotMatch", 403},
      {chunk("7", put.first, "content"), "IncompleteBody", 400},
      {chunk("FFFFFFFFFFFFFFFF", put.first, "content") + chunk("0", put.last, ""), "", 400},
      {std::string(2048, '0') + chunk("7", put.first, "content"), "", 400},
      {"7\r\ncontent\r\n0\r\n\r\n", "", 0},
  };
  for (const Case& each : cases) {
    CAPTURE(each.body.substr(0, 120));
    const ErrorAnswer answer = send(*target, put.text(each.body));
    CHECK(answer.status >= 400);
    CHECK(answer.status < 500);
    if (each.status != 0) CHECK(answer.status == each.status);
    if (!each.code.empty()) CHECK(answer.code == each.code);
    CHECK(send(*target, s3_call("GET", "/bucket/chunked").text()).code == "NoSuchKey");
  }
  CHECK(send(*target, put.text(chunk("7", put.first, "content") + chunk("0", put.last, ""))).status == 200);
  CHECK(send(*target, s3_call("GET", "/bucket/chunked").text()).whole == "content");
}
