// When credentials that expire are replaced: the two windows, failures in each, and many threads at once.
#include <atomic>
#include <barrier>
#include <functional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/refreshing.hpp>

#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;

namespace {

class Source final : public RefreshingCredentials {
 public:
  explicit Source(std::shared_ptr<tests::FakeClock> clock)
      : RefreshingCredentials(clock), clock_(std::move(clock)) {}
  std::string name() const override { return "test"; }

  std::atomic<int> fetched{0};
  bool fails = false;
  bool empty = false;
  std::chrono::minutes lifetime = 60min;
  std::function<void()> during = [] {};

 protected:
  std::optional<Credentials> fetch() override {
    const int number = ++fetched;
    during();
    if (fails) throw CredentialsError("the source is down");
    if (empty) return std::nullopt;
    return Credentials{"K" + std::to_string(number), "s", "t", clock_->now() + lifetime};
  }

 private:
  std::shared_ptr<tests::FakeClock> clock_;
};

struct Fixture {
  std::shared_ptr<tests::FakeClock> clock = std::make_shared<tests::FakeClock>();
  Source source{clock};
  std::string key() { return source.load()->access_key_id; }
};

}  // namespace

TEST_CASE("credentials are kept until fifteen minutes before they expire") {
  Fixture test;
  CHECK(test.key() == "K1");
  test.clock->sleep_for(45min);
  CHECK(test.key() == "K1");
  test.clock->sleep_for(1s);
  CHECK(test.key() == "K2");
  CHECK(test.source.fetched == 2);
}

TEST_CASE("a failure in the advisory window keeps the current ones, and does not ask at every request") {
  Fixture test;
  CHECK(test.key() == "K1");
  test.source.fails = true;
  test.clock->sleep_for(46min);
  for (int i = 0; i < 5; ++i) CHECK(test.key() == "K1");
  CHECK(test.source.fetched == 2);
  test.clock->sleep_for(1min);
  CHECK(test.key() == "K1");
  CHECK(test.source.fetched == 3);
  test.source.fails = false;
  test.clock->sleep_for(1min);
  CHECK(test.key() == "K4");
}

TEST_CASE("a failure in the mandatory window is an error, and over when the source is back") {
  Fixture test;
  CHECK(test.key() == "K1");
  test.clock->sleep_for(51min);
  test.source.fails = true;
  CHECK_THROWS_WITH_AS(test.key(), "the source is down", CredentialsError);
  test.source.fails = false;
  test.source.empty = true;
  CHECK_THROWS_WITH_AS(
      test.key(),
      "Error when retrieving credentials from test: Credential refresh failed, response did not "
      "contain: access_key, secret_key, token, expiry_time",
      CredentialRetrievalError);
  test.source.empty = false;
  CHECK(test.key() == "K4");
}

TEST_CASE("credentials that live as long as the advisory window are not fetched for every request") {
  Fixture test;
  test.source.lifetime = 15min;
  for (int i = 0; i < 5; ++i) CHECK(test.key() == "K1");
  test.clock->sleep_for(61s);
  CHECK(test.key() == "K2");
  CHECK(test.key() == "K2");
}

TEST_CASE("credentials that are already expired when they come are an error") {
  Fixture test;
  test.source.lifetime = 0min;
  CHECK_THROWS_WITH_AS(test.key(),
                       "Credentials were refreshed, but the refreshed credentials are still expired.",
                       CredentialsError);
}

TEST_CASE("a service that calls them expired has them replaced before their time") {
  Fixture test;
  CHECK_FALSE(test.source.refresh());
  CHECK(test.key() == "K1");
  CHECK(test.source.refresh());
  CHECK(test.key() == "K2");
  CHECK(test.key() == "K2");
}

TEST_CASE("many threads at the first request: one fetches, all get the result") {
  Fixture test;
  constexpr int count = 8;
  std::barrier start(count);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      if (test.key() == "K1") ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == count);
  CHECK(test.source.fetched == 1);
}

TEST_CASE("in the advisory window nobody waits for the thread that refreshes") {
  Fixture test;
  CHECK(test.key() == "K1");
  test.clock->sleep_for(46min);
  std::string seen;
  test.source.during = [&] {
    std::thread other([&] { seen = test.key(); });  // returns while this fetch is still going on
    other.join();
  };
  CHECK(test.key() == "K2");
  CHECK(seen == "K1");
  CHECK(test.source.fetched == 2);
}

TEST_CASE("a client whose token is called expired asks its provider again, once") {
  tests::CredentialMachine machine;
  machine.keys("[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
  machine.config("[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n");
  const char* const expired = R"({"__type":"ExpiredTokenException","message":"The token is expired"})";
  machine.transport->then(200, tests::sts_answer("AssumeRole", "ONE"))
      .then(400, expired)
      .then(200, tests::sts_answer("AssumeRole", "TWO"))
      .then(200, "{}")
      .then(200, "{}");
  const ServiceClient client(tests::sagemaker_service, machine.client());
  client.call_json("ListModels", {});
  CHECK(tests::signer(machine.transport->last()) == "TWO");
  client.call_json("ListModels", {});
  CHECK(tests::signer(machine.transport->last()) == "TWO");
  CHECK(machine.transport->used_up());
}

TEST_CASE("a source that fails is not asked again by the client's own retries") {
  tests::CredentialMachine machine;
  machine.keys("[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
  machine.config("[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n");
  for (int i = 0; i < 3; ++i) machine.transport->fail(TransportError::Kind::connect);
  const ServiceClient client(tests::sagemaker_service, machine.client());
  CHECK_THROWS_AS(client.call_json("ListModels", {}), TransportError);
  CHECK(machine.transport->used_up());
}
