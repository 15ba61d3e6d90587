// What must never be in the log, and what a page in a browser must not reach.
#include <string>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

TEST_CASE("neither secrets nor control characters reach the log") {
  const auto target = emulator_target();
  if (!target) return;
  const auto send = [&](const std::string& text) { return RawSocket(target->port()).exchange(text).status; };
  Call call = s3_call("PUT", "/bucket");
  const auto message = call.sign();
  CHECK(send(text_of(message, "")) == 200);
  const std::string authorization = message.headers.get("Authorization");
  const std::string signature = authorization.substr(authorization.find("Signature=") + 10);

  Call wrong = s3_call("PUT", "/bucket/key%1b%5b31mred%0d%0a2026-01-01%20forged%20line", "x");
  wrong.secret = "AVerySecretSecret";
  CHECK(send(wrong.text()) == 403);
  Call token = json_call("SageMaker.ListModels", "{}");
  token.headers.add("X-Amz-Security-Token", "ASessionTokenThatIsSecret");
  auto with_token = token;
  with_token.headers.erase("X-Amz-Security-Token");
  auto signed_with_token = with_token.sign();
  signed_with_token.headers.add("X-Amz-Security-Token", "ASessionTokenThatIsSecret");
  send(text_of(signed_with_token, "{}"));
  send(
      "GET /bucket/x?X-Amz-Security-Token=ASessionTokenThatIsSecret&X-Amz-Signature=abc HTTP/1.1\r\nHost: "
      "h\r\n\r\n");
  CHECK(send("GET /\x1b[31mred HTTP/1.1\r\nHost: localhost\r\n\r\n") == 400);
  send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.\xc2\x9b"
      "31m\r\nContent-Length: 0\r\n\r\n");

  const std::string log = target->log();
  CHECK_FALSE(log.empty());
  for (const std::string& secret : {signature, std::string("AVerySecretSecret"),
                                    std::string("ASessionTokenThatIsSecret"), std::string("Signature=")}) {
    CAPTURE(secret);
    CHECK(log.find(secret) == std::string::npos);
  }
  bool printable = true;
  for (const char c : log) printable = printable && (c == '\n' || (c >= 0x20 && c < 0x7f));
  CHECK(printable);
  CHECK(log.find("\n2026-01-01 forged line") == std::string::npos);
}

TEST_CASE("a page in a browser reaches nothing") {
  const auto target = emulator_target();
  if (!target) return;
  // DNS rebinding: the page's own name points to this machine.
  const auto rebound =
      RawSocket(target->port()).exchange("GET /_local/health HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  CHECK(rebound.status == 403);
  // A form or fetch without a signature, as another origin may send it.
  const auto forged = RawSocket(target->port())
                          .exchange(
                              "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: "
                              "http://evil.example\r\nContent-Type: text/plain\r\n"
                              "X-Amz-Target: SageMaker.CreateModel\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(forged.status == 403);
  // An address that names no bucket is refused as without an origin.
  const auto misspelt =
      RawSocket(target->port())
          .exchange("GET /%zz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
  CHECK(misspelt.status != 500);
  CHECK(misspelt.headers.get("Content-Type") == "application/xml");
  for (const RawResponse* response : {&rebound, &forged, &misspelt}) {
    CHECK_FALSE(response->headers.contains("Access-Control-Allow-Origin"));
  }
}
