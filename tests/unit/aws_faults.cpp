// Clients against servers that misbehave on a real connection, and the retry modes: what is sent again, how
// often, and what the caller gets in the end.
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/rate_limiter.hpp>
#include <sagemaker/clients/s3.hpp>

#include "tests/unit/aws_support.hpp"
#include "tests/unit/loopback_servers.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::RawServer;

namespace {

constexpr ServiceDescription json_service{"SageMaker", "api.sagemaker", "sagemaker", Protocol::json,
                                          "SageMaker"};

// The value of a header in a raw request, "" where it is not there.
std::string header(const std::string& head, const std::string& name) {
  const std::size_t start = head.find("\r\n" + name + ": ");
  if (start == std::string::npos) return "";
  const std::size_t value = start + name.size() + 4;
  return head.substr(value, head.find("\r\n", value) - value);
}

// Answers each connection with the next text, and closes it. Bodies of requests are read first.
struct FaultyServer {
  explicit FaultyServer(std::vector<std::string> texts)
      : answers(std::move(texts)), server([this](int number, int socket) {
          std::string head = RawServer::read_head(socket);
          const std::string length = header(head, "Content-Length");
          char byte = 0;
          for (int left = length.empty() ? 0 : std::stoi(length); left > 0; --left) {
            if (::recv(socket, &byte, 1, 0) != 1) break;
          }
          heads.push_back(std::move(head));
          const auto index = static_cast<std::size_t>(number - 1);
          if (index < answers.size()) RawServer::write(socket, answers[index]);
        }) {}

  ClientConfig config() const {
    tests::Bench bench;
    ClientConfig config = bench.config();
    config.clock = clock;
    config.transport = std::make_shared<HttplibTransport>();
    config.endpoint_url = server.origin();
    config.read_timeout = 5s;
    return config;
  }

  std::shared_ptr<tests::FakeClock> clock = std::make_shared<tests::FakeClock>();
  std::vector<std::string> answers;
  std::vector<std::string> heads;
  RawServer server;
};

std::string answer(const std::string& status, const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + more + "\r\n" + body;
}

}  // namespace

TEST_CASE("503 twice and then 200: three attempts with one invocation id and a signature each") {
  FaultyServer faulty(
      {answer("503 Slow Down", ""), answer("503 Slow Down", ""), answer("200 OK", "{\"a\":1}")});
  CHECK(ServiceClient(json_service, faulty.config()).call_json("ListModels", {}) == json{{"a", 1}});
  REQUIRE(faulty.heads.size() == 3);
  std::set<std::string> ids, signatures, attempts;
  for (const std::string& head : faulty.heads) {
    ids.insert(header(head, "amz-sdk-invocation-id"));
    signatures.insert(header(head, "Authorization"));
    attempts.insert(header(head, "amz-sdk-request"));
  }
  CHECK(ids.size() == 1);
  CHECK(signatures.size() == 3);
  CHECK(attempts == std::set<std::string>{"attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"});
  CHECK(faulty.clock->sleeps == std::vector<std::chrono::milliseconds>{1s, 2s});
}

TEST_CASE("throttling by its code is retried, whatever the status") {
  FaultyServer faulty(
      {answer("400 Bad Request", R"({"__type":"ThrottlingException","message":"Rate exceeded"})"),
       answer("200 OK", "{}")});
  CHECK_NOTHROW(ServiceClient(json_service, faulty.config()).call_json("ListModels", {}));
  CHECK(faulty.heads.size() == 2);
}

TEST_CASE("a download that breaks off starts over, and the caller gets the whole of it") {
  const std::string body(100'000, 'x');
  FaultyServer faulty(
      {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body.substr(0, 60'000), answer("200 OK", body)});
  CHECK(S3Client(faulty.config()).get_object({"bucket", "key"}).body == body);
  CHECK(faulty.heads.size() == 2);
}

TEST_CASE("responses that are always cut off are an error, never half of the data") {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
  FaultyServer faulty({half, half, half});
  try {
    S3Client(faulty.config()).get_object({"bucket", "key"});
    FAIL("no error");
  } catch (const TransportError& error) {
    CHECK(error.kind() == TransportError::Kind::reset);
  }
  CHECK(faulty.heads.size() == 3);
}

TEST_CASE("bytes that do not fit their checksum are an error, not data") {
  FaultyServer faulty({answer("200 OK", "hellp", "x-amz-checksum-crc32: NhCmhg==\r\n")});
  CHECK_THROWS_AS(S3Client(faulty.config()).get_object({"bucket", "key"}), Error);
  FaultyServer sound({answer("200 OK", "hello", "x-amz-checksum-crc32: NhCmhg==\r\n")});
  CHECK(S3Client(sound.config()).get_object({"bucket", "key"}).body == "hello");
}

TEST_CASE("no upload waits for a 100 Continue, and one that comes is skipped") {
  FaultyServer silent({answer("200 OK", "", "ETag: \"e\"\r\n")});
  CHECK(S3Client(silent.config()).put_object({.bucket = "b", .key = "k", .body = "text"}).etag == "\"e\"");
  CHECK(header(silent.heads.at(0), "Expect") == "");
  FaultyServer talkative({"HTTP/1.1 100 Continue\r\n\r\n" + answer("200 OK", "", "ETag: \"e\"\r\n")});
  CHECK(S3Client(talkative.config()).put_object({.bucket = "b", .key = "k", .body = "text"}).etag == "\"e\"");
}

TEST_CASE("a clock that is wrong is corrected once, by the server's date, also where there is no document") {
  const std::string document = "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>";
  const std::string date = "Date: Fri, 24 May 2013 06:00:00 GMT\r\n";
  for (const bool head : {false, true}) {
    FaultyServer faulty(
        {answer("403 Forbidden", head ? "" : document, date), answer("200 OK", ""), answer("200 OK", "")});
    const S3Client s3(faulty.config());
    const auto call = [&] { head ? s3.head_bucket("bucket") : s3.delete_bucket("bucket"); };
    call();
    call();
    REQUIRE(faulty.heads.size() == 3);
    CHECK(header(faulty.heads[0], "X-Amz-Date") == "20130524T000000Z");
    CHECK(header(faulty.heads[1], "X-Amz-Date") == "20130524T060000Z");
    CHECK(header(faulty.heads[2], "X-Amz-Date") == "20130524T060000Z");
    CHECK(faulty.clock->sleeps.empty());
  }
}

TEST_CASE("the legacy mode: five attempts, delays without a cap, no quota") {
  RetryQuota quota;
  RetrySession session(quota, 100, true, RetryMode::legacy);
  std::vector<std::int64_t> seconds;
  for (int i = 0; i < 7; ++i) {
    seconds.push_back(session.next_delay({FailedAttempt::Kind::reset}, [] { return 1.0; })->count() / 1000);
  }
  CHECK(seconds == std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64});
  CHECK(quota.available() == RetryQuota::capacity);
  CHECK(classify(400, "BadDigest", RetryMode::legacy).kind == FailedAttempt::Kind::transient);
  CHECK(classify(509, "509", RetryMode::legacy).kind == FailedAttempt::Kind::transient);
  CHECK(classify(400, "BadDigest").kind == FailedAttempt::Kind::permanent);
  tests::Bench bench;
  ClientConfig config = bench.config();
  config.retry_mode = "legacy";
  for (int i = 0; i < 5; ++i) bench.transport->then(500, "");
  CHECK_THROWS_AS(ServiceClient(json_service, config).call_json("X", {}), ServiceError);
  CHECK(bench.transport->used_up());
  CHECK(bench.transport->last().headers.get("User-Agent").find("cfg/retry-mode#legacy") != std::string::npos);
}

TEST_CASE("the application's id is in the user agent") {
  tests::Bench bench;
  bench.transport->then(200, "{}").then(200, "{}");
  ClientConfig config = bench.config();
  ServiceClient(json_service, config).call_json("X", {});
  CHECK(bench.transport->last().headers.get("User-Agent").find(" app/") == std::string::npos);
  auto environment = std::make_shared<FixedEnvironment>();
  environment->variables["AWS_SDK_UA_APP_ID"] = "my-app";
  config.environment = environment;
  ServiceClient(json_service, config).call_json("X", {});
  CHECK(bench.transport->last().headers.get("User-Agent").ends_with(" app/my-app"));
}

TEST_CASE("the rate limiter stays out of the way until a service throttles") {
  const auto clock = std::make_shared<tests::FakeClock>();
  RateLimiter limiter(clock);
  for (int i = 0; i < 100; ++i) {
    limiter.acquire();
    clock->sleep_for(100ms);  // ten requests a second
    limiter.answered(false);
  }
  CHECK_FALSE(limiter.enabled());
  const std::size_t before = clock->sleeps.size();
  limiter.acquire();
  CHECK(clock->sleeps.size() == before);
  limiter.answered(true);
  CHECK(limiter.enabled());
  // Seven tenths of the rate that was measured.
  CHECK(limiter.rate() == doctest::Approx(7.0).epsilon(0.1));
}

TEST_CASE("a throttled client slows down, and gets faster again as answers come") {
  const auto clock = std::make_shared<tests::FakeClock>();
  RateLimiter limiter(clock);
  const auto round = [&](bool throttled) {
    limiter.acquire();
    clock->sleep_for(10ms);
    limiter.answered(throttled);
    return limiter.rate();
  };
  for (int i = 0; i < 200; ++i) round(false);
  const double first = round(true);
  const double second = round(true);
  CHECK(second < first);
  for (int i = 0; i < 5; ++i) round(true);
  CHECK(limiter.rate() >= 0.5);
  const double low = limiter.rate();
  const auto start = clock->steady();
  for (int i = 0; i < 400; ++i) round(false);
  CHECK(limiter.rate() > low * 2);
  const std::chrono::duration<double> took = clock->steady() - start;
  CHECK(took.count() > 400 * 0.010 * 1.5);  // it had to wait
}

TEST_CASE("the adaptive mode makes a client wait after a throttled answer") {
  tests::Bench bench;
  ClientConfig config = bench.config();
  config.retry_mode = "adaptive";
  const ServiceClient client(json_service, config);
  bench.transport->then(400, R"({"__type":"ThrottlingException","message":"Rate exceeded"})").then(200, "{}");
  client.call_json("X", {});
  CHECK(bench.clock->sleeps.size() >= 2);  // the retry's delay, and the limiter's
  CHECK(bench.transport->last().headers.get("User-Agent").find("cfg/retry-mode#adaptive") !=
        std::string::npos);
}
