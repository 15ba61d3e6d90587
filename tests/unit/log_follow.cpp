// Following a log: every event once and none missed, whatever the pages, the milliseconds and the order in
// which events become readable.
#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/clients/logs.hpp>
#include <sagemaker/clients/metrics.hpp>

#include "tests/unit/aws_support.hpp"

using namespace sagemaker;

namespace {

// FilterLogEvents of a group in memory, reached through the client's transport. Time passes only while the
// client sleeps; `on_sleep` is what the world does meanwhile.
struct World final : aws::Transport {
  struct Clock final : aws::Clock {
    aws::TimePoint now() const override { return aws::from_epoch_ms(now_ms); }
    void sleep_for(std::chrono::milliseconds duration) override {
      now_ms += duration.count();
      if (on_sleep) on_sleep(now_ms);
    }
    std::chrono::steady_clock::time_point steady() const override {
      return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms));
    }
    std::int64_t now_ms = 1'700'000'000'000;
    std::function<void(std::int64_t now_ms)> on_sleep;
  };

  aws::HttpResponse send(const aws::HttpRequest& request) override {
    ++requests;
    const json input = aws::parse_json(request.body);
    inputs.push_back(input);
    if (!exists)
      return {400, "Bad Request", {}, R"({"__type":"ResourceNotFoundException","message":"none"})"};
    const auto start = input.value("startTime", std::int64_t{0});
    const auto prefix = input.value("logStreamNamePrefix", "");
    std::vector<LogEvent> found;
    for (const LogEvent& event : events)
      if (event.timestamp_ms >= start && event.stream.starts_with(prefix)) found.push_back(event);
    std::stable_sort(found.begin(), found.end(),
                     [](const LogEvent& a, const LogEvent& b) { return a.timestamp_ms < b.timestamp_ms; });
    const std::size_t first =
        input.contains("nextToken") ? std::stoul(input["nextToken"].get<std::string>()) : 0;
    json page = {{"events", json::array()}};
    for (std::size_t i = first; i < std::min(found.size(), first + page_size); ++i)
      page["events"].push_back({{"logStreamName", found[i].stream},
                                {"message", found[i].message},
                                {"eventId", found[i].id},
                                {"timestamp", found[i].timestamp_ms}});
    if (first + page_size < found.size()) page["nextToken"] = std::to_string(first + page_size);
    return {200, "OK", {}, page.dump()};
  }

  void write(const std::string& stream, std::int64_t timestamp_ms, const std::string& message) {
    events.push_back({stream, message, std::to_string(events.size()), timestamp_ms, 0});
  }

  std::vector<LogEvent> events;
  std::vector<json> inputs;
  std::size_t page_size = 3;
  bool exists = true;
  int requests = 0;
};

struct Fixture {
  std::shared_ptr<World> world = std::make_shared<World>();
  std::shared_ptr<World::Clock> clock = std::make_shared<World::Clock>();
  LogsClient client{[this] {
    tests::Bench bench;
    ClientConfig config = bench.config();
    config.transport = world;
    config.clock = clock;
    return config;
  }()};
  std::vector<std::string> seen;

  void follow(const LogQuery& query, const FollowOptions& options) {
    client.follow(query, options, [this](const LogEvent& event) { seen.push_back(event.message); });
  }
  // Ends after `looks` looks.
  static std::function<bool()> after(int looks) {
    return [left = looks]() mutable { return --left <= 0; };
  }
};
using Messages = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is there comes first, then what is written while following") {
  world->write("a", clock->now_ms - 60'000, "old");
  clock->on_sleep = [&, next = 0](std::int64_t now_ms) mutable {
    if (++next <= 30) world->write("a", now_ms, std::to_string(next));
  };
  follow({.group = "g"}, {.finished = after(3)});
  Messages expected{"old"};
  for (int i = 1; i <= 30; ++i) expected.push_back(std::to_string(i));
  CHECK(seen == expected);
}

TEST_CASE_FIXTURE(Fixture, "events of one millisecond are delivered once each, on any page") {
  for (world->page_size = 1; world->page_size <= 6; ++world->page_size) {
    seen.clear();
    world->events.clear();
    for (int i = 0; i < 5; ++i) world->write("a", clock->now_ms, std::to_string(i));
    clock->on_sleep = [&, once = false, now = clock->now_ms](std::int64_t) mutable {
      if (!std::exchange(once, true))
        for (int i = 5; i < 9; ++i) world->write("b", now, std::to_string(i));
    };
    follow({.group = "g"}, {.finished = after(4)});
    CHECK(seen == Messages{"0", "1", "2", "3", "4", "5", "6", "7", "8"});
  }
}

TEST_CASE_FIXTURE(Fixture, "an event that becomes readable after later ones is not missed") {
  world->write("a", clock->now_ms, "first");
  clock->on_sleep = [&, once = false](std::int64_t now_ms) mutable {
    if (!std::exchange(once, true)) world->write("b", now_ms - 8'000, "late");
  };
  follow({.group = "g"}, {.finished = after(2)});
  CHECK(seen == Messages{"first", "late"});
}

TEST_CASE_FIXTURE(Fixture, "a writer whose clock is ahead does not hide the others") {
  world->write("a", clock->now_ms + 3'600'000, "from the future");
  clock->on_sleep = [&, count = 0](std::int64_t now_ms) mutable {
    if (++count <= 3) world->write("b", now_ms, std::to_string(count));
  };
  follow({.group = "g"}, {.finished = after(4)});
  CHECK(seen == Messages{"from the future", "1", "2", "3"});
}

TEST_CASE_FIXTURE(Fixture, "what is not there yet is waited for") {
  world->exists = false;
  clock->on_sleep = [&, count = 0](std::int64_t now_ms) mutable {
    if (++count == 40) {
      world->exists = true;
      world->write("job/algo-10", now_ms, "of another host");
      world->write("job/algo-1", now_ms, "hello");
    }
  };
  follow({.group = "g", .stream = "job/algo-1"}, {.until = [](const LogEvent&) { return true; }});
  CHECK(seen == Messages{"hello"});
  CHECK(world->inputs.back().at("logStreamNamePrefix") == "job/algo-1");
}

TEST_CASE_FIXTURE(Fixture, "following ends behind the event that was waited for, and with the stop token") {
  for (int i = 0; i < 10; ++i) world->write("a", clock->now_ms + i, std::to_string(i));
  follow({.group = "g"}, {.until = [](const LogEvent& event) { return event.message == "4"; }});
  CHECK(seen == Messages{"0", "1", "2", "3", "4"});
  CHECK(world->requests == 2);

  seen.clear();
  std::stop_source source;
  const std::int64_t before_ms = clock->now_ms;
  clock->on_sleep = [&](std::int64_t) { source.request_stop(); };
  follow({.group = "g"}, {.stop = source.get_token()});
  CHECK(seen.size() == 10);
  CHECK(clock->now_ms - before_ms <= 100);  // not a whole interval
  follow({.group = "g"}, {.stop = source.get_token()});
  CHECK(seen.size() == 10);
}

TEST_CASE_FIXTURE(Fixture, "the last look comes after the job has ended") {
  clock->on_sleep = [&, once = false](std::int64_t now_ms) mutable {
    if (!std::exchange(once, true)) world->write("a", now_ms, "last words");
  };
  int asked = 0;
  follow({.group = "g"}, {.finished = [&] { return ++asked == 2; }});
  CHECK(seen == Messages{"last words"});
  CHECK(world->requests == 2);
}

TEST_CASE_FIXTURE(Fixture, "a long log is followed without starting again each time") {
  for (int i = 0; i < 1'000; ++i) world->write("a", clock->now_ms - 1'000'000 + i * 1'000, std::to_string(i));
  world->page_size = 100;
  follow({.group = "g"}, {.finished = after(3)});
  CHECK(seen.size() == 1'000);
  CHECK(world->requests == 10 + 2);
}

TEST_CASE_FIXTURE(Fixture, "a random world is seen exactly once") {
  std::uint32_t state = 7;
  const auto random = [&](std::uint32_t bound) {
    return state = state * 1664525u + 1013904223u, (state >> 8) % bound;
  };
  for (int round = 0; round < 30; ++round) {
    seen.clear();
    world->events.clear();
    world->page_size = 1 + random(5);
    clock->on_sleep = [&](std::int64_t now_ms) {
      for (std::uint32_t i = random(3); i > 0; --i)
        world->write(random(2) ? "a" : "b", now_ms - random(5'000), std::to_string(world->events.size()));
    };
    follow({.group = "g"}, {.finished = after(5)});
    Messages expected;
    for (const LogEvent& event : world->events) expected.push_back(event.message);
    std::sort(expected.begin(), expected.end());
    std::sort(seen.begin(), seen.end());
    CHECK(seen == expected);
  }
}

TEST_CASE_FIXTURE(Fixture, "other errors end it") {
  struct Refusing final : aws::Transport {
    aws::HttpResponse send(const aws::HttpRequest&) override {
      return {400, "Bad Request", {}, R"({"__type":"AccessDeniedException","message":"no"})"};
    }
  };
  tests::Bench bench;
  ClientConfig config = bench.config();
  config.transport = std::make_shared<Refusing>();
  const LogsClient refused(config);
  CHECK_THROWS_AS(refused.follow({.group = "g"}, {}, [](const LogEvent&) {}), ServiceError);
}

TEST_CASE_FIXTURE(Fixture, "events are a range over all pages") {
  for (int i = 0; i < 7; ++i) world->write("a", clock->now_ms + i, std::to_string(i));
  for (const LogEvent& event : client.events({.group = "arn:aws:logs:us-east-1:000000000000:log-group:g",
                               .stream = "a",
                               .filter_pattern = "x",
                               .start_ms = 1,
                               .end_ms = 2'000'000'000'000}))
    seen.push_back(event.message);
  CHECK(seen == Messages{"0", "1", "2", "3", "4", "5", "6"});
  json first = world->inputs.front();
  CHECK(first == json{{"logGroupIdentifier", "arn:aws:logs:us-east-1:000000000000:log-group:g"},
                      {"logStreamNames", {"a"}},
                      {"filterPattern", "x"},
                      {"startTime", 1},
                      {"endTime", 2'000'000'000'000}});
}

TEST_CASE("the metrics client speaks JSON 1.0") {
  tests::Bench bench;
  const MetricsClient client(bench.config());
  bench.transport->then(200, "");
  CHECK(client.put_metric_data({{"Namespace", "App"}}) == json::object());
  const aws::HttpRequest& request = bench.transport->last();
  CHECK(request.headers.get("Content-Type") == "application/x-amz-json-1.0");
  CHECK(request.headers.get("X-Amz-Target") == "GraniteServiceVersion20100801.PutMetricData");
  CHECK(request.headers.get("Authorization").find("/us-east-1/monitoring/aws4_request") != std::string::npos);
  CHECK(request.origin == "https://monitoring.us-east-1.amazonaws.com");
  bench.transport->then(200, R"({"Metrics":[{"MetricName":"a"}],"NextToken":"t"})");
  bench.transport->then(200, R"({"Metrics":[{"MetricName":"b"}]})");
  std::string names;
  for (const json& metric : client.metrics({{"Namespace", "App"}}))
    names += metric.at("MetricName").get<std::string>();
  CHECK(names == "ab");
  CHECK(aws::parse_json(bench.transport->last().body) == json{{"Namespace", "App"}, {"NextToken", "t"}});
}
