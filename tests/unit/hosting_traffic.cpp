// Goal: requests are shared as an update says, nothing is chosen that has no share, and waits of an update
// end when they should. Method: splits of plain values; a wait of an hour that another thread cuts short.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/hosting/skippable_wait.hpp"
#include "emulator/services/sagemaker/hosting/traffic_split.hpp"

using namespace sagemaker::local::services::hosting;

TEST_CASE("requests are shared by the parts") {
  TrafficSplit<int> split;
  CHECK(split.route(0.5) == nullptr);
  CHECK(split.first() == nullptr);
  const auto old_one = std::make_shared<int>(1), new_one = std::make_shared<int>(2);
  CHECK(split.serve({{old_one, 1.0}}).empty());
  CHECK(split.route(0.0) == old_one);
  CHECK(split.route(0.999999) == old_one);
  split.serve({{old_one, 0.75}, {new_one, 0.25}});
  int newer = 0;
  for (int i = 0; i < 1000; ++i) newer += split.route(i / 1000.0) == new_one ? 1 : 0;
  CHECK(newer == 250);
  CHECK(split.first() == old_one);
  CHECK(split.serve({{new_one, 1.0}}).size() == 2);
  CHECK(split.first() == new_one);
}

TEST_CASE("what has no share gets nothing, whatever the shares round to") {
  TrafficSplit<int> split;
  const auto all = std::make_shared<int>(1), none = std::make_shared<int>(2);
  split.serve({{none, 0.0}, {all, 1.0}});
  CHECK(split.route(0.0) == all);
  split.serve({{all, 1.0 - 1e-12}, {none, 0.0}});
  CHECK(split.route(1.0 - 1e-15) == all);
}

TEST_CASE("a wait ends when somebody proceeds, when it is over, and when it is given up") {
  SkippableWait wait;
  CHECK_FALSE(wait.proceed());  // nobody waits
  CHECK(wait.wait(std::chrono::milliseconds(0), [] { return false; }));
  CHECK_FALSE(wait.wait(std::chrono::hours(1), [] { return true; }));
  std::atomic<bool> ended{false};
  std::thread waiter([&] {
    CHECK(wait.wait(std::chrono::hours(1), [] { return false; }));
    ended = true;
  });
  while (!wait.proceed()) std::this_thread::yield();
  waiter.join();
  CHECK(ended);
  CHECK_FALSE(wait.proceed());
}

TEST_CASE("who proceeds ends one wait, also before the waiting thread has seen it") {
  SkippableWait wait;
  for (int waits = 0; waits < 2; ++waits) {
    int ended = 0;
    CHECK(wait.wait(std::chrono::hours(1), [&] {
      for (int calls = 0; calls < 3; ++calls) ended += wait.proceed() ? 1 : 0;
      return false;
    }));
    CHECK(ended == 1);
  }
  CHECK_FALSE(wait.proceed());
}
