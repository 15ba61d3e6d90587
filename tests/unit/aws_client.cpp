// The base of the clients against a scripted transport: what is sent, what is sent again, and what errors
// say.
#include <set>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/aws/waiter.hpp>

#include "tests/unit/aws_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::Bench;
using Kind = TransportError::Kind;

namespace {

constexpr ServiceDescription json_service{"SageMaker", "api.sagemaker", "sagemaker", Protocol::json,
                                          "SageMaker"};
constexpr ServiceDescription s3_service{"S3", "s3", "s3", Protocol::rest_xml};

const char* const throttled = R"({"__type":"ThrottlingException","message":"Rate exceeded"})";

template <typename Thrown = ServiceError, typename Action>
Thrown error_of(Action&& action) {
  try {
    action();
  } catch (const Thrown& error) {
    return error;
  }
  throw std::logic_error("nothing was thrown");
}

// The server's own view: the signature must be right for the bytes that go out.
bool is_signed(const HttpRequest& request, std::string_view secret = "SECRET") {
  sigv4::Message message;
  message.method = request.method;
  const std::size_t question = request.target.find('?');
  message.path = request.target.substr(0, question);
  if (question != std::string::npos) message.query = request.target.substr(question + 1);
  message.headers = request.headers;
  message.payload_hash = request.headers.get("x-amz-content-sha256", sha256_hex(request.body));
  message.s3_path = request.headers.contains("x-amz-content-sha256");
  const auto claim = sigv4::claim_of(message);
  return claim && sigv4::verify(message, *claim, secret);
}

class CountingSource final : public BodySource {
 public:
  explicit CountingSource(bool rewinds) : rewinds_(rewinds) {}
  std::uint64_t size() const override { return 4; }
  std::size_t read(char*, std::size_t) override { return 0; }
  bool can_rewind() const override { return rewinds_; }
  void rewind() override {}

 private:
  bool rewinds_;
};

}  // namespace

TEST_CASE("a JSON call carries its operation, body and a valid signature") {
  Bench bench;
  bench.transport->then(200, R"({"TrainingJobArn":"arn"})");
  const ServiceClient client(json_service, bench.config());
  const json answer = client.call_json("CreateTrainingJob", {{"TrainingJobName", "x"}});
  CHECK(answer.at("TrainingJobArn") == "arn");
  const HttpRequest& request = bench.transport->last();
  CHECK(request.method == "POST");
  CHECK(request.origin == "https://api.sagemaker.us-east-1.amazonaws.com");
  CHECK(request.target == "/");
  CHECK(request.body == R"({"TrainingJobName":"x"})");
  CHECK(request.headers.get("X-Amz-Target") == "SageMaker.CreateTrainingJob");
  CHECK(request.headers.get("Content-Type") == "application/x-amz-json-1.1");
  CHECK(request.headers.get("Host") == "api.sagemaker.us-east-1.amazonaws.com");
  CHECK(request.headers.get("X-Amz-Date") == "20130524T000000Z");
  CHECK(request.headers.get("amz-sdk-request") == "attempt=1; max=3");
  CHECK(request.headers.get("User-Agent").starts_with("sagemaker-cpp/"));
  CHECK(is_signed(request));
  CHECK_FALSE(is_signed(request, "OTHER"));
}

TEST_CASE("an empty answer is an empty document, one that is no JSON is an error") {
  Bench bench;
  bench.transport->then(200, "").then(200, "<html>");
  const ServiceClient client(json_service, bench.config());
  CHECK(client.call_json("DeleteModel", {}) == json::object());
  CHECK(bench.transport->last().body == "{}");
  CHECK(std::string(error_of<Error>([&] { client.call_json("DeleteModel", {}); }).what())
            .starts_with("Unable to parse the response of the DeleteModel operation, received invalid JSON"));
}

TEST_CASE("an endpoint with a base path is signed with it") {
  Bench bench;
  bench.transport->then(200, "{}");
  ClientConfig config = bench.config();
  config.endpoint_url = "http://127.0.0.1:4566/base/";
  ServiceClient(json_service, config).call_json("ListModels", {});
  CHECK(bench.transport->last().target == "/base/");
  CHECK(bench.transport->last().headers.get("Host") == "127.0.0.1:4566");
  CHECK(is_signed(bench.transport->last()));
}

TEST_CASE("errors carry AWS's code, words and request id") {
  Bench bench;
  bench.transport->then(
      400, R"({"__type":"com.amazon.coral.service#ValidationException:http://x","Message":"No.","Extra":7})",
      {{"x-amzn-RequestId", "id-1"}});
  const ServiceClient client(json_service, bench.config());
  const ServiceError error = error_of([&] { client.call_json("CreateModel", {}); });
  CHECK(error.code() == "ValidationException");
  CHECK(error.message() == "No.");
  CHECK(error.request_id() == "id-1");
  CHECK(error.operation() == "CreateModel");
  CHECK(error.http_status() == 400);
  CHECK(error.details() == json{{"Extra", 7}});
  CHECK_FALSE(error.retryable());
  CHECK(std::string(error.what()) ==
        "An error occurred (ValidationException) when calling the CreateModel operation: No.");
}

TEST_CASE("error documents of every protocol, and answers that have none") {
  const auto read = [](Protocol protocol, int status, std::string body, Headers headers = {}) {
    return read_error(protocol, HttpResponse{status, "Reason", std::move(headers), std::move(body)});
  };
  auto rest = read(Protocol::rest_json, 424, R"({"Message":"m","OriginalStatusCode":500})",
                   {{"x-amzn-ErrorType", "ModelError:http://internal"}});
  CHECK(rest.code == "ModelError");
  CHECK(rest.details.at("OriginalStatusCode") == 500);
  auto xml = read(Protocol::rest_xml, 404,
                  "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The &lt;key&gt;</Message>"
                  "<Key>a&amp;b</Key><RequestId>R</RequestId></Error>");
  CHECK(xml.code == "NoSuchKey");
  CHECK(xml.message == "The <key>");
  CHECK(xml.request_id == "R");
  CHECK(xml.details == json{{"Key", "a&b"}});
  auto query =
      read(Protocol::query, 403,
           "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>"
           "<RequestId>Q</RequestId></ErrorResponse>");
  CHECK(query.code == "AccessDenied");
  CHECK(query.request_id == "Q");
  auto head = read(Protocol::rest_xml, 404, "", {{"x-amz-request-id", "H"}});
  CHECK(head.code == "404");
  CHECK(head.message == "Reason");
  CHECK(head.request_id == "H");
  for (const Protocol protocol : {Protocol::json, Protocol::rest_json, Protocol::rest_xml, Protocol::query}) {
    for (const char* body :
         {"<html><body>Bad Gateway</body></html>", "not { anything", "[1]", "null", "{\"__type\":5}"}) {
      CHECK(read(protocol, 502, body).code == "502");
    }
  }
}

TEST_CASE("transient failures are retried with one invocation id, fresh signatures and growing delays") {
  Bench bench;
  bench.transport->then(503, "").fail(Kind::connect).then(200, "{}");
  const ServiceClient client(json_service, bench.config());
  client.call_json("ListModels", {});
  REQUIRE(bench.transport->requests.size() == 3);
  CHECK(bench.clock->sleeps == std::vector<std::chrono::milliseconds>{1000ms, 2000ms});
  std::set<std::string> ids, signatures;
  int attempt = 0;
  for (const HttpRequest& request : bench.transport->requests) {
    ids.insert(request.headers.get("amz-sdk-invocation-id"));
    signatures.insert(request.headers.get("Authorization"));
    CHECK(request.headers.get("amz-sdk-request") == "attempt=" + std::to_string(++attempt) + "; max=3");
    CHECK(is_signed(request));
  }
  CHECK(ids.size() == 1);
  CHECK(signatures.size() == 3);
}

TEST_CASE("after the last attempt the failure is reported as it was") {
  Bench bench;
  for (int i = 0; i < 3; ++i) bench.transport->then(400, throttled);
  for (int i = 0; i < 3; ++i) bench.transport->fail(Kind::timeout);
  const ServiceClient client(json_service, bench.config());
  const ServiceError error = error_of([&] { client.call_json("ListModels", {}); });
  CHECK(std::string(error.what()) ==
        "An error occurred (ThrottlingException) when calling the ListModels operation (reached max retries: "
        "2): "
        "Rate exceeded");
  CHECK(error.retryable());
  CHECK(error.attempts() == 3);
  CHECK(error_of<TransportError>([&] { client.call_json("ListModels", {}); }).kind() == Kind::timeout);
  CHECK(bench.transport->used_up());
}

TEST_CASE("permanent failures are not retried") {
  Bench bench;
  const ServiceClient client(json_service, bench.config());
  bench.transport->then(400, R"({"__type":"ValidationException","message":"no"})")
      .then(501, "")
      .fail(Kind::tls);
  CHECK_THROWS_AS(client.call_json("X", {}), ServiceError);
  CHECK_THROWS_AS(client.call_json("X", {}), ServiceError);
  CHECK_THROWS_AS(client.call_json("X", {}), TransportError);
  CHECK(bench.transport->requests.size() == 3);
  CHECK(bench.clock->sleeps.empty());
}

TEST_CASE("the numbers of botocore's standard mode") {
  RetryQuota quota;
  const RandomSource one = [] { return 1.0; };
  RetrySession session(quota, 100, true);
  std::vector<double> delays;
  for (int i = 0; i < 7; ++i) {
    delays.push_back(static_cast<double>(session.next_delay({FailedAttempt::Kind::reset}, one)->count()) /
                     1000);
  }
  CHECK(delays == std::vector<double>{1, 2, 4, 8, 16, 20, 20});
  CHECK(quota.available() == 500 - 7 * 5);
  CHECK(session.next_delay({FailedAttempt::Kind::timeout}, [] { return 0.5; }) == 10'000ms);
  CHECK(quota.available() == 500 - 7 * 5 - 10);
  session.succeeded();
  CHECK(quota.available() == 500 - 7 * 5);
  RetrySession first(quota, 3, true);
  first.succeeded();
  CHECK(quota.available() == 500 - 7 * 5 + 1);
  CHECK(quota.acquire(466));
  CHECK(quota.available() == 0);
  RetrySession starved(quota, 3, true);
  CHECK_FALSE(starved.next_delay({FailedAttempt::Kind::transient}, one));
  quota.release(1'000'000);
  CHECK(quota.available() == 500);
  for (const char* code : {"Throttling", "SlowDown", "LimitExceededException", "EC2ThrottledException",
                           "RequestTimeout", "PriorRequestNotComplete"}) {
    CHECK(is_retryable(400, code));
  }
  for (const int status : {500, 502, 503, 504}) CHECK(is_retryable(status, "Anything"));
  for (const int status : {400, 403, 404, 409, 424, 429, 501, 505})
    CHECK_FALSE(is_retryable(status, "Anything"));
}

TEST_CASE("an exhausted quota returns the error at once") {
  Bench bench;
  ClientConfig config = bench.config();
  config.max_attempts = 1000;
  const ServiceClient client(json_service, config);
  for (int i = 0; i < 101; ++i) bench.transport->then(500, "");
  CHECK(error_of([&] { client.call_json("X", {}); }).attempts() == 101);
  bench.transport->then(500, "");
  CHECK(error_of([&] { client.call_json("X", {}); }).attempts() == 1);
}

TEST_CASE("what may have been carried out is not sent twice where that matters") {
  Bench bench;
  const ServiceClient client(json_service, bench.config());
  ApiRequest once;
  once.operation = "InvokeEndpoint";
  once.idempotent = false;
  for (const Kind kind : {Kind::timeout, Kind::reset}) {
    bench.transport->fail(kind);
    CHECK_THROWS_AS(client.send(once), TransportError);
  }
  bench.transport->then(500, "");
  CHECK_THROWS_AS(client.send(once), ServiceError);
  bench.transport->fail(Kind::connect).then(400, throttled).then(200, "");
  CHECK(client.send(once).status == 200);
  bench.transport->fail(Kind::connect_timeout).then(200, "");
  CHECK(client.send(once).status == 200);
  CHECK(bench.transport->used_up());
  CHECK_FALSE(bench.transport->last().idempotent);
}

TEST_CASE("a body that cannot rewind is never sent again") {
  Bench bench;
  const ServiceClient client(s3_service, bench.config());
  ApiRequest request;
  request.operation = "PutObject";
  request.payload_hash = "UNSIGNED-PAYLOAD";
  request.stream = std::make_shared<CountingSource>(false);
  bench.transport->then(503, "");
  CHECK_THROWS_AS(client.send(request), ServiceError);
  request.stream = std::make_shared<CountingSource>(true);
  bench.transport->then(503, "").then(200, "");
  CHECK_NOTHROW(client.send(request));
}

TEST_CASE("a wrong clock is corrected from the server's date, for this call and later ones") {
  Bench bench;
  const ServiceClient client(s3_service, bench.config());
  const char* const skewed = "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>";
  bench.transport->then(403, skewed, {{"Date", "Fri, 24 May 2013 01:00:00 GMT"}}).then(200, "").then(200, "");
  ApiRequest request;
  request.operation = "ListBuckets";
  client.send(request);
  CHECK(bench.transport->requests[0].headers.get("X-Amz-Date") == "20130524T000000Z");
  CHECK(bench.transport->requests[1].headers.get("X-Amz-Date") == "20130524T010000Z");
  CHECK(bench.clock->sleeps.empty());
  client.send(request);
  CHECK(bench.transport->last().headers.get("X-Amz-Date") == "20130524T010000Z");
}

TEST_CASE("a rejected signature is only retried where the clock explains it") {
  Bench bench;
  const ServiceClient client(json_service, bench.config());
  const char* const invalid = R"({"__type":"InvalidSignatureException","message":"m"})";
  bench.transport->then(403, invalid, {{"Date", "Fri, 24 May 2013 00:01:00 GMT"}});
  CHECK_THROWS_AS(client.call_json("X", {}), ServiceError);
  bench.transport->then(403, invalid);
  CHECK_THROWS_AS(client.call_json("X", {}), ServiceError);
  // Corrected once; when that does not help, the error is the user's.
  for (const char* date : {"Fri, 24 May 2013 05:00:00 GMT", "Fri, 24 May 2013 09:00:00 GMT"}) {
    bench.transport->then(403, invalid, {{"Date", date}});
  }
  CHECK_THROWS_AS(client.call_json("X", {}), ServiceError);
  CHECK(bench.transport->used_up());
}

TEST_CASE("expired credentials are refreshed once") {
  struct Refreshable final : CredentialsProvider {
    int refreshed = 0;
    std::string name() const override { return "test"; }
    std::optional<Credentials> load() override {
      return Credentials{"AKID", "S" + std::to_string(refreshed), "", {}};
    }
    bool refresh() override { return ++refreshed > 0; }
  };
  Bench bench;
  ClientConfig config = bench.config();
  config.credentials.reset();
  const auto provider = std::make_shared<Refreshable>();
  config.credentials_provider = provider;
  const ServiceClient client(json_service, config);
  const char* const expired = R"({"__type":"ExpiredTokenException","message":"m"})";
  bench.transport->then(400, expired).then(200, "{}");
  client.call_json("X", {});
  CHECK(is_signed(bench.transport->last(), "S1"));
  bench.transport->then(400, expired).then(400, expired);
  CHECK(error_of([&] { client.call_json("X", {}); }).code() == "ExpiredTokenException");
  CHECK(provider->refreshed == 2);
}

TEST_CASE("no credentials are reported before anything is sent") {
  Bench bench;
  ClientConfig config = bench.config();
  config.credentials.reset();
  const ServiceClient client(json_service, config);
  CHECK(std::string(error_of<CredentialsError>([&] { client.call_json("X", {}); }).what()) ==
        "Unable to locate credentials");
  CHECK(bench.transport->requests.empty());
}

TEST_CASE("one client serves many threads") {
  Bench bench;
  const ServiceClient client(json_service, bench.config());
  for (int i = 0; i < 200; ++i) bench.transport->then(200, "{}");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([client] {
      for (int j = 0; j < 50; ++j) client.call_json("X", {});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> ids;
  for (const HttpRequest& request : bench.transport->requests)
    ids.insert(request.headers.get("amz-sdk-invocation-id"));
  CHECK(ids.size() == 200);
}

TEST_CASE("a waiter looks again with growing pauses until the decision") {
  tests::FakeClock clock;
  int looks = 0;
  WaitSpec spec{"Training job x",
                [&]() -> std::optional<json> {
                  return json{{"n", ++looks}};
                },
                [](const std::optional<json>& description) { return description->at("n") == 12; }};
  std::vector<json> seen;
  WaitOptions options{.on_poll = [&](const json& description) { seen.push_back(description); }};
  CHECK(wait(spec, options, clock) == json{{"n", 12}});
  CHECK(seen.size() == 12);
  REQUIRE(clock.sleeps.size() == 11);
  CHECK(clock.sleeps[0] == 100ms);
  CHECK(clock.sleeps[1] == 150ms);
  CHECK(clock.sleeps.back() == 5000ms);
}

TEST_CASE("a waiter gives up at its deadline, not before and not much later") {
  tests::FakeClock clock;
  WaitSpec spec{"Endpoint e", [] { return std::optional<json>(json::object()); },
                [](const std::optional<json>&) { return false; }};
  const auto start = clock.steady();
  const WaitTimeout error = error_of<WaitTimeout>([&] { wait(spec, {.timeout = 60s}, clock); });
  CHECK(std::string(error.what()) ==
        "Gave up waiting for Endpoint e after 60 seconds; it was not stopped and goes on");
  CHECK(clock.steady() - start == 60s);
}

TEST_CASE("pages and items end at the last page, empty pages are passed over") {
  std::vector<json> inputs;
  const std::vector<json> answers{{{"Jobs", {1, 2}}, {"NextToken", "a"}},
                                  {{"Jobs", json::array()}, {"NextToken", "b"}},
                                  {{"Jobs", {3}}, {"NextToken", ""}}};
  const Pages pages({.fetch =
                         [&](const json& input) {
                           inputs.push_back(input);
                           return answers.at(inputs.size() - 1);
                         },
                     .input = {{"MaxResults", 2}}});
  std::vector<int> items;
  for (const json& item : PageItems(pages)) items.push_back(item.get<int>());
  CHECK(items == std::vector<int>{1, 2, 3});
  CHECK(inputs == std::vector<json>{{{"MaxResults", 2}},
                                    {{"MaxResults", 2}, {"NextToken", "a"}},
                                    {{"MaxResults", 2}, {"NextToken", "b"}}});
  inputs.clear();
  int count = 0;
  for (const json& page : pages) count += page.is_object() ? 1 : 0;
  CHECK(count == 3);
}

TEST_CASE("a token that comes twice is an error, except where it marks the end") {
  const auto same = [](const json&) { return json{{"L", {1}}, {"NextToken", "t"}}; };
  int count = 0;
  CHECK_THROWS_AS(for (const json& page : Pages({.fetch = same})) count += page.is_object() ? 1 : 0, Error);
  CHECK(count == 2);
  count = 0;
  for (const json& item : PageItems(Pages({.fetch = same, .end_when_repeated = true}), "L"))
    count += item.get<int>();
  CHECK(count == 2);
}
