// Waits for news: woken by the change that was asked for, never longer than said, ended by the emulator's
// end.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/options.hpp"
#include "emulator/services/changes.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/wire/patience.hpp"

using namespace sagemaker::local;
using namespace std::chrono_literals;
using services::Changes;

namespace {

constexpr auto long_time = 60s;  // no test waits for it

// Waits on a thread of its own until a number is reached; the number of questions tells how often it was
// woken.
class Asker {
 public:
  Asker(Changes& changes, const std::string& name, const std::atomic<int>& state, int wanted)
      : thread_([this, &changes, name, &state, wanted] {
          changes.wait("job", name, long_time, [&] {
            ++questions;
            return state >= wanted;
          });
          ended = true;
        }) {}
  ~Asker() { thread_.join(); }
  void asked(int times) const {
    while (questions < times) std::this_thread::yield();
  }
  std::atomic<int> questions{0};
  std::atomic<bool> ended{false};

 private:
  std::thread thread_;
};

}  // namespace

TEST_CASE("a wait ends with the change that settles it, and no other record's change wakes it") {
  Changes changes(10);
  std::atomic<int> state{0};
  {
    const Asker asker(changes, "a", state, 2);
    asker.asked(1);
    changes.notify("job", "b");
    changes.notify("endpoint", "a");
    CHECK(asker.questions == 1);
    state = 1;
    changes.notify("job", "a");
    asker.asked(2);
    CHECK_FALSE(asker.ended);
    state = 2;
    changes.notify("job", "a");
  }
  CHECK(state == 2);
}

TEST_CASE("what is settled already does not wait; what is never settled ends in time") {
  Changes changes(10);
  changes.wait("job", "a", long_time, [] { return true; });
  int questions = 0;
  changes.wait("job", "a", 1ms, [&] {
    ++questions;
    return false;
  });
  CHECK(questions == 1);
}

TEST_CASE("no change is missed between the question and the wait") {
  Changes changes(10);
  for (int i = 0; i < 2'000; ++i) {
    std::atomic<int> state{0};
    const Asker asker(changes, "a", state, 1);
    asker.asked(i % 2);
    state = 1;
    changes.notify("job", "a");
  }
}

TEST_CASE("beyond the limit nobody waits, and at the end everybody is let go") {
  Changes changes(2);
  std::atomic<int> state{0};
  {
    const Asker one(changes, "a", state, 1), two(changes, "b", state, 1);
    one.asked(1);
    two.asked(1);
    changes.wait("job", "a", long_time, [] { return false; });
    changes.close();
  }
  changes.wait("job", "a", long_time, [] { return false; });
}

TEST_CASE("an exception of the question passes through and leaves no waiter behind") {
  Changes changes(1);
  CHECK_THROWS_AS(changes.wait("job", "a", long_time, []() -> bool { throw std::runtime_error("gone"); }),
                  std::runtime_error);
  changes.notify("job", "a");
  int questions = 0;
  changes.wait("job", "a", 0ms, [&] { return ++questions > 0; });
  CHECK(questions == 1);
}

TEST_CASE("who is ready to wait is told by the User-Agent, and by the option") {
  const auto patience = [](const char* agent, const char* option) {
    LongPollOptions options;
    if (std::string_view(option) == "all") options.who = LongPollOptions::Who::everybody;
    if (std::string_view(option) == "off") options.who = LongPollOptions::Who::nobody;
    return wire::patience_of(agent, options);
  };
  const char* v2 =
      "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython "
      "cfg/retry-mode#legacy Botocore/1.43.11 lib/AWS-SageMaker-Python-SDK#2.257.7";
  const char* v3 = "Boto3/1.43.11 md/Botocore#1.43.11 lib/AWS-SageMakerCore#2.27.0";
  const char* boto3 = "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7";
  CHECK(patience(v2, "auto") == 50s);
  CHECK(patience(v3, "auto") == 10s);
  CHECK(patience("lib/AWS-SageMaker-Python-SDK#3.0", "auto") == 10s);
  CHECK(patience(boto3, "auto") == 0s);
  CHECK(patience("", "auto") == 0s);
  CHECK(patience(boto3, "all") == 50s);
  CHECK(patience(v3, "all") == 10s);
  for (const char* agent : {v2, v3, boto3}) CHECK(patience(agent, "off") == 0s);
}

TEST_CASE("who waits is told from who wants to know by the pause before a request") {
  services::Pauses pauses(5s, 1s);
  const std::int64_t created = 100'000;
  const auto asks = [&](std::int64_t now_ms) {
    const bool waits = pauses.waits("job", created, now_ms);
    pauses.answered("job", now_ms);
    return waits;
  };
  CHECK_FALSE(asks(created + 40));      // attach()
  CHECK_FALSE(asks(created + 60));      // describe()
  CHECK(asks(created + 5'080));         // wait(), which has slept
  CHECK(asks(created + 10'900));        // and is slow
  CHECK_FALSE(asks(created + 40'000));  // another cell of a notebook
  CHECK_FALSE(pauses.waits("job", created, created + 43'000));
  CHECK(pauses.waits("other", created, created + 5'001));  // fit() has slept before its first request
  CHECK_FALSE(pauses.waits("other", created, created + 6'001));
}
