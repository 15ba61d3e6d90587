// Requests of pages: what a browser is told before it sends them, and on the answers.
#include "emulator/http/message.hpp"
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

namespace {

struct CorsFixture : S3BucketFixture {
  S3Answer preflight(const std::string& target, aws::Headers headers) {
    sagemaker::local::http::Request request;
    request.method = "OPTIONS";
    request.path = target;
    request.headers = std::move(headers);
    request.headers.add("Host", "localhost:4566");
    try {
      return answer_of(protocol.preflight(context, request));
    } catch (const sagemaker::local::ServiceFault& fault) {
      return answer_of(sagemaker::local::wire::S3Protocol::error(fault, request, context.request_id));
    }
  }
  aws::Headers answer_headers(const std::string& method, const std::string& origin) {
    sagemaker::local::http::Request request;
    request.method = method;
    request.path = "/bucket/key";
    request.headers = {{"Host", "localhost"}, {"Origin", origin}};
    sagemaker::local::http::Response response;
    protocol.add_cors_headers(request, response);
    return response.headers;
  }
  void set_rules(const std::string& rules) {
    REQUIRE(put("/bucket?cors", "<CORSConfiguration>" + rules + "</CORSConfiguration>").status == 200);
  }
};

const std::string two_rules =
    "<CORSRule><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
    "<AllowedOrigin>http://*.example</AllowedOrigin><AllowedHeader>X-Amz-*</AllowedHeader>"
    "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-id</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds>"
    "</CORSRule><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>";

}  // namespace

TEST_CASE_FIXTURE(CorsFixture, "a preflight says what the rules allow") {
  set_rules(two_rules);
  const S3Answer allowed =
      preflight("/bucket/key", {{"Origin", "http://a.example"},
                                {"Access-Control-Request-Method", "PUT"},
                                {"Access-Control-Request-Headers", "X-Amz-Date, x-amz-meta-a"}});
  CHECK(allowed.status == 200);
  CHECK(allowed.body.empty());
  CHECK(allowed.headers.get("Access-Control-Allow-Origin") == "http://a.example");
  CHECK(allowed.headers.get("Access-Control-Allow-Methods") == "PUT, GET");
  CHECK(allowed.headers.get("Access-Control-Allow-Headers") == "x-amz-date, x-amz-meta-a");
  CHECK(allowed.headers.get("Access-Control-Expose-Headers") == "ETag, x-amz-id");
  CHECK(allowed.headers.get("Access-Control-Max-Age") == "60");
  CHECK(allowed.headers.get("Access-Control-Allow-Credentials") == "true");
  CHECK(allowed.headers.get("Vary") ==
        "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  const S3Answer anybody =
      preflight("/bucket", {{"Origin", "https://other"}, {"Access-Control-Request-Method", "GET"}});
  CHECK(anybody.headers.get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(anybody.headers.contains("Access-Control-Allow-Credentials"));
}

TEST_CASE_FIXTURE(CorsFixture, "a preflight that is not allowed tells nothing else") {
  const aws::Headers plain = {{"Origin", "http://a.example"}, {"Access-Control-Request-Method", "GET"}};
  struct Refusal {
    std::string target;
    aws::Headers headers;
    const char *code, *message, *method, *resource;
  };
  const std::string not_allowed =
      "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
      "request "
      "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
      "resource's CORS spec.";
  const auto check = [&](const Refusal& refusal) {
    CAPTURE(refusal.message);
    const S3Answer answer = preflight(refusal.target, refusal.headers);
    CHECK(answer.code() == refusal.code);
    CHECK(answer.text("Message") == refusal.message);
    CHECK(answer.text("Method") == refusal.method);
    CHECK(answer.text("ResourceType") == refusal.resource);
    CHECK_FALSE(answer.headers.contains("Access-Control-Allow-Origin"));
  };
  check({"/nowhere/key", plain, "AccessForbidden", "CORSResponse: Bucket not found", "GET", "OBJECT"});
  check({"/bucket", plain, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", "GET",
         "BUCKET"});
  set_rules(two_rules);
  check({"/bucket/key", {}, "BadRequest", "Insufficient information. Origin request header needed.", "", ""});
  check({"/bucket/key",
         {{"Origin", "http://a"}},
         "BadRequest",
         "Invalid Access-Control-Request-Method: null",
         "",
         ""});
  for (const aws::Headers& headers :
       {aws::Headers{{"Origin", "http://a.example"}, {"Access-Control-Request-Method", "DELETE"}},
        aws::Headers{{"Origin", "http://example"}, {"Access-Control-Request-Method", "PUT"}},
        aws::Headers{{"Origin", "http://a.example.evil"}, {"Access-Control-Request-Method", "PUT"}},
        aws::Headers{{"Origin", "http://a.example"},
                     {"Access-Control-Request-Method", "PUT"},
                     {"Access-Control-Request-Headers", "content-type"}}}) {
    check({"/bucket/key", headers, "AccessForbidden", not_allowed.c_str(),
           headers.get("Access-Control-Request-Method").c_str(), "OBJECT"});
  }
}

TEST_CASE_FIXTURE(CorsFixture, "answers carry the headers that let the page read them") {
  CHECK(answer_headers("GET", "http://a.example").begin() == answer_headers("GET", "http://a.example").end());
  set_rules(two_rules);
  CHECK(answer_headers("PUT", "http://a.example").get("Access-Control-Allow-Origin") == "http://a.example");
  CHECK(answer_headers("GET", "null").get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(answer_headers("DELETE", "http://a.example").contains("Access-Control-Allow-Origin"));
  CHECK_FALSE(answer_headers("GET", "").contains("Access-Control-Allow-Origin"));
}
