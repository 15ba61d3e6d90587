// Signature Version 2 of S3, in presigned queries and headers, and signatures that are refused by name. The
// examples are those of "Signing and authenticating REST requests" in the S3 documentation.
#include <filesystem>
#include <fstream>
#include <string>

#include "emulator/wire/signature_v2.hpp"
#include "tests/support/support.hpp"
#include "tests/unit/http_authenticator.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
using namespace std::chrono_literals;
namespace wire = sagemaker::local::wire;

namespace {

constexpr const char* secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct V2Fixture : AuthenticatorFixture {
  static aws::sigv4::Message message(std::string method, std::string path, std::string query = "") {
    aws::sigv4::Message message;
    message.method = std::move(method);
    message.path = std::move(path);
    message.query = std::move(query);
    message.headers = {{"Host", "127.0.0.1:4566"}};
    message.s3_path = true;
    return message;
  }
  static std::string signature_of(const aws::sigv4::Message& message, const wire::ClaimV2& claim,
                                  const std::string& key = "test", const std::string& bucket = "") {
    return wire::signature_v2(key, wire::string_to_sign_v2(message, claim, bucket));
  }
  // Good for a minute of the fixture's clock.
  aws::sigv4::Message presigned(aws::sigv4::Message message, const std::string& key = "test",
                                const std::string& of = "test", const std::string& bucket = "") const {
    wire::ClaimV2 claim;
    claim.presigned = true;
    claim.expires = std::to_string(aws::to_epoch_ms(now() + 60s) / 1000);
    const std::string text = signature_of(message, claim, of, bucket);
    message.query += (message.query.empty() ? "" : "&") + ("AWSAccessKeyId=" + key) +
                     "&Signature=" + aws::uri_encode(text) + "&Expires=" + claim.expires;
    return message;
  }
  aws::sigv4::Message signed_put(const std::string& date) const {
    auto put = message("PUT", "/bucket/key", "acl");
    put.headers.add("Content-Type", "text/plain");
    put.headers.add("Content-MD5", "CY9rzUYh03PK3k6DJie09g==");
    put.headers.add("x-amz-meta-b", " b  c ");
    put.headers.add("X-Amz-Meta-A", "1");
    put.headers.add("x-amz-meta-a", "2");
    put.headers.add("Date", date);
    wire::ClaimV2 claim;
    claim.date = date;
    put.headers.add("Authorization", "AWS test:" + signature_of(put, claim));
    return put;
  }
  Identity authenticate(const aws::sigv4::Message& message) const {
    return authenticator.authenticate_s3(request_of(message), {"us-east-1", "s3", {}});
  }
  Refusal refusal(const aws::sigv4::Message& message) const {
    return refusal_of([&] { authenticate(message); });
  }
  std::string today() const { return aws::format_http_date(now()); }
};

}  // namespace

TEST_CASE_FIXTURE(V2Fixture, "the S3 documentation's examples of version 2") {
  auto get = message("GET", "/photos/puppy.jpg");
  wire::ClaimV2 claim;
  claim.date = "Tue, 27 Mar 2007 19:36:42 +0000";
  get.headers.add("Date", claim.date);
  CHECK(wire::string_to_sign_v2(get, claim, "awsexamplebucket1") ==
        "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/awsexamplebucket1/photos/puppy.jpg");
  CHECK(signature_of(get, claim, secret, "awsexamplebucket1") == "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");

  auto put = message("PUT", "/photos/puppy.jpg");
  claim.date = "Tue, 27 Mar 2007 21:15:45 +0000";
  put.headers.add("Date", claim.date);
  put.headers.add("Content-Type", "image/jpeg");
  CHECK(signature_of(put, claim, secret, "awsexamplebucket1") == "iqRzw+ileNPu1fhspnRs8nOjjIA=");

  auto list = message("GET", "/", "prefix=photos&max-keys=50&marker=puppy");
  claim.date = "Tue, 27 Mar 2007 19:42:41 +0000";
  list.headers.add("Date", claim.date);
  CHECK(signature_of(list, claim, secret, "awsexamplebucket1") == "m0WP8eCtspQl5Ahe6L1SozdX9YA=");

  auto acl = message("GET", "/", "acl");
  claim.date = "Tue, 27 Mar 2007 19:44:46 +0000";
  acl.headers.add("Date", claim.date);
  CHECK(signature_of(acl, claim, secret, "awsexamplebucket1") == "82ZHiFIjc+WbcwFKGUVEQspPn+0=");
}

TEST_CASE_FIXTURE(V2Fixture, "a presigned URL is good until it expires") {
  const auto get =
      presigned(message("GET", "/bucket/a%20key+.txt", "versionId=1&response-content-type=text%2Fhtml"));
  const Identity identity = authenticate(get);
  CHECK(identity.verified);
  CHECK(identity.access_key == "test");
  CHECK(identity.payload == PayloadKind::unsigned_payload);
  clock->time += 60s;
  CHECK(refusal(get).code == "");
  clock->time += 1s;
  const Refusal refused = refusal(get);
  CHECK(refused.code == "AccessDenied");
  CHECK(refused.status == 403);
  CHECK(refused.message == "Request has expired");
  CHECK(refused.fields == json{{"Expires", "2026-03-01T12:01:00Z"}, {"ServerTime", "2026-03-01T12:01:01Z"}});
}

TEST_CASE_FIXTURE(V2Fixture, "a presigned URL cannot be changed or completed") {
  const auto good = presigned(message("GET", "/bucket/key"));
  const std::vector<std::function<void(aws::sigv4::Message&)>> changes = {
      [](auto& message) { message.method = "PUT"; },
      [](auto& message) { message.path = "/bucket/other"; },
      [](auto& message) { message.query += "&versionId=2"; },
      [](auto& message) { message.query += "&response-content-type=text/html"; },
      [](auto& message) { message.query += "&%61cl"; },
      [](auto& message) { message.query += "&version%49d=2"; },
      [](auto& message) { message.query += "1"; },  // a later end
      [](auto& message) { message.headers.add("x-amz-acl", "public-read"); },
      [](auto& message) { message.headers.add("Content-Type", "text/html"); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    auto changed = good;
    changes[i](changed);
    const Refusal refused = refusal(changed);
    CHECK(refused.code == "SignatureDoesNotMatch");
    CHECK(refused.fields["AWSAccessKeyId"] == "test");
    CHECK(refused.fields.contains("StringToSign"));
    CHECK(refused.fields.contains("StringToSignBytes"));
    CHECK(refused.fields.contains("SignatureProvided"));
  }
  // A header in the place of a parameter that was signed, which says something else now.
  auto copy = presigned(message("PUT", "/bucket/key", "x-amz-copy-source=/bucket/public"));
  copy.headers.add("x-amz-copy-source", "/bucket/public");
  CHECK(refusal(copy).code == "");
  copy.query.replace(copy.query.find("public"), 6, "secret");
  CHECK(refusal(copy).code == "SignatureDoesNotMatch");
  // A bucket is the same with a slash behind it. A key is not.
  auto bucket = presigned(message("GET", "/bucket/"));
  bucket.path = "/bucket";
  CHECK(refusal(bucket).code == "");
  auto folder = message("GET", "/key/");
  folder.headers.set("Host", "bucket.localhost");
  folder = presigned(folder, "test", "test", "bucket");
  CHECK(refusal(folder).code == "");
  folder.path = "/key";
  CHECK(refusal(folder).code == "SignatureDoesNotMatch");

  auto harmless = good;
  harmless.query += "&x-id=GetObject";  // not part of the resource
  CHECK(refusal(harmless).code == "");

  for (const std::string name : {"AWSAccessKeyId", "Signature", "Expires"}) {
    CAPTURE(name);
    auto incomplete = good;
    incomplete.query.replace(incomplete.query.find(name + "="), name.size(), "Gone");
    const Refusal refused = refusal(incomplete);
    CHECK(refused.code == "AccessDenied");
    CHECK(refused.message ==
          "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
  }
  auto word = good;
  word.query.replace(word.query.find("Expires="), std::string::npos, "Expires=tomorrow");
  CHECK(refusal(word).message == "Invalid date (should be seconds since epoch): tomorrow");
  CHECK(refusal(presigned(message("GET", "/bucket/key"), "AKIANOBODY")).code == "InvalidAccessKeyId");
}

TEST_CASE_FIXTURE(V2Fixture, "headers that a client made parameters of count as headers, once") {
  auto put = presigned(message("PUT", "/bucket/key", "x-amz-acl=private&content-type=text%2Fplain"));
  CHECK(refusal(put).code == "");
  put.headers.add("Content-Type", "text/plain");
  put.headers.add("x-amz-acl", "private");
  CHECK(refusal(put).code == "");
  put.headers.set("x-amz-acl", "public-read");
  CHECK(refusal(put).code == "SignatureDoesNotMatch");
}

TEST_CASE_FIXTURE(V2Fixture, "a virtual host's bucket is part of what is signed") {
  auto get = message("GET", "/key");
  get.headers.set("Host", "bucket.localhost:4566");
  wire::ClaimV2 claim;
  claim.presigned = true;
  claim.expires = std::to_string(aws::to_epoch_ms(now() + 60s) / 1000);
  get.query = "AWSAccessKeyId=test&Expires=" + claim.expires +
              "&Signature=" + aws::uri_encode(signature_of(get, claim, "test", "bucket"));
  CHECK(refusal(get).code == "");
  get.headers.set("Host", "another.localhost:4566");
  CHECK(refusal(get).code == "SignatureDoesNotMatch");
}

TEST_CASE_FIXTURE(V2Fixture, "signed headers: their values, the date and the form") {
  const auto good = signed_put(today());
  CHECK(authenticate(good).verified);
  for (const char* name : {"Content-Type", "Content-MD5", "x-amz-meta-a", "x-amz-meta-b"}) {
    CAPTURE(name);
    auto changed = good;
    changed.headers.set(name, "x");
    CHECK(refusal(changed).code == "SignatureDoesNotMatch");
  }
  CHECK(refusal(signed_put(aws::format_http_date(now() - 20min))).code == "RequestTimeTooSkewed");
  CHECK(refusal(signed_put(aws::format_http_date(now() + 20min))).fields["RequestTime"] ==
        aws::format_http_date(now() + 20min));
  CHECK(refusal(signed_put("yesterday")).message ==
        "AWS authentication requires a valid Date or x-amz-date header");
  for (const char* value : {"AWS test", "AWS :x", "AWS test:", "AWS "}) {
    auto broken = good;
    broken.headers.set("Authorization", value);
    CHECK(refusal(broken).code == "InvalidArgument");
    CHECK(refusal(broken).message ==
          "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
  }
  auto chunked = message("PUT", "/bucket/key");
  chunked.headers.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  chunked = presigned(chunked);
  CHECK(refusal(chunked).code == "InvalidRequest");
}

TEST_CASE_FIXTURE(V2Fixture, "how old clients write dates and buckets") {
  CHECK(refusal(signed_put("Sun, 01 Mar 2026 12:00:00 +0000")).code == "");  // s3cmd
  CHECK(refusal(signed_put("Sun, 01 Mar 2026 12:16:00 +0000")).code == "RequestTimeTooSkewed");
  auto make = presigned(message("PUT", "/bucket/"));  // botocore signs the slash and does not send it
  make.path = "/bucket";
  CHECK(refusal(make).code == "");
  make.path = "/bucke";
  CHECK(refusal(make).code == "SignatureDoesNotMatch");
  auto put = presigned(message("PUT", "/bucket/folder/"));
  put.path = "/bucket/folder";
  CHECK(refusal(put).code == "SignatureDoesNotMatch");
}

TEST_CASE_FIXTURE(V2Fixture, "temporary credentials need their token in version 2 as well") {
  temporary["ASIATEMP"] = {"temporary", "123456789012", "the token", now() + 30s};
  const auto with_token = [&](const std::string& token) {
    return presigned(message("GET", "/bucket/key", "x-amz-security-token=" + aws::uri_encode(token)),
                     "ASIATEMP", "temporary");
  };
  CHECK(authenticate(with_token("the token")).account == "123456789012");
  CHECK(refusal(with_token("another")).code == "InvalidToken");
  CHECK(refusal(presigned(message("GET", "/bucket/key"), "ASIATEMP", "temporary")).code ==
        "InvalidAccessKeyId");
  const auto url = with_token("the token");
  clock->time += 31s;  // the token expired before the URL
  CHECK(refusal(url).code == "ExpiredToken");
}

TEST_CASE_FIXTURE(V2Fixture, "two signatures in one request are one too many") {
  auto put = signed_put(today());
  put.query += "&Signature=x";
  CHECK(refusal(put).message.find("Only one auth mechanism allowed") == 0);
  auto get = presigned(message("GET", "/bucket/key"));
  get.query += "&X-Amz-Algorithm=AWS4-HMAC-SHA256";
  CHECK(refusal(get).message.find("Only one auth mechanism allowed") == 0);
}

TEST_CASE_FIXTURE(V2Fixture, "with authentication off version 2 is only read") {
  const auto pass = [&](const aws::sigv4::Message& message) {
    return lenient.authenticate_s3(request_of(message), {"us-east-1", "s3", {}});
  };
  CHECK(pass(presigned(message("GET", "/bucket/key"), "anybody")).access_key == "anybody");
  CHECK(pass(message("GET", "/", "Signature=x")).access_key == "");
  auto put = signed_put("yesterday");
  CHECK(pass(put).access_key == "test");
  CHECK_FALSE(pass(put).verified);
}

TEST_CASE_FIXTURE(V2Fixture, "signature version 4A is refused by name") {
  const auto refused_by_name = [](const Refusal& refused) {
    CHECK(refused.code == "NotImplemented");
    CHECK(refused.status == 501);
    CHECK(refused.message.find("AWS4-ECDSA-P256-SHA256") == 0);
  };
  const auto check = [&](const aws::sigv4::Message& message) {
    refused_by_name(refusal(message));
    for (const auto family : {AuthenticationFamily::json, AuthenticationFamily::query})
      refused_by_name(refusal_of([&] {
        authenticator.authenticate(request_of(message), "", family, {"us-east-1", "sagemaker", {}});
      }));
  };
  auto header = message("GET", "/");
  header.headers.add("Authorization",
                     "AWS4-ECDSA-P256-SHA256 Credential=test/20260301/sagemaker/aws4_request, "
                     "SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3045");
  check(header);
  check(message("GET", "/", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=3045"));

  const auto root = data_file("aws/sigv4-test-suite/tests/aws-signing-test-suite/v4a");
  if (!root) return skip("the vectors of awslabs/aws-c-auth are not on this machine");
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*root)) {
    std::ifstream file(entry.path() / "header-signed-request.txt");
    if (!file) continue;
    CAPTURE(entry.path().filename().string());
    std::string line;
    auto vector = message("GET", "/");
    while (std::getline(file, line))
      if (line.starts_with("Authorization:")) vector.headers.add("Authorization", line.substr(14));
    if (vector.headers.get("Authorization").starts_with(' '))
      vector.headers.set("Authorization", vector.headers.get("Authorization").substr(1));
    check(vector);
    ++cases;
  }
  CHECK(cases >= 35);
}
