// The environments of a serverless variant: who gets one, when another is started, which end.
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/hosting/environment_pool.hpp"
#include "emulator/waiting.hpp"

using namespace std::chrono_literals;

namespace {

struct Environment {
  bool usable = true;
};
using Pool = sagemaker::local::services::hosting::EnvironmentPool<Environment>;
const auto usable = [](const Environment& environment) { return environment.usable; };
const Pool::Time noon = Pool::Time(12h);

std::shared_ptr<Environment> put(Pool& pool, Pool::Time when = noon) {
  auto environment = std::make_shared<Environment>();
  pool.put(environment, when);
  return environment;
}

}  // namespace

TEST_CASE("a request takes the environment that was used last") {
  Pool pool(3, 0);
  const auto first = put(pool), second = put(pool, noon + 1s);
  CHECK(pool.enter(usable).environment == second);
  CHECK(pool.enter(usable).environment == first);
  pool.leave(first, noon + 2s);
  CHECK(pool.enter(usable).environment == first);
}

TEST_CASE("as many requests are admitted as MaxConcurrency says, waiting ones counted") {
  Pool pool(2, 0);
  const auto only = put(pool);
  CHECK(pool.enter(usable).environment == only);
  const auto second = pool.enter(usable);
  CHECK(second.admitted);
  CHECK(second.start);
  CHECK(second.under_way == 2);
  CHECK_FALSE(pool.enter(usable).admitted);
  pool.leave(only, noon);
  CHECK(pool.enter(usable).admitted);
}

TEST_CASE("one environment is started for each request that waits, and a free one comes first") {
  Pool pool(3, 0);
  const auto warm = put(pool);
  REQUIRE(pool.enter(usable).environment == warm);
  REQUIRE(pool.enter(usable).start);
  std::string failure;
  pool.leave(warm, noon);
  CHECK(pool.wait(failure) == warm);  // the one that was started for it is not up yet
  const auto next = pool.enter(usable);
  CHECK_FALSE(next.environment);
  CHECK_FALSE(next.start);  // it waits for that one
  const auto started = put(pool);
  CHECK(pool.wait(failure) == started);
}

TEST_CASE("a request whose environment cannot be started hears why, and no other does") {
  Pool pool(2, 0);
  REQUIRE(pool.enter(usable).start);
  REQUIRE(pool.enter(usable).start);
  pool.failed("no ping");
  std::string failure;
  CHECK(pool.wait(failure) == nullptr);
  CHECK(failure == "no ping");
  auto other = std::async(std::launch::async, [&] { return pool.wait(failure); });
  const auto started = put(pool);
  CHECK(other.get() == started);
  CHECK(pool.enter(usable).admitted);  // the failed one is not under way any more
}

TEST_CASE("an environment that is broken is replaced") {
  Pool pool(1, 0);
  const auto broken = put(pool);
  broken->usable = false;
  const auto entry = pool.enter(usable);
  CHECK(entry.start);
  REQUIRE(entry.broken.size() == 1);
  CHECK(entry.broken.front() == broken);
}

TEST_CASE("idle environments end but for those that are provisioned") {
  Pool pool(4, 1);
  const auto oldest = put(pool), middle = put(pool, noon + 1min), newest = put(pool, noon + 2min);
  CHECK(pool.take_idle(noon - 1s).empty());
  const auto ended = pool.take_idle(noon + 2min);
  REQUIRE(ended.size() == 2);
  CHECK(ended.front() == oldest);
  CHECK(pool.missing() == 0);
  CHECK(pool.take_idle(noon + 24h).empty());
  pool.resize(4, 3);
  CHECK(pool.missing() == 2);
  pool.resize(4, 0);
  CHECK(pool.take_idle(noon + 24h).size() == 1);
}

TEST_CASE("an environment for which a request waits does not end before the request has it") {
  Pool pool(2, 0);
  REQUIRE(pool.enter(usable).start);
  const auto started = put(pool);
  CHECK(pool.take_idle(noon + 1h).empty());  // the request has not woken up yet
  std::string failure;
  CHECK(pool.wait(failure) == started);
  pool.leave(started, noon);
  CHECK(pool.take_idle(noon + 1h).size() == 1);
}

TEST_CASE("a busy environment counts among the provisioned ones") {
  Pool pool(4, 1);
  const auto first = put(pool), second = put(pool);
  REQUIRE(pool.enter(usable).environment == second);
  CHECK(pool.take_idle(noon + 1h).size() == 1);
  pool.leave(second, noon + 1h);
  CHECK(pool.take_idle(noon + 24h).empty());
}

TEST_CASE("who waits for an environment says so, for others that want the thread") {
  struct Observer final : sagemaker::local::Waiting::Observer {
    void begin_wait() noexcept override { begun.set_value(); }
    void end_wait() noexcept override { ++ended; }
    std::promise<void> begun;
    int ended = 0;
  } observer;
  Pool pool(1, 0);
  REQUIRE(pool.enter(usable).start);
  auto waiter = std::async(std::launch::async, [&] {
    sagemaker::local::Waiting::set_observer(&observer);
    std::string failure;
    return pool.wait(failure);
  });
  CHECK(observer.begun.get_future().wait_for(20s) == std::future_status::ready);
  const auto started = put(pool);
  CHECK(waiter.get() == started);
  CHECK(observer.ended == 1);
}

TEST_CASE("closing ends all waits") {
  Pool pool(1, 0);
  REQUIRE(pool.enter(usable).start);
  auto sweeper = std::async(std::launch::async, [&] { return pool.wait_idle(1h); });
  std::string failure;
  auto waiting = std::async(std::launch::async, [&] { return pool.wait(failure); });
  pool.close();
  CHECK(waiting.get() == nullptr);
  CHECK(sweeper.get().empty());
  CHECK_FALSE(pool.enter(usable).admitted);
  put(pool);  // what comes up now is not kept
  CHECK_FALSE(pool.enter(usable).admitted);
}
