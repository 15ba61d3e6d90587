// Logs: order by time and arrival, places in a stream that stay valid, and groups that take their streams
// with them.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/store/logs.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::store;
using sagemaker::tests::TemporaryDirectory;

namespace {

Logs::Place place_of(const LogEvent& event) { return {event.timestamp_ms, event.sequence}; }

struct Fixture {
  TemporaryDirectory directory;
  Database database{directory / "data.db", Logs::schema(), Durability::process};
  Logs logs{database};

  void append(std::int64_t timestamp_ms, const std::string& message) {
    const LogEvent event{timestamp_ms, timestamp_ms + 1, 0, message};
    logs.append("group", "stream", {&event, 1});
  }
  std::vector<LogEvent> read(const Logs::Range& range) const { return logs.read("group", "stream", range); }
  std::string text(const Logs::Range& range) const {
    std::string all;
    for (const LogEvent& event : read(range)) all += event.message;
    return all;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a reading ends with the event that fills it, in both directions") {
  for (int i = 0; i < 6; ++i) append(100 + i, std::to_string(i) + std::string(99, '.'));
  Logs::Range range;
  range.bytes_max = 250;
  CHECK(read(range).size() == 3);
  CHECK(range.may_have_more(read(range)));
  range.place = place_of(read(range).back());
  CHECK(read(range).front().message.front() == '3');
  CHECK(read(range).size() == 3);
  range.place.reset();
  range.forward = false;
  CHECK(read(range).size() == 3);
  CHECK(read(range).back().message.front() == '5');
  range.bytes_max = 1;  // always an event
  CHECK(read(range).size() == 1);
  range.bytes_max = 1000;
  CHECK(read(range).size() == 6);
  CHECK_FALSE(range.may_have_more(read(range)));
}

TEST_CASE_FIXTURE(Fixture, "groups and streams exist once, and appending makes what is missing") {
  CHECK(logs.create_group("g", 5));
  CHECK_FALSE(logs.create_group("g", 6));
  CHECK(logs.create_stream("g", "s", 7));
  CHECK_FALSE(logs.create_stream("g", "s", 8));
  CHECK_FALSE(logs.group_exists("group"));
  append(10, "a");
  CHECK(logs.group_exists("group"));
  CHECK(logs.groups("g").size() == 2);
  CHECK(logs.groups("gr").size() == 1);
  CHECK(logs.groups("g").front().created_ms == 5);
  CHECK(logs.find_stream("g", "s")->event_count == 0);
  CHECK_FALSE(logs.find_stream("g", "s")->first_event_ms);
  CHECK_FALSE(logs.find_stream("g", "none"));
}

TEST_CASE_FIXTURE(Fixture, "a stream knows its first and last event") {
  append(20, "b");
  append(10, "a");
  append(15, "c");
  const LogStream stream = *logs.find_stream("group", "stream");
  CHECK(stream.first_event_ms == 10);
  CHECK(stream.last_event_ms == 20);
  CHECK(stream.last_ingestion_ms == 16);
  CHECK(stream.event_count == 3);
}

TEST_CASE_FIXTURE(Fixture, "events come by time, and by arrival within one time") {
  append(20, "d");
  append(10, "a");
  append(10, "b");
  append(10, "c");
  CHECK(text({}) == "abcd");
  CHECK(text({.forward = false}) == "abcd");
  CHECK(text({.start_ms = 10, .end_ms = 20}) == "abc");
  CHECK(text({.start_ms = 11}) == "d");
  CHECK(text({.limit = 2}) == "ab");
  CHECK(text({.forward = false, .limit = 2}) == "cd");
}

TEST_CASE_FIXTURE(Fixture, "paging forward and backward visits every event once") {
  std::string expected;
  for (int i = 0; i < 23; ++i) {
    append(100 + i / 4, std::string(1, static_cast<char>('a' + i)));
    expected += static_cast<char>('a' + i);
  }
  std::string forward;
  for (Logs::Range range{.limit = 5};;) {
    const auto page = read(range);
    if (page.empty()) break;
    for (const LogEvent& event : page) forward += event.message;
    range.place = place_of(page.back());
  }
  CHECK(forward == expected);
  std::string backward;
  for (Logs::Range range{.forward = false, .limit = 5};;) {
    const auto page = read(range);
    if (page.empty()) break;
    std::string piece;
    for (const LogEvent& event : page) piece += event.message;
    backward = piece + backward;
    range.place = place_of(page.front());
  }
  CHECK(backward == expected);
}

TEST_CASE_FIXTURE(Fixture, "a reader at the end sees what is appended later, and only that") {
  append(1, "a");
  const Logs::Place end = place_of(read({}).back());
  CHECK(read({.place = end}).empty());
  CHECK(text({.place = end, .inclusive = true}) == "a");
  append(1, "b");
  append(2, "c");
  CHECK(text({.place = end}) == "bc");
  CHECK(text({.place = Logs::Place{}}) == "abc");
  CHECK(read({.place = Logs::Place{}, .forward = false}).empty());
}

TEST_CASE_FIXTURE(Fixture, "deleting a group or stream deletes its events, and a new one starts empty") {
  append(1, "a");
  CHECK(logs.delete_stream("group", "stream"));
  CHECK_FALSE(logs.delete_stream("group", "stream"));
  CHECK(read({}).empty());
  append(2, "b");
  CHECK(text({}) == "b");
  CHECK(logs.delete_group("group"));
  CHECK_FALSE(logs.delete_group("group"));
  CHECK(logs.streams("group", "").empty());
  append(3, "c");
  CHECK(text({}) == "c");
}

TEST_CASE_FIXTURE(Fixture, "streams come by name, with the prefix asked for") {
  for (const char* name : {"job/algo-2", "job/algo-1", "job-2/algo-1"}) logs.create_stream("group", name, 1);
  const auto found = logs.streams("group", "job/");
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "job/algo-1");
  CHECK(found[1].name == "job/algo-2");
}

// A reader's place outlives the event it was taken from: nothing behind it is passed over.
TEST_CASE_FIXTURE(Fixture, "expired events are gone, and places in the stream stay good") {
  append(100, "a");
  append(50, "old");
  append(120, "b");
  const auto first = read({.limit = 1});
  REQUIRE(first.front().message == "old");
  logs.expire("group", 60);
  CHECK(text({.place = place_of(first.front())}) == "ab");
  CHECK(read({.place = place_of(first.front()), .forward = false}).empty());
  CHECK(logs.find_stream("group", "stream")->first_event_ms == 100);
  CHECK(logs.find_stream("group", "stream")->event_count == 2);
  logs.expire("group", 1'000);
  CHECK_FALSE(logs.find_stream("group", "stream")->first_event_ms);
  CHECK_FALSE(logs.find_stream("group", "stream")->last_event_ms);
}

TEST_CASE_FIXTURE(Fixture, "tags and retention belong to the group and go with it") {
  CHECK_FALSE(logs.set_retention("g", 7));
  CHECK_FALSE(logs.update_tags("g", [](Logs::Tags&) {}));
  logs.create_group("g", 1, {{"a", "1"}});
  CHECK(logs.set_retention("g", 7));
  CHECK(logs.find_group("g")->retention_days == 7);
  CHECK(logs.groups("").front().retention_days == 7);
  CHECK_THROWS(logs.update_tags("g", [](Logs::Tags& tags) {
    tags.clear();
    throw std::runtime_error("no");
  }));
  CHECK(logs.tags("g") == Logs::Tags{{"a", "1"}});
  logs.delete_group("g");
  logs.create_group("g", 2);
  CHECK_FALSE(logs.find_group("g")->retention_days);
  CHECK(logs.tags("g").empty());
}
