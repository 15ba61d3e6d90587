// S3's rules: what is signed passes, everything else is refused with the codes, words and fields that AWS
// uses.
#include <string>
#include <vector>

#include "tests/unit/http_authenticator.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;

namespace {

const std::string kHash = aws::sha256_hex("content");

struct S3Fixture : AuthenticatorFixture {
  aws::sigv4::Scope scope{"us-east-1", "s3"};

  aws::sigv4::Message put_object() const {
    aws::sigv4::Message message;
    message.method = "PUT";
    message.path = "/bucket/k%20x/%C3%A9%2B%3F%23%26%3D/../a//b.txt";
    message.query = "x-id=PutObject&empty&a=b%20c";
    message.headers = {
        {"Host", "127.0.0.1:4566"}, {"x-amz-meta-two", "a  b"}, {"Content-Type", "text/plain"}};
    message.payload_hash = kHash;
    message.s3_path = true;
    return message;
  }
  aws::sigv4::Message signed_put() const {
    auto message = put_object();
    aws::sigv4::sign(message, credentials, scope, now());
    return message;
  }
  aws::sigv4::Message presigned_get(std::chrono::seconds expires) const {
    aws::sigv4::Message message;
    message.method = "GET";
    message.path = "/bucket/key";
    message.headers = {{"Host", "127.0.0.1:4566"}};
    message.s3_path = true;
    message.query = aws::sigv4::presign(message, credentials, scope, now(), expires);
    return message;
  }
  Identity authenticate(const aws::sigv4::Message& message) const {
    return authenticator.authenticate_s3(request_of(message), {"us-east-1", "s3"});
  }
  Refusal refusal(const aws::sigv4::Message& message) const {
    return refusal_of([&] { authenticate(message); });
  }
};

void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE_FIXTURE(S3Fixture, "a signed request says who sent it and what its payload must be") {
  const Identity identity = authenticate(signed_put());
  CHECK(identity.verified);
  CHECK(identity.access_key == "test");
  CHECK(identity.region == "us-east-1");
  CHECK(identity.service == "s3");
  CHECK(identity.payload == PayloadKind::literal);
  CHECK(identity.payload_hash == kHash);
  CHECK_FALSE(identity.chunks);

  credentials = {"AKIAOTHER/with/slashes", "another secret", "", std::nullopt};
  CHECK(authenticate(signed_put()).access_key == "AKIAOTHER/with/slashes");
}

TEST_CASE_FIXTURE(S3Fixture, "any change behind the signature is noticed") {
  using Change = std::function<void(aws::sigv4::Message&)>;
  const std::vector<Change> changes = {
      [](auto& message) { message.method = "GET"; },
      [](auto& message) { message.path += "x"; },
      [](auto& message) {
        message.path = "/bucket/k%20x/%C3%A9%2B%3F%23%26%3D/a/b.txt";
      },  // S3 does not normalise
      [](auto& message) { message.query += "&acl"; },
      [](auto& message) { replace(message.query, "PutObject", "GetObject"); },
      [](auto& message) { message.headers.set("Host", "127.0.0.2:4566"); },
      [](auto& message) { message.headers.set("x-amz-meta-two", "a c"); },
      [](auto& message) { message.headers.add("x-amz-meta-two", "more"); },
      [](auto& message) { message.headers.set("x-amz-content-sha256", aws::sha256_hex("other")); },
      [](auto& message) { message.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD"); },
  };
  const auto good = signed_put();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto message = good;
    changes[i](message);
    CHECK(refusal(message).code == "SignatureDoesNotMatch");
  }
  // One bit of every digit of the signature.
  const std::string authorization = good.headers.get("Authorization");
  const std::size_t begin = authorization.find("Signature=") + 10;
  for (std::size_t i = begin; i < authorization.size(); ++i) {
    std::string flipped = authorization;
    flipped[i] = flipped[i] == '0' ? '1' : '0';
    auto message = good;
    message.headers.set("Authorization", flipped);
    REQUIRE(refusal(message).code == "SignatureDoesNotMatch");
  }
}

TEST_CASE_FIXTURE(S3Fixture, "a wrong signature is explained as AWS does") {
  credentials.secret_access_key = "wrong";
  const Refusal refused = refusal(signed_put());
  CHECK(refused.code == "SignatureDoesNotMatch");
  CHECK(refused.status == 403);
  CHECK(refused.message ==
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing "
        "method.");
  CHECK(refused.fields["AWSAccessKeyId"] == "test");
  const std::string text = refused.fields["StringToSign"];
  CHECK(text.starts_with("AWS4-HMAC-SHA256\n20260301T120000Z\n20260301/us-east-1/s3/aws4_request\n"));
  CHECK(refused.fields["StringToSignBytes"].get<std::string>().starts_with("41 57 53 34"));
  CHECK(refused.fields["CanonicalRequest"].get<std::string>().starts_with("PUT\n/bucket/k%20x/"));
  CHECK(refused.fields["SignatureProvided"].get<std::string>().size() == 64);
}

TEST_CASE_FIXTURE(S3Fixture, "an unknown access key") {
  credentials.access_key_id = "AKIAUNKNOWN";
  const Refusal refused = refusal(signed_put());
  CHECK(refused.code == "InvalidAccessKeyId");
  CHECK(refused.status == 403);
  CHECK(refused.message == "The AWS Access Key Id you provided does not exist in our records.");
  CHECK(refused.fields["AWSAccessKeyId"] == "AKIAUNKNOWN");
}

TEST_CASE_FIXTURE(S3Fixture, "a scope for another region, service or day") {
  scope.region = "aws-global";
  Refusal refused = refusal(signed_put());
  CHECK(refused.code == "AuthorizationHeaderMalformed");
  CHECK(refused.status == 400);
  CHECK(refused.message ==
        "The authorization header is malformed; the region 'aws-global' is wrong; expecting 'us-east-1'");
  CHECK(refused.fields["Region"] == "us-east-1");
  CHECK(refusal(presigned_get(60s)).code == "AuthorizationQueryParametersError");

  scope = {"us-east-1", "sagemaker"};
  refused = refusal(signed_put());
  CHECK(refused.code == "AuthorizationHeaderMalformed");
  CHECK(refused.message.find("incorrect service \"sagemaker\"") != std::string::npos);

  scope.service = "s3";
  auto message = signed_put();
  std::string authorization = message.headers.get("Authorization");
  replace(authorization, "/20260301/", "/20260302/");
  message.headers.set("Authorization", authorization);
  CHECK(refusal(message).code == "AuthorizationHeaderMalformed");
}

TEST_CASE_FIXTURE(S3Fixture, "fifteen minutes of difference between the clocks are accepted, not more") {
  const auto message = signed_put();
  for (const auto shift : {-15min, 15min}) {
    clock->time += shift;
    CHECK(refusal(message).code == "");
    clock->time += shift > 0min ? 1s : -1s;
    CHECK(refusal(message).code == "RequestTimeTooSkewed");
    clock->time -= shift + (shift > 0min ? 1s : -1s);
  }
  clock->time += 20min;
  const Refusal refused = refusal(message);
  CHECK(refused.status == 403);
  CHECK(refused.message == "The difference between the request time and the current time is too large.");
  CHECK(refused.fields["RequestTime"] == "20260301T120000Z");
  CHECK(refused.fields["ServerTime"] == "2026-03-01T12:20:00Z");
  CHECK(refused.fields["MaxAllowedSkewMilliseconds"] == "900000");
}

TEST_CASE_FIXTURE(S3Fixture, "every x-amz- header must be signed") {
  auto message = signed_put();
  message.headers.add("X-Amz-Meta-Added", "later");
  message.headers.add("x-amz-acl", "public-read");
  message.headers.add("X-Other", "fine");
  const Refusal refused = refusal(message);
  CHECK(refused.code == "AccessDenied");
  CHECK(refused.status == 403);
  CHECK(refused.message == "There were headers present in the request which were not signed");
  CHECK(refused.fields["HeadersNotSigned"] == "x-amz-acl, x-amz-meta-added");

  auto presigned = presigned_get(60s);
  presigned.headers.add("x-amz-content-sha256", kHash);  // clients add it, and it has no meaning
  CHECK(refusal(presigned).code == "");
  presigned.headers.add("x-amz-acl", "private");
  CHECK(refusal(presigned).fields["HeadersNotSigned"] == "x-amz-acl");
}

TEST_CASE_FIXTURE(S3Fixture, "unsigned requests and other ways to sign") {
  auto message = put_object();
  Refusal refused = refusal(message);
  CHECK(refused.code == "AccessDenied");
  CHECK(refused.status == 403);
  message.headers.add("Authorization", "Basic dGVzdDp0ZXN0");
  CHECK(refusal(message).code == "InvalidArgument");
  message.headers.set("Authorization", "AWS4-HMAC-SHA256 nonsense");
  refused = refusal(message);
  CHECK(refused.code == "AuthorizationHeaderMalformed");
  CHECK(refused.status == 400);

  auto both = signed_put();
  both.query += "&X-Amz-Algorithm=AWS4-HMAC-SHA256";
  CHECK(refusal(both).message.find("Only one auth mechanism allowed") != std::string::npos);
}

TEST_CASE_FIXTURE(S3Fixture, "the payload hash is needed and must be one of those that exist") {
  const auto with_hash = [&](const std::string& value) {
    auto message = put_object();
    message.payload_hash = value;
    aws::sigv4::sign(message, credentials, scope, now());
    return message;
  };
  auto missing = signed_put();
  missing.headers.erase("x-amz-content-sha256");
  CHECK(refusal(missing).message == "Missing required header for this request: x-amz-content-sha256");
  const Refusal refused = refusal(with_hash("invented"));
  CHECK(refused.code == "InvalidArgument");
  CHECK(refused.fields["ArgumentValue"] == "invented");

  CHECK(authenticate(with_hash("UNSIGNED-PAYLOAD")).payload == PayloadKind::unsigned_payload);
  CHECK(authenticate(with_hash("STREAMING-UNSIGNED-PAYLOAD-TRAILER")).payload ==
        PayloadKind::streaming_unsigned_trailer);
  const auto streaming = with_hash("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  const Identity identity = authenticate(streaming);
  CHECK(identity.payload == PayloadKind::streaming_signed);
  REQUIRE(identity.chunks);
  CHECK(identity.chunks->amz_date == "20260301T120000Z");
  CHECK(identity.chunks->key == aws::sigv4::signing_key("test", "20260301", "us-east-1", "s3"));
  CHECK(streaming.headers.get("Authorization").ends_with("Signature=" + identity.seed_signature));
  CHECK(authenticate(with_hash("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")).payload ==
        PayloadKind::streaming_signed_trailer);
}

TEST_CASE_FIXTURE(S3Fixture, "a presigned request is good until it expires") {
  const auto message = presigned_get(3600s);
  const Identity identity = authenticate(message);
  CHECK(identity.verified);
  CHECK(identity.payload == PayloadKind::unsigned_payload);
  clock->time += 3600s;
  CHECK(refusal(message).code == "");
  clock->time += 1s;
  const Refusal refused = refusal(message);
  CHECK(refused.code == "AccessDenied");
  CHECK(refused.status == 403);
  CHECK(refused.message == "Request has expired");
  CHECK(refused.fields["X-Amz-Expires"] == "3600");
  CHECK(refused.fields["Expires"] == "2026-03-01T13:00:00Z");
  CHECK(refused.fields["ServerTime"] == "2026-03-01T13:00:01Z");
  clock->time -= 2h;
  CHECK(refusal(message).message == "Request is not valid yet");
}

TEST_CASE_FIXTURE(S3Fixture, "a presigned request cannot be changed or completed") {
  const auto good = presigned_get(3600s);
  auto changed = good;
  changed.query += "&response-content-type=text/html";
  CHECK(refusal(changed).code == "SignatureDoesNotMatch");
  changed = good;
  replace(changed.query, "X-Amz-Expires=3600", "X-Amz-Expires=7200");
  CHECK(refusal(changed).code == "SignatureDoesNotMatch");
  changed = good;
  changed.path = "/bucket/other";
  CHECK(refusal(changed).code == "SignatureDoesNotMatch");
  changed = good;
  changed.method = "DELETE";
  CHECK(refusal(changed).code == "SignatureDoesNotMatch");

  for (const std::string name :
       {"Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"}) {
    CAPTURE(name);
    auto incomplete = good;
    replace(incomplete.query, "X-Amz-" + name + "=", "X-Gone=");
    const Refusal refused = refusal(incomplete);
    CHECK(refused.code == "AuthorizationQueryParametersError");
    CHECK(refused.status == 400);
  }
}

TEST_CASE_FIXTURE(S3Fixture, "the lifetime of a presigned request has limits") {
  CHECK(refusal(presigned_get(604'800s)).code == "");
  Refusal refused = refusal(presigned_get(604'801s));
  CHECK(refused.code == "AuthorizationQueryParametersError");
  CHECK(refused.message.find("less than a week") != std::string::npos);
  refused = refusal(presigned_get(-1s));
  CHECK(refused.code == "AuthorizationQueryParametersError");
  CHECK(refused.message == "X-Amz-Expires must be non-negative");
  auto huge = presigned_get(60s);
  replace(huge.query, "X-Amz-Expires=60", "X-Amz-Expires=99999999999999999999");
  CHECK(refusal(huge).code == "AuthorizationQueryParametersError");
  auto at_once = presigned_get(0s);  // for the second in which it was made
  CHECK(refusal(at_once).code == "");
  clock->time += 1s;
  CHECK(refusal(at_once).message == "Request has expired");
  clock->time -= 1s;
  auto twice = presigned_get(60s);
  replace(twice.query, "X-Amz-Credential=test%2F", "X-Amz-Credential=test%252F");
  refused = refusal(twice);
  CHECK(refused.code == "AuthorizationQueryParametersError");
  twice = presigned_get(60s);
  for (std::size_t at = 0; (at = twice.query.find("%2F", at)) != std::string::npos; at += 5)
    twice.query.replace(at, 3, "%252F");
  refused = refusal(twice);
  CHECK(refused.code == "AuthorizationQueryParametersError");
  CHECK(refused.message ==
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  auto word = presigned_get(60s);
  replace(word.query, "X-Amz-Expires=60", "X-Amz-Expires=soon");
  CHECK(refusal(word).code == "AuthorizationQueryParametersError");
}

TEST_CASE_FIXTURE(S3Fixture, "temporary credentials need their token and expire") {
  temporary["ASIATEMP"] = {"temporary secret", "123456789012", "the token", now() + 1h};
  credentials = {"ASIATEMP", "temporary secret", "the token", std::nullopt};
  CHECK(authenticate(signed_put()).account == "123456789012");
  CHECK(authenticate(presigned_get(60s)).access_key == "ASIATEMP");
  credentials.session_token = "another token";
  CHECK(refusal(signed_put()).code == "InvalidToken");
  credentials.session_token.clear();
  CHECK(refusal(signed_put()).code == "InvalidAccessKeyId");
  CHECK(refusal(signed_put()).status == 403);
  credentials.session_token = "the token";
  const auto url = presigned_get(2h);
  clock->time += 1h;
  CHECK(refusal(signed_put()).code == "ExpiredToken");
  CHECK(refusal(url).code == "ExpiredToken");  // before the URL itself does
  CHECK(refusal(url).status == 400);
}

TEST_CASE_FIXTURE(S3Fixture, "with authentication off everything passes and is only read") {
  const auto pass = [&](const aws::sigv4::Message& message) {
    return lenient.authenticate_s3(request_of(message), {"us-east-1", "s3"});
  };
  CHECK(pass(put_object()).access_key == "");
  credentials = {"anybody", "anything", "", std::nullopt};
  scope.region = "mars-1";
  auto message = signed_put();
  const Identity identity = pass(message);
  CHECK(identity.access_key == "anybody");
  CHECK(identity.region == "mars-1");
  CHECK_FALSE(identity.verified);
  CHECK(identity.payload == PayloadKind::literal);
  message.headers.set("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  CHECK(pass(message).payload == PayloadKind::streaming_signed);
  CHECK_FALSE(pass(message).chunks);
  message.headers.set("Authorization", "AWS4-HMAC-SHA256 nonsense");
  CHECK(pass(message).access_key == "");
  message.headers.set("Authorization", "Basic x");
  CHECK(pass(message).access_key == "");
}
