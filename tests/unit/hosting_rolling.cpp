// Goal: a rolling replacement never has less capacity than before nor more than a batch above it, and finds
// its way back from every point. Method: pools that only count.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/hosting/rolling.hpp"

using namespace sagemaker::local::services::hosting;

namespace {

struct Pools {
  int going = 0, coming = 0;
  int going_room = 1000, coming_room = 1000;  // how many may be added
  int bakes_until_alarm = 1000;
  int least = 1000, most = 0;
  double share = 0;
  std::vector<double> shares;
  bool rolled_back = false, throws = false;

  void look() {
    least = std::min(least, going + coming);
    most = std::max(most, going + coming);
    // Whoever gets requests has instances.
    if (share > 0) CHECK(coming > 0);
    if (share < 1 && !shares.empty()) CHECK(going > 0);
  }
  RollingPool pool(int& count, int& room) {
    return {[&count] { return count; },
            [this, &count, &room](int more) -> std::string {
              if (room < more && throws) throw std::runtime_error("no capacity");
              if (room < more) return "no capacity";
              room -= more;
              count += more;
              look();
              return {};
            },
            [this, &count](int fewer) {
              count -= fewer;
              look();
            }};
  }
  RollingResult run(RollingSizes sizes) {
    going = sizes.from;
    RollingHooks hooks;
    hooks.shift = [this](double to) {
      share = to;
      shares.push_back(to);
      look();
    };
    hooks.bake = [this]() -> std::string { return bakes_until_alarm-- > 0 ? "" : "alarm"; };
    hooks.on_rollback = [this] { rolled_back = true; };
    return roll(pool(going, going_room), pool(coming, coming_room), sizes, hooks);
  }
};

}  // namespace

TEST_CASE("batches come and go until the new pool has everything") {
  for (int from : {0, 1, 2, 5, 10})
    for (int to : {1, 2, 5, 10})
      for (int batch : {1, 2, 3}) {
        CAPTURE(from);
        CAPTURE(to);
        CAPTURE(batch);
        Pools pools;
        const RollingResult result = pools.run({from, to, batch, from});
        CHECK(result.failure.empty());
        CHECK(pools.coming == to);
        CHECK(pools.share == 1.0);
        CHECK(std::is_sorted(pools.shares.begin(), pools.shares.end()));
        CHECK(static_cast<int>(pools.shares.size()) == (to + batch - 1) / batch);
        if (from == to) {
          CHECK(pools.least >= from);
          CHECK(pools.most <= from + batch);
        }
      }
}

TEST_CASE("an alarm in any step brings the old pool back") {
  for (int step = 0; step < 5; ++step)
    for (int rollback_batch : {1, 2, 5}) {
      CAPTURE(step);
      CAPTURE(rollback_batch);
      Pools pools;
      pools.bakes_until_alarm = step;
      const RollingResult result = pools.run({5, 5, 1, rollback_batch});
      CHECK(result.failure == "alarm");
      CHECK(result.rollback_failure.empty());
      CHECK(pools.rolled_back);
      CHECK(pools.going == 5);
      CHECK(pools.share == 0);
      CHECK(pools.least >= 5);
    }
}

TEST_CASE("what cannot be started ends the update, and what cannot be brought back is told") {
  Pools pools;
  pools.coming_room = 2;
  CHECK(pools.run({4, 4, 1, 4}).failure == "no capacity");
  CHECK(pools.going == 4);
  CHECK(pools.share == 0);

  Pools stuck;
  stuck.coming_room = 2;
  stuck.going_room = 0;
  const RollingResult result = stuck.run({4, 4, 1, 4});
  CHECK(result.failure == "no capacity");
  CHECK(result.rollback_failure == "no capacity");
  CHECK(stuck.share == 0.5);  // both serve on
  CHECK(stuck.coming == 2);
  CHECK(stuck.going == 2);
}

TEST_CASE("an exception is a reason to go back like any other") {
  Pools pools;
  pools.coming_room = 2;
  pools.throws = true;
  const RollingResult result = pools.run({.from = 4, .to = 4, .batch = 2, .rollback_batch = 4});
  CHECK(result.failure == "no capacity");
  CHECK(result.rollback_failure.empty());
  CHECK(pools.going == 4);
  CHECK(pools.share == 0);
}

TEST_CASE("sizes are counts or parts") {
  CHECK(batch_size("INSTANCE_COUNT", 3, 10) == 3);
  CHECK(batch_size("COPY_COUNT", 30, 10) == 10);
  CHECK(batch_size("CAPACITY_PERCENT", 25, 10) == 2);
  CHECK(batch_size("CAPACITY_PERCENT", 5, 3) == 1);
  CHECK(batch_size("CAPACITY_PERCENT", 100, 0) == 1);
}
