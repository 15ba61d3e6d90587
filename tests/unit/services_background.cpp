// Goal: work in the background is done, however often it fails at first, and nobody waits for it for ever.
#include <atomic>
#include <stdexcept>

#include <doctest/doctest.h>

#include "emulator/services/background.hpp"

using namespace sagemaker::local::services;
using namespace std::chrono_literals;

TEST_CASE("what fails is done again until it works") {
  int attempts = 0;
  until_done(
      [&] {
        if (++attempts < 3) throw std::runtime_error("disk full");
      },
      [] { return false; }, 1ms);
  CHECK(attempts == 3);
}

TEST_CASE("what never works is given up") {
  int attempts = 0;
  until_done(
      [&] {
        ++attempts;
        throw std::runtime_error("disk full");
      },
      [&] { return attempts == 2; }, 1ms);
  CHECK(attempts == 2);
}

TEST_CASE("a task that throws ends itself only, and the next one runs") {
  std::atomic<int> done{0};
  BackgroundTasks tasks;
  tasks.run([] { throw std::runtime_error("disk full"); });
  tasks.run([&] { ++done; });
  tasks.join();
  CHECK(done == 1);
}
