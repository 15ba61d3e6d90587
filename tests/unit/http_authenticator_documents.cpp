// The services other than S3: the signature covers the body that arrived, and refusals come in each
// protocol's words.
#include <string>

#include "tests/unit/http_authenticator.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

const std::string kBody = R"({"TrainingJobName":"job"})";

struct DocumentFixture : AuthenticatorFixture {
  aws::sigv4::Scope scope{"us-east-1", "sagemaker"};

  aws::sigv4::Message unsigned_call() const {
    aws::sigv4::Message message;
    message.method = "POST";
    message.path = "/";
    message.headers = {{"Host", "127.0.0.1:4566"},
                       {"X-Amz-Target", "SageMaker.DescribeTrainingJob"},
                       {"Content-Type", "application/x-amz-json-1.1"}};
    message.payload_hash = aws::sha256_hex(kBody);
    return message;
  }
  aws::sigv4::Message signed_call() const {
    auto message = unsigned_call();
    aws::sigv4::sign(message, credentials, scope, now());
    return message;
  }
  Identity authenticate(const aws::sigv4::Message& message, const std::string& body = kBody,
                        AuthenticationFamily family = AuthenticationFamily::json) const {
    return authenticator.authenticate(request_of(message), body, family, {"us-east-1", "sagemaker"});
  }
  Refusal refusal(const aws::sigv4::Message& message, const std::string& body = kBody,
                  AuthenticationFamily family = AuthenticationFamily::json) const {
    return refusal_of([&] { authenticate(message, body, family); });
  }
};

}  // namespace

TEST_CASE_FIXTURE(DocumentFixture, "a signed document passes") {
  const Identity identity = authenticate(signed_call());
  CHECK(identity.verified);
  CHECK(identity.access_key == "test");
  CHECK(identity.service == "sagemaker");
  CHECK(identity.payload_hash == aws::sha256_hex(kBody));
  auto extra = signed_call();
  extra.headers.add("amz-sdk-request", "attempt=2");  // not signed, by design
  extra.headers.add("X-Amz-Unsigned", "only S3 minds");
  CHECK(refusal(extra).code == "");
}

TEST_CASE_FIXTURE(DocumentFixture,
                  "a path with an encoded name is verified as services other than S3 sign it") {
  auto message = unsigned_call();
  message.path = "/endpoints/a%20b/invocations";
  aws::sigv4::sign(message, credentials, scope, now());
  CHECK(refusal(message).code == "");
}

TEST_CASE_FIXTURE(DocumentFixture, "the signature covers the body that arrived, whatever headers say") {
  Refusal refused = refusal(signed_call(), kBody + " ");
  CHECK(refused.code == "InvalidSignatureException");
  CHECK(refused.status == 403);
  CHECK(refused.message ==
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key "
        "and signing method. Consult the service documentation for details.");
  auto claiming = unsigned_call();
  claiming.headers.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  claiming.payload_hash = "UNSIGNED-PAYLOAD";
  aws::sigv4::sign(claiming, credentials, scope, now());
  CHECK(refusal(claiming).code == "InvalidSignatureException");
  credentials.secret_access_key = "wrong";
  CHECK(refusal(signed_call()).code == "InvalidSignatureException");
}

TEST_CASE_FIXTURE(DocumentFixture, "requests without a readable signature") {
  Refusal refused = refusal(unsigned_call());
  CHECK(refused.code == "MissingAuthenticationTokenException");
  CHECK(refused.status == 403);
  CHECK(refused.message == "Missing Authentication Token");
  refused = refusal(unsigned_call(), kBody, AuthenticationFamily::query);
  CHECK(refused.code == "MissingAuthenticationToken");

  auto message = unsigned_call();
  message.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=test");
  refused = refusal(message);
  CHECK(refused.code == "IncompleteSignatureException");
  CHECK(refused.status == 400);
  CHECK(refused.message.find("Authorization header requires 'Signature' parameter.") != std::string::npos);
  CHECK(refusal(message, kBody, AuthenticationFamily::query).code == "IncompleteSignature");
  message.headers.set("Authorization", "Bearer very-secret");
  refused = refusal(message);
  CHECK(refused.code == "IncompleteSignatureException");
  CHECK(refused.message.find("very-secret") == std::string::npos);
}

TEST_CASE_FIXTURE(DocumentFixture, "unknown keys and scopes") {
  credentials.access_key_id = "AKIAUNKNOWN";
  Refusal refused = refusal(signed_call());
  CHECK(refused.code == "UnrecognizedClientException");
  CHECK(refused.status == 403);
  CHECK(refused.message == "The security token included in the request is invalid.");
  CHECK(refusal(signed_call(), kBody, AuthenticationFamily::query).code == "InvalidClientTokenId");
  credentials.access_key_id = "test";
  scope.region = "eu-west-1";
  CHECK(refusal(signed_call()).message.find("Credential should be scoped to a valid region") == 0);
  scope = {"us-east-1", "logs"};
  refused = refusal(signed_call());
  CHECK(refused.code == "InvalidSignatureException");
  CHECK(refused.message == "Credential should be scoped to correct service: 'sagemaker'.");
}

TEST_CASE_FIXTURE(DocumentFixture, "signatures of another time") {
  const auto message = signed_call();
  clock->time += 20min;
  Refusal refused = refusal(message);
  CHECK(refused.code == "InvalidSignatureException");
  CHECK(refused.message ==
        "Signature expired: 20260301T120000Z is now earlier than 20260301T120500Z (20260301T122000Z - 15 "
        "min.)");
  CHECK(refusal(message, kBody, AuthenticationFamily::query).code == "SignatureDoesNotMatch");
  clock->time -= 40min;
  CHECK(refusal(message).message ==
        "Signature not yet current: 20260301T120000Z is still later than 20260301T115500Z (20260301T114000Z "
        "+ 15 min.)");
}

TEST_CASE_FIXTURE(DocumentFixture, "temporary credentials") {
  temporary["ASIATEMP"] = {"temporary secret", "", "the token", now() + 1h};
  credentials = {"ASIATEMP", "temporary secret", "the token", std::nullopt};
  CHECK(authenticate(signed_call()).verified);
  credentials.session_token = "forged";
  CHECK(refusal(signed_call()).code == "UnrecognizedClientException");
  credentials.session_token = "the token";
  clock->time += 2h;
  Refusal refused = refusal(signed_call());
  CHECK(refused.code == "ExpiredTokenException");
  CHECK(refused.message == "The security token included in the request is expired");
  CHECK(refusal(signed_call(), kBody, AuthenticationFamily::query).code == "ExpiredToken");
}

TEST_CASE_FIXTURE(DocumentFixture, "the host must be signed") {
  // Made by hand, because the signer always covers it.
  auto message = unsigned_call();
  message.headers.add("X-Amz-Date", aws::format_amz_date(now()));
  const std::string date = "20260301T120000Z";
  const std::string canonical = aws::sigv4::canonical_request(message, {"x-amz-date", "x-amz-target"});
  const auto key = aws::sigv4::signing_key("test", "20260301", "us-east-1", "sagemaker");
  const std::string signature =
      aws::sigv4::signature(key, aws::sigv4::string_to_sign(date, scope, canonical));
  message.headers.add("Authorization",
                      "AWS4-HMAC-SHA256 Credential=test/20260301/us-east-1/sagemaker/aws4_request, "
                      "SignedHeaders=x-amz-date;x-amz-target, Signature=" +
                          signature);
  const Refusal refused = refusal(message);
  CHECK(refused.code == "InvalidSignatureException");
  CHECK(refused.message.find("'Host'") == 0);
}

TEST_CASE_FIXTURE(DocumentFixture, "a presigned call, as of GetCallerIdentity, passes until it expires") {
  aws::sigv4::Message message;
  message.method = "GET";
  message.path = "/";
  message.query = "Action=GetCallerIdentity&Version=2011-06-15";
  message.headers = {{"Host", "127.0.0.1:4566"}};
  message.query = aws::sigv4::presign(message, credentials, scope, now(), 60s);
  CHECK(refusal(message, "", AuthenticationFamily::query).code == "");
  clock->time += 61s;
  CHECK(refusal(message, "", AuthenticationFamily::query).code == "SignatureDoesNotMatch");
}

TEST_CASE_FIXTURE(DocumentFixture, "with authentication off everything passes and is only read") {
  const auto pass = [&](const aws::sigv4::Message& message) {
    return lenient.authenticate(request_of(message), "another body", AuthenticationFamily::json,
                                {"us-east-1", "x"});
  };
  CHECK(pass(unsigned_call()).access_key == "");
  CHECK(pass(signed_call()).access_key == "test");
  CHECK_FALSE(pass(signed_call()).verified);
}

TEST_CASE_FIXTURE(DocumentFixture, "what needs no body is refused before it is sent") {
  const auto early = [&](const aws::sigv4::Message& message) {
    return refusal_of([&] {
             authenticator.check_before_body(request_of(message), AuthenticationFamily::json,
                                             {"us-east-1", "sagemaker"});
           })
        .code;
  };
  CHECK(early(signed_call()) == "");
  CHECK(early(unsigned_call()) == refusal(unsigned_call()).code);
  auto unknown = unsigned_call();
  aws::sigv4::sign(unknown, {"nobody", "test", "", std::nullopt}, scope, now());
  CHECK(early(unknown) == refusal(unknown).code);
  CHECK(early(unknown) != "");
  auto old = unsigned_call();
  aws::sigv4::sign(old, credentials, scope, now() - std::chrono::hours(1));
  CHECK(early(old) == refusal(old).code);
  CHECK(early(old) != "");
  auto wrong = unsigned_call();
  aws::sigv4::sign(wrong, {"test", "wrong", "", std::nullopt}, scope, now());
  CHECK(early(wrong) == "");  // only the body's hash can tell
  CHECK(refusal(wrong).code != "");
}
