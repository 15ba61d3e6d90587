// What training jobs report goes to the tuning job that waits for it, and to no other.
#include "emulator/services/sagemaker/training/objective_feed.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

using sagemaker::local::services::ObjectiveFeed;
using Names = std::set<std::string>;

namespace {

constexpr auto at_once = ObjectiveFeed::Clock::time_point{};
constexpr auto whenever = ObjectiveFeed::Clock::time_point::max();

}  // namespace

TEST_CASE("a tuning job hears of its own training jobs") {
  ObjectiveFeed feed;
  ObjectiveFeed::Listener mine(feed, "arn:a"), other(feed, "arn:b");
  std::optional<ObjectiveFeed::Source> job(std::in_place, feed, "arn:a", "job-1", "score");
  job->report("score", 1.0);
  job->report("loss", 5.0);
  job->report("score", 2.0);
  CHECK(mine.wait(whenever).reported == Names{"job-1"});
  CHECK(mine.wait(at_once).reported.empty());
  CHECK(feed.curve("job-1") == ObjectiveFeed::Curve{1.0, 2.0});
  job->begin({1.0});
  job->report("score", 3.0);
  CHECK(job->curve() == ObjectiveFeed::Curve{1.0, 3.0});
  job.reset();
  const auto news = mine.wait(whenever);
  CHECK(news.ended == Names{"job-1"});
  CHECK(news.reported.empty());
  CHECK(!feed.curve("job-1"));
  CHECK(other.wait(at_once).ended.empty());
}

TEST_CASE("a wait ends when it is woken") {
  ObjectiveFeed feed;
  ObjectiveFeed::Listener listener(feed, "arn:a");
  std::thread waker([&] { listener.wake(); });
  CHECK(listener.wait(whenever).ended.empty());
  waker.join();
}

TEST_CASE("a job without a listener reports all the same") {
  ObjectiveFeed feed;
  {
    ObjectiveFeed::Source job(feed, "arn:a", "job-1", "score");
    job.report("score", 4.0);
    CHECK(feed.curve("job-1") == ObjectiveFeed::Curve{4.0});
  }
  ObjectiveFeed::Listener late(feed, "arn:a");
  CHECK(late.wait(at_once).ended.empty());
}

TEST_CASE("the last value stays the last, however many there are") {
  ObjectiveFeed feed;
  ObjectiveFeed::Source job(feed, "arn:a", "job-1", "score");
  for (std::size_t n = 0; n < ObjectiveFeed::values_max + 10; ++n)
    job.report("score", static_cast<double>(n));
  CHECK(job.curve().size() == ObjectiveFeed::values_max);
  CHECK(job.curve().back() == static_cast<double>(ObjectiveFeed::values_max + 9));
}
