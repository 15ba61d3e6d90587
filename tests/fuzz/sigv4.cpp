// Signature Version 4: whatever Authorization header or presigned query arrives, it is refused in an orderly
// way or read, never taken for genuine; and what is signed here is verified here, until anything changes.
#include <sagemaker/aws/sigv4.hpp>

#include "emulator/http/header_block.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

namespace sigv4 = aws::sigv4;

const aws::Credentials& credentials() {
  static const aws::Credentials keys = [] {
    aws::Credentials made;
    made.access_key_id = "AKIDEXAMPLE";
    made.secret_access_key = "secret";
    return made;
  }();
  return keys;
}

// METHOD TARGET, then header lines.
sigv4::Message message_of(std::string_view input, bool s3) {
  sigv4::Message message;
  message.s3_path = s3;
  std::string_view first = take_line(input);
  const std::size_t space = first.find(' ');
  message.method = std::string(first.substr(0, space));
  const std::string_view target = space == std::string_view::npos ? "/" : first.substr(space + 1);
  const std::size_t question = target.find('?');
  message.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) message.query = std::string(target.substr(question + 1));
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !local::http::is_token(line.substr(0, colon))) continue;
    message.headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  return message;
}

bool is_genuine(const sigv4::Message& message) {
  const auto claim = sigv4::claim_of(message);
  require(claim.has_value(), "a signed message has a claim");
  return sigv4::verify(message, *claim, credentials().secret_access_key);
}

void check_claim(const sigv4::Message& message) {
  try {
    const auto claim = sigv4::claim_of(message);
    if (claim)
      require(!sigv4::verify(message, *claim, "another secret"), "a made-up signature is not genuine");
  } catch (const sigv4::SignatureFormatError& error) {
    require(error.http_status() == 400 || error.http_status() == 403, "a refusal is the client's fault");
    require(!error.code().empty() && !error.message().empty(), "a refusal has a code and a message");
  }
}

void check_signing(sigv4::Message message) {
  const sigv4::Scope scope{"us-east-1", message.s3_path ? "s3" : "sagemaker"};
  const aws::TimePoint time = aws::from_epoch_ms(1'700'000'000'000);
  sigv4::Message presigned = message;
  try {
    sigv4::sign(message, credentials(), scope, time);
    presigned.payload_hash = std::string(sigv4::unsigned_payload);
    presigned.query = sigv4::presign(presigned, credentials(), scope, time, std::chrono::seconds(60));
  } catch (const std::invalid_argument&) {
    return;  // signed already, or without a host
  }
  require(is_genuine(message), "a signed message is verified");
  require(is_genuine(presigned), "a presigned message is verified");
  message.method += 'X';
  presigned.method += 'X';
  require(!is_genuine(message), "another method is not what was signed");
  require(!is_genuine(presigned), "another method is not what was presigned");
}

const Registered registered(
    {"sigv4",
     [](std::string_view input) {
       const bool s3 = Choices(input).coin();
       const sigv4::Message message = message_of(input, s3);
       check_claim(message);
       check_signing(message);
     },
     {"0GET /bucket/key?list-type=2&prefix=a%20b\nHost: localhost\nX-Amz-Meta-A:  two  blanks \n",
      "1POST /\nHost: sagemaker\nX-Amz-Date: 20260101T000000Z\nAuthorization: AWS4-HMAC-SHA256 "
      "Credential=AKID/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host;x-amz-date, "
      "Signature=00ff\n",
      "0GET "
      "/b/"
      "k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&"
      "X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00ff\nHost: "
      "s3\n",
      "1PUT /a/../b//./c\nhost:h\nhost:i\n"},
     {"Authorization",
      "AWS4-HMAC-SHA256",
      "Credential=",
      "SignedHeaders=",
      "Signature=",
      "aws4_request",
      "X-Amz-Algorithm=",
      "X-Amz-Credential=",
      "X-Amz-Date=",
      "X-Amz-Expires=",
      "X-Amz-SignedHeaders=",
      "X-Amz-Signature=",
      "X-Amz-Security-Token",
      "Host:",
      "20260101T000000Z",
      "/",
      "%2F",
      ";",
      ",",
      "=",
      "\n"}});

}  // namespace
}  // namespace sagemaker::fuzz
