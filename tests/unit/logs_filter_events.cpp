#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;
using sagemaker::tests::messages;

namespace {

using Messages = std::vector<std::string>;
constexpr std::int64_t base = LogService::now_ms - 100'000;

struct Filter : LogService {
  Filter() {
    for (const char* stream : {"AllTraffic/i-1", "AllTraffic/i-2", "Shadow/i-1"}) make_stream(stream);
    put("AllTraffic/i-1",
        {{base, "start"}, {base + 2, "ERROR disk"}, {base + 2, "same time"}, {base + 9, "end"}});
    put("AllTraffic/i-2", {{base + 1, "start two"}, {base + 2, "ERROR net"}});
    put("Shadow/i-1", {{base + 3, "shadow"}});
  }
  json filter(json input = json::object()) {
    input["logGroupName"] = "g";
    return call("FilterLogEvents", input);
  }
};

}  // namespace

TEST_CASE("events of all streams are merged by time") {
  Filter service;
  const json output = service.filter();
  CHECK(messages(output) ==
        Messages{"start", "start two", "ERROR disk", "same time", "ERROR net", "shadow", "end"});
  CHECK_FALSE(output.contains("nextToken"));
  CHECK(output.at("searchedLogStreams").is_array());
  const json& event = output.at("events").at(1);
  CHECK(event.at("logStreamName") == "AllTraffic/i-2");
  CHECK(event.at("timestamp") == base + 1);
  CHECK(event.at("ingestionTime") == LogService::now_ms);
  std::set<std::string> ids;
  for (const json& each : output.at("events")) ids.insert(each.at("eventId"));
  CHECK(ids.size() == 7);
}

TEST_CASE("streams are chosen by prefix or by name") {
  Filter service;
  CHECK(messages(service.filter({{"logStreamNamePrefix", "Shadow/"}})) == Messages{"shadow"});
  CHECK(messages(service.filter({{"logStreamNames", {"Shadow/i-1", "AllTraffic/i-2", "Shadow/i-1"}}})) ==
        Messages{"start two", "ERROR net", "shadow"});
  CHECK(service.fault("FilterLogEvents", {{"logGroupName", "g"}, {"logStreamNames", {"none"}}}) ==
        "ResourceNotFoundException: The specified log stream does not exist.");
  CHECK(service.fault("FilterLogEvents", {{"logGroupName", "none"}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
  CHECK(service
            .fault("FilterLogEvents",
                   {{"logGroupName", "g"}, {"logStreamNames", {"Shadow/i-1"}}, {"logStreamNamePrefix", "S"}})
            .starts_with("InvalidParameterException: "));
}

TEST_CASE("both ends of the time range belong to it") {
  Filter service;
  CHECK(messages(service.filter({{"startTime", base + 1}, {"endTime", base + 2}})) ==
        Messages{"start two", "ERROR disk", "same time", "ERROR net"});
}

TEST_CASE("a pattern selects events") {
  Filter service;
  CHECK(messages(service.filter({{"filterPattern", "ERROR"}})) == Messages{"ERROR disk", "ERROR net"});
  CHECK(messages(service.filter({{"filterPattern", ""}})).size() == 7);
}

TEST_CASE("pages of any size give every event once, in order") {
  Filter service;
  const Messages all = messages(service.filter());
  for (int limit = 1; limit <= 8; ++limit) {
    Messages seen;
    json input = {{"limit", limit}};
    for (int pages = 0; pages < 20; ++pages) {
      const json page = service.filter(input);
      CHECK(page.at("events").size() <= static_cast<std::size_t>(limit));
      for (const std::string& message : messages(page)) seen.push_back(message);
      if (!page.contains("nextToken")) break;
      input["nextToken"] = page.at("nextToken");
    }
    CHECK(seen == all);
  }
}

TEST_CASE("long streams are read to their end") {
  LogService service;
  std::size_t expected = 0;
  for (int stream = 0; stream < 3; ++stream) {
    const std::string name = sagemaker::tests::numbered("s", stream);
    service.make_stream(name);
    std::vector<std::pair<std::int64_t, std::string>> events;
    for (int i = 0; i < 2'500; ++i) events.emplace_back(base + i / 100, name + "-" + std::to_string(i));
    service.put(name, events);
    expected += events.size();
  }
  std::set<std::string> seen;
  std::int64_t before = 0;
  json input = {{"logGroupName", "g"}, {"limit", 999}};
  for (;;) {
    const json page = service.call("FilterLogEvents", input);
    for (const json& event : page.at("events")) {
      seen.insert(event.at("message").get<std::string>());
      CHECK(event.at("timestamp") >= before);
      before = event.at("timestamp");
    }
    if (!page.contains("nextToken")) break;
    input["nextToken"] = page.at("nextToken");
  }
  CHECK(seen.size() == expected);
}

TEST_CASE("the newest events come first where that is asked for") {
  Filter service;
  Messages all = messages(service.filter());
  std::reverse(all.begin(), all.end());
  CHECK(messages(service.filter({{"startFromHead", false}})) == all);
  for (int limit = 1; limit <= 8; ++limit) {
    Messages seen;
    json input = {{"limit", limit}, {"startFromHead", false}};
    for (int pages = 0; pages < 20; ++pages) {
      const json page = service.filter(input);
      for (const std::string& message : messages(page)) seen.push_back(message);
      if (!page.contains("nextToken")) break;
      input = {{"limit", limit}, {"nextToken", page.at("nextToken")}};  // the token knows the direction
    }
    CHECK(seen == all);
  }
}

TEST_CASE("tokens that are none") {
  Filter service;
  for (const char* token : {"x", "", "W10=", "WzEsMiwzXQ=="}) {
    CHECK(service.fault("FilterLogEvents", {{"logGroupName", "g"}, {"nextToken", token}}) ==
          "InvalidParameterException: The specified nextToken is invalid.");
  }
}
