#include <doctest/doctest.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;
using sagemaker::tests::messages;

namespace {

using Messages = std::vector<std::string>;
constexpr std::int64_t base = LogService::now_ms - 100'000;

// A stream "s" with events m0, m1, ... one millisecond apart.
struct Reader : LogService {
  explicit Reader(int count) {
    make_stream("s");
    std::vector<std::pair<std::int64_t, std::string>> events;
    for (int i = 0; i < count; ++i) events.emplace_back(base + i, sagemaker::tests::numbered("m", i));
    if (count > 0) put("s", events);
  }
  json get(json input = json::object()) {
    input["logGroupName"] = "g";
    input["logStreamName"] = "s";
    return call("GetLogEvents", input);
  }
  json from_head(json input = json::object()) {
    input["startFromHead"] = true;
    return get(input);
  }
};

}  // namespace

TEST_CASE("the newest events come first by default, the oldest with startFromHead") {
  Reader reader(5);
  CHECK(messages(reader.get({{"limit", 2}})) == Messages{"m3", "m4"});
  CHECK(messages(reader.from_head({{"limit", 2}})) == Messages{"m0", "m1"});
  CHECK(messages(reader.get()) == Messages{"m0", "m1", "m2", "m3", "m4"});
}

TEST_CASE("startTime is inclusive, endTime exclusive") {
  Reader reader(5);
  CHECK(messages(reader.from_head({{"startTime", base + 1}, {"endTime", base + 3}})) == Messages{"m1", "m2"});
}

TEST_CASE("both tokens are always there") {
  Reader reader(0);
  for (const json& output : {reader.get(), reader.from_head()}) {
    CHECK(output.at("events").empty());
    CHECK(output.at("nextForwardToken").get<std::string>().size() == 60);
    CHECK(output.at("nextBackwardToken").get<std::string>().size() == 60);
  }
}

TEST_CASE("forward tokens page to the end, stay the same there, and find what is written later") {
  Reader reader(5);
  json page = reader.from_head({{"limit", 2}});
  page = reader.get({{"limit", 2}, {"nextToken", page.at("nextForwardToken")}});
  CHECK(messages(page) == Messages{"m2", "m3"});
  page = reader.get({{"limit", 2}, {"nextToken", page.at("nextForwardToken")}});
  CHECK(messages(page) == Messages{"m4"});
  const json token = page.at("nextForwardToken");
  for (int i = 0; i < 2; ++i) {
    page = reader.get({{"nextToken", token}});
    CHECK(page.at("events").empty());
    CHECK(page.at("nextForwardToken") == token);
  }
  reader.put("s", {{base + 50, "new"}, {base + 50, "newer"}});
  page = reader.get({{"nextToken", token}});
  CHECK(messages(page) == Messages{"new", "newer"});
  CHECK(page.at("nextForwardToken") != token);
}

TEST_CASE("a token of an empty stream finds its first events") {
  Reader reader(0);
  const json token = reader.get().at("nextForwardToken");
  reader.put("s", {{base, "first"}});
  CHECK(messages(reader.get({{"nextToken", token}})) == Messages{"first"});
}

TEST_CASE("backward tokens page to the beginning and stay the same there") {
  Reader reader(5);
  json page = reader.get({{"limit", 2}});
  page = reader.get({{"limit", 2}, {"nextToken", page.at("nextBackwardToken")}});
  CHECK(messages(page) == Messages{"m1", "m2"});
  page = reader.get({{"limit", 2}, {"nextToken", page.at("nextBackwardToken")}});
  CHECK(messages(page) == Messages{"m0"});
  const json token = page.at("nextBackwardToken");
  page = reader.get({{"nextToken", token}});
  CHECK(page.at("events").empty());
  CHECK(page.at("nextBackwardToken") == token);
}

TEST_CASE("at either end one can turn round and misses nothing") {
  Reader reader(3);
  json page = reader.from_head();
  page = reader.get({{"nextToken", page.at("nextForwardToken")}});
  CHECK(page.at("events").empty());
  const json back = reader.get({{"nextToken", page.at("nextBackwardToken")}});
  CHECK(messages(back) == Messages{"m0", "m1", "m2"});
  page = reader.get({{"nextToken", back.at("nextBackwardToken")}});
  CHECK(page.at("events").empty());
  CHECK(messages(reader.get({{"nextToken", page.at("nextForwardToken")}})) == Messages{"m0", "m1", "m2"});
}

TEST_CASE("events of one millisecond keep their order across pages") {
  Reader reader(0);
  reader.put("s", {{base, "a"}, {base, "b"}, {base, "c"}});
  reader.put("s", {{base, "d"}});
  Messages seen;
  json page = reader.from_head({{"limit", 1}});
  while (!page.at("events").empty()) {
    seen.push_back(messages(page).front());
    page = reader.get({{"limit", 1}, {"nextToken", page.at("nextForwardToken")}});
  }
  CHECK(seen == Messages{"a", "b", "c", "d"});
}

TEST_CASE("a page holds at most a mebibyte, but always an event") {
  Reader reader(0);
  for (int i = 0; i < 5; ++i) reader.put("s", {{base + i, std::string(400'000, static_cast<char>('a' + i))}});
  json page = reader.from_head();
  CHECK(page.at("events").size() == 2);
  page = reader.get({{"nextToken", page.at("nextForwardToken")}});
  CHECK(messages(page).front().front() == 'c');
  const json newest = reader.get();
  CHECK(newest.at("events").size() == 2);
  CHECK(messages(newest).back().front() == 'e');
  reader.make_stream("big");
  reader.put("big", {{base, std::string(1'048'550, 'x')}});
  CHECK(reader.call("GetLogEvents", {{"logGroupName", "g"}, {"logStreamName", "big"}}).at("events").size() ==
        1);
}

TEST_CASE("a long stream is read completely, in pages of 10,000") {
  Reader reader(0);
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<std::pair<std::int64_t, std::string>> events;
    for (int i = 0; i < 4'001; ++i) events.emplace_back(base + batch, std::to_string(batch * 4'001 + i));
    reader.put("s", events);
  }
  json page = reader.from_head();
  CHECK(page.at("events").size() == 10'000);
  CHECK(messages(page).back() == "9999");
  page = reader.get({{"nextToken", page.at("nextForwardToken")}});
  CHECK(page.at("events").size() == 2'003);
  CHECK(messages(page).front() == "10000");
}

TEST_CASE("tokens that are none, groups and streams that are not there") {
  Reader reader(1);
  for (const char* token :
       {"x", "f/1/s", "f/", "", "f/0000000000000000000000000000000000000000000000000000000000/s",
        "g/00000000000000000000000000000000000000000000000000000001/s",
        "f/99999999999999999999999999999999999999999999999999999999/s",
        "f/0000000000000000000000000000000000000000000000000000000x/s"}) {
    CAPTURE(token);
    CHECK(
        reader.fault("GetLogEvents", {{"logGroupName", "g"}, {"logStreamName", "s"}, {"nextToken", token}}) ==
        "InvalidParameterException: The specified nextToken is invalid.");
  }
  CHECK(reader.fault("GetLogEvents", {{"logGroupName", "none"}, {"logStreamName", "s"}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
  CHECK(reader.fault("GetLogEvents", {{"logGroupName", "g"}, {"logStreamName", "none"}}) ==
        "ResourceNotFoundException: The specified log stream does not exist.");
}
