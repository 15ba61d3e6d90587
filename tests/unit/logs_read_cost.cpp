// A page of log events costs what it returns, wherever in the stream it lies: counted in the steps of
// SQLite's machine.
#include <atomic>
#include <functional>

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;
using sagemaker::tests::messages;

namespace {

constexpr std::int64_t base = LogService::now_ms - 100'000;
constexpr int event_count = 10'000;
std::atomic<std::int64_t> steps_taken{0};

int count_steps(unsigned, void*, void* statement, void*) {
  steps_taken += sqlite3_stmt_status(static_cast<sqlite3_stmt*>(statement), SQLITE_STMTSTATUS_VM_STEP, 1);
  return 0;
}

int watch_connection(sqlite3* connection, char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(connection, SQLITE_TRACE_PROFILE, count_steps, nullptr);
}

// Counts the steps of every connection that is opened while it lives.
struct StepCounter {
  using EntryPoint = void (*)();
  static EntryPoint entry_point() { return reinterpret_cast<EntryPoint>(watch_connection); }

  StepCounter() { REQUIRE(sqlite3_auto_extension(entry_point()) == SQLITE_OK); }
  ~StepCounter() { sqlite3_cancel_auto_extension(entry_point()); }
  StepCounter(const StepCounter&) = delete;
  StepCounter& operator=(const StepCounter&) = delete;

  static std::int64_t of(const std::function<void()>& work) {
    steps_taken = 0;
    work();
    return steps_taken;
  }
};

// A stream "s" in which `each_ms` events share a millisecond, with the counter attached before the store
// opens.
struct LongStream {
  explicit LongStream(int each_ms) {
    service.make_stream("s");
    std::vector<std::pair<std::int64_t, std::string>> events;
    for (int i = 0; i < event_count; ++i) {
      events.emplace_back(base + i / each_ms, std::to_string(i));
      if (events.size() < 5'000) continue;
      service.put("s", events);
      events.clear();
    }
  }

  // The steps of each page, until every event has been seen.
  std::vector<std::int64_t> pages(const std::string& operation, json input, const char* token) {
    input["logGroupName"] = "g";
    std::vector<std::int64_t> costs;
    for (std::size_t events = 0; events < event_count;) {
      json page;
      costs.push_back(StepCounter::of([&] { page = service.call(operation, input); }));
      REQUIRE_FALSE(page.at("events").empty());
      events += page.at("events").size();
      if (page.contains(token)) input["nextToken"] = page.at(token);
    }
    return costs;
  }

  std::int64_t get(json input) {
    input["logGroupName"] = "g";
    input["logStreamName"] = "s";
    return StepCounter::of([&] { service.call("GetLogEvents", input); });
  }

  StepCounter counter;  // before the store, whose connections it watches
  LogService service;
};

void check_even(const std::vector<std::int64_t>& costs) {
  REQUIRE(costs.size() == 10);
  CAPTURE(costs.front());
  CAPTURE(costs.back());
  CHECK(costs.front() > 1'000);  // so many events, each of which takes a step at least
  for (const std::int64_t cost : costs) CHECK(cost < costs.front() + costs.front() / 4);
}

}  // namespace

TEST_CASE("a late page of a long stream takes no more steps than the first") {
  for (const int each_ms : {1, 7, event_count}) {
    CAPTURE(each_ms);
    LongStream stream(each_ms);
    check_even(stream.pages("GetLogEvents",
                            {{"logStreamName", "s"}, {"limit", 1'000}, {"startFromHead", true}},
                            "nextForwardToken"));
    check_even(stream.pages("GetLogEvents", {{"logStreamName", "s"}, {"limit", 1'000}}, "nextBackwardToken"));
    check_even(stream.pages("FilterLogEvents", {{"limit", 1'000}}, "nextToken"));
    check_even(stream.pages("FilterLogEvents", {{"limit", 1'000}, {"startFromHead", false}}, "nextToken"));
  }
}

TEST_CASE("a time range costs what lies in it, from either end") {
  LongStream stream(1);
  constexpr std::int64_t steps_max = 1'000;  // ten events and what goes along with a request
  for (const bool from_head : {true, false}) {
    for (const int start : {0, event_count / 2, event_count - 10}) {
      CAPTURE(from_head);
      CAPTURE(start);
      const json range = {
          {"startTime", base + start}, {"endTime", base + start + 10}, {"startFromHead", from_head}};
      CHECK(stream.get(range) < steps_max);
    }
  }
}

TEST_CASE("a token and a time range that lie apart: the narrower end counts") {
  LogService service;
  service.make_stream("s");
  service.put("s", {{base, "a"}, {base + 1, "b"}, {base + 1, "c"}, {base + 2, "d"}, {base + 3, "e"}});
  const auto get = [&](json input) {
    input["logGroupName"] = "g";
    input["logStreamName"] = "s";
    return service.call("GetLogEvents", input);
  };
  using Messages = std::vector<std::string>;
  const json two = get({{"startFromHead", true}, {"limit", 2}});  // a, b
  const json forward = two.at("nextForwardToken");
  CHECK(messages(get({{"nextToken", forward}, {"startTime", base}})) == Messages{"c", "d", "e"});
  CHECK(messages(get({{"nextToken", forward}, {"startTime", base + 1}})) == Messages{"c", "d", "e"});
  CHECK(messages(get({{"nextToken", forward}, {"startTime", base + 2}})) == Messages{"d", "e"});
  CHECK(messages(get({{"nextToken", forward}, {"endTime", base + 2}})) == Messages{"c"});
  CHECK(messages(get({{"nextToken", forward}, {"endTime", base + 1}})).empty());
  const json backward = get({{"limit", 2}}).at("nextBackwardToken");  // before d
  CHECK(messages(get({{"nextToken", backward}, {"endTime", base + 3}})) == Messages{"a", "b", "c"});
  CHECK(messages(get({{"nextToken", backward}, {"endTime", base + 2}})) == Messages{"a", "b", "c"});
  CHECK(messages(get({{"nextToken", backward}, {"endTime", base + 1}})) == Messages{"a"});
  CHECK(messages(get({{"nextToken", backward}, {"startTime", base + 1}})) == Messages{"b", "c"});
  CHECK(messages(get({{"nextToken", backward}, {"startTime", base + 2}})).empty());
}
