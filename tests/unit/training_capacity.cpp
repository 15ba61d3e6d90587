// Goal: instances are given in the order in which jobs asked, all of a job's at once, and come back whatever
// happens. Method: claims of several threads on a small machine.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/jobs/capacity.hpp"

using sagemaker::local::services::Capacity;
using Claim = Capacity::Claim;

TEST_CASE("what is free is given at once, the rest waits in order") {
  Capacity capacity(4);
  auto three = std::make_unique<Claim>(capacity, 3);
  auto two = std::make_unique<Claim>(capacity, 2);
  auto one = std::make_unique<Claim>(capacity, 1);
  CHECK(three->granted());
  CHECK_FALSE(two->granted());
  CHECK_FALSE(one->granted());  // it would fit, but it came later
  CHECK(capacity.in_use() == 3);
  three.reset();
  CHECK(two->granted());
  CHECK(one->granted());
  CHECK(capacity.in_use() == 3);
}

TEST_CASE("who gives up leaves the queue to the others") {
  Capacity capacity(2);
  auto first = std::make_unique<Claim>(capacity, 1);
  auto large = std::make_unique<Claim>(capacity, 2);
  Claim small(capacity, 1);
  CHECK_FALSE(large->wait([] { return true; }));
  CHECK_FALSE(small.granted());
  large.reset();
  CHECK(small.granted());
}

TEST_CASE("a job larger than the machine runs alone") {
  Capacity capacity(2);
  auto small = std::make_unique<Claim>(capacity, 1);
  auto huge = std::make_unique<Claim>(capacity, 9);
  auto next = std::make_unique<Claim>(capacity, 1);
  CHECK_FALSE(huge->granted());
  small.reset();
  CHECK(huge->granted());
  CHECK_FALSE(next->granted());
  huge.reset();
  CHECK(next->granted());
  next.reset();
  CHECK(capacity.in_use() == 0);
}

TEST_CASE("a wake lets a waiting job look whether it was stopped") {
  Capacity capacity(1);
  const Claim holder(capacity, 1);
  std::atomic<bool> stopped{false}, asked{false};
  std::thread waiting([&] {
    Claim claim(capacity, 1, &stopped);
    CHECK_FALSE(claim.wait([&] {
      asked = true;
      return stopped.load();
    }));
  });
  while (!asked) std::this_thread::yield();
  stopped = true;
  capacity.wake(&stopped);
  waiting.join();
}

TEST_CASE("many jobs at once never hold more than there is") {
  Capacity capacity(3);
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> jobs;
  for (int i = 0; i < 24; ++i) {
    jobs.emplace_back([&, wanted = 1 + i % 3] {
      Claim claim(capacity, wanted);
      CHECK(claim.wait([] { return false; }));
      const int now = held += wanted;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
      std::this_thread::yield();
      held -= wanted;
    });
  }
  for (std::thread& job : jobs) job.join();
  CHECK(most <= 3);
  CHECK(capacity.in_use() == 0);
}
