// The pool runs everything once, no more than its limit at a time, except for threads that wait.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>

#include "emulator/http/worker_pool.hpp"
#include "emulator/waiting.hpp"

using sagemaker::local::http::WorkerPool;
using namespace std::chrono_literals;

TEST_CASE("every task runs exactly once, also those that are queued at the end") {
  std::atomic<int> sum{0};
  {
    WorkerPool pool(4, [] {});
    for (int i = 1; i <= 10'000; ++i) pool.enqueue([&sum, i] { sum += i; });
  }
  CHECK(sum == 50'005'000);
}

TEST_CASE("no more than the limit run at once") {
  std::atomic<int> running{0}, most{0};
  {
    WorkerPool pool(3, [] {});
    for (int i = 0; i < 200; ++i) {
      pool.enqueue([&] {
        int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::sleep_for(100us);
        --running;
      });
    }
  }
  CHECK(most >= 1);
  CHECK(most <= 3);
}

TEST_CASE("threads that wait, for a client or for a container, are replaced") {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool other_ran = false;
  WorkerPool pool(2, [] {});
  for (int i = 0; i < 10; ++i) {
    pool.enqueue([&] {
      const sagemaker::local::Waiting guard;
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait_for(lock, 10s, [&] { return other_ran; });
    });
  }
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, 10s, [&] { return waiting == 10; }));
  pool.enqueue([&] {
    const std::lock_guard guard(mutex);
    other_ran = true;
    changed.notify_all();
  });
  CHECK(changed.wait_for(lock, 10s, [&] { return other_ran; }));
  lock.unlock();
  pool.shutdown();
}

TEST_CASE("each new thread is prepared before it works") {
  std::atomic<int> prepared{0}, unprepared{0};
  thread_local bool ready = false;
  {
    WorkerPool pool(4, [&] {
      ready = true;
      ++prepared;
    });
    for (int i = 0; i < 100; ++i) pool.enqueue([&] { unprepared += ready ? 0 : 1; });
  }
  CHECK(prepared >= 1);
  CHECK(unprepared == 0);
}
