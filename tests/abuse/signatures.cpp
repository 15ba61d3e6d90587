// Requests that are not what somebody signed: refused in AWS's words, and nothing changes.
#include <string>

#include <doctest/doctest.h>

#include "tests/abuse/target.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

struct Answer {
  int status;
  std::string body;
  bool says(const std::string& text) const { return body.find(text) != std::string::npos; }
};

Answer send(const Target& target, const std::string& text) {
  const auto response = RawSocket(target.port()).exchange(text);
  return {response.status, response.body};
}

}  // namespace

TEST_CASE("S3 refuses what is not signed as it should be") {
  const auto target = emulator_target();
  if (!target) return;
  CHECK(send(*target, s3_call("PUT", "/bucket").text()).status == 200);
  const Call put = s3_call("PUT", "/bucket/key", "content");

  auto message = put.sign();
  std::string authorization = message.headers.get("Authorization");
  authorization.back() = authorization.back() == '0' ? '1' : '0';
  message.headers.set("Authorization", authorization);
  Answer answer = send(*target, text_of(message, put.body));
  CHECK(answer.status == 403);
  CHECK(answer.says("<Code>SignatureDoesNotMatch</Code>"));

  Call call = put;
  call.secret = "wrong";
  CHECK(send(*target, call.text()).says("SignatureDoesNotMatch"));
  call = put;
  call.access_key = "AKIANOBODY";
  CHECK(send(*target, call.text()).says("InvalidAccessKeyId"));
  call = put;
  call.region = "eu-central-1";
  answer = send(*target, call.text());
  CHECK(answer.status == 400);
  CHECK(answer.says("AuthorizationHeaderMalformed"));
  CHECK(answer.says("<Region>us-east-1</Region>"));
  call = put;
  call.clock_shift = -20min;
  answer = send(*target, call.text());
  CHECK(answer.status == 403);
  CHECK(answer.says("RequestTimeTooSkewed"));

  message = put.sign();
  message.headers.add("x-amz-acl", "public-read");
  answer = send(*target, text_of(message, put.body));
  CHECK(answer.status == 403);
  CHECK(answer.says("<HeadersNotSigned>x-amz-acl</HeadersNotSigned>"));

  answer = send(*target, text_of(put.sign(), "CONTENT"));
  CHECK(answer.status == 400);
  CHECK(answer.says("XAmzContentSHA256Mismatch"));
  CHECK(send(*target, "PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").status ==
        403);

  CHECK(send(*target, s3_call("GET", "/bucket/key").text()).status == 404);  // nothing of it was stored
}

TEST_CASE("presigned requests are refused when they expired or were changed") {
  const auto target = emulator_target();
  if (!target) return;
  CHECK(send(*target, s3_call("PUT", "/bucket").text()).status == 200);
  CHECK(send(*target, s3_call("PUT", "/bucket/key", "content").text()).status == 200);
  const auto presigned = [&](std::chrono::seconds age, std::chrono::seconds expires) {
    aws::sigv4::Message message;
    message.method = "GET";
    message.path = "/bucket/key";
    message.headers = {{"Host", "127.0.0.1"}};
    message.s3_path = true;
    message.query = aws::sigv4::presign(message, {"test", "test", "", std::nullopt}, {"us-east-1", "s3"},
                                        std::chrono::system_clock::now() - age, expires);
    return message;
  };
  Answer answer = send(*target, text_of(presigned(0s, 60s), ""));
  CHECK(answer.status == 200);
  CHECK(answer.body == "content");
  answer = send(*target, text_of(presigned(120s, 60s), ""));
  CHECK(answer.status == 403);
  CHECK(answer.says("Request has expired"));
  CHECK(answer.says("<X-Amz-Expires>60</X-Amz-Expires>"));
  CHECK(send(*target, text_of(presigned(0s, 604'801s), "")).says("AuthorizationQueryParametersError"));
  auto changed = presigned(0s, 60s);
  changed.query += "&versionId=1";
  answer = send(*target, text_of(changed, ""));
  CHECK(answer.status == 403);
  CHECK(answer.says("SignatureDoesNotMatch"));
}

TEST_CASE("the control plane refuses what is not signed as it should be") {
  const auto target = emulator_target();
  if (!target) return;
  const Call list = json_call("SageMaker.ListModels", "{}");
  CHECK(send(*target, list.text()).status == 200);
  Answer answer = send(*target, text_of(list.sign(), "{ }"));
  CHECK(answer.status == 403);
  CHECK(answer.says("InvalidSignatureException"));
  Call call = list;
  call.access_key = "AKIANOBODY";
  answer = send(*target, call.text());
  CHECK(answer.status == 403);
  CHECK(answer.says("UnrecognizedClientException"));
  call = list;
  call.clock_shift = 20min;
  CHECK(send(*target, call.text()).says("Signature not yet current"));
  answer = send(*target,
                "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\nContent-Length: "
                "2\r\n\r\n{}");
  CHECK(answer.status == 403);
  CHECK(answer.says("MissingAuthenticationTokenException"));
}
