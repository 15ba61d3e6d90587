#include <doctest/doctest.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;
using sagemaker::tests::messages;

namespace {
constexpr std::int64_t hour_ms = 3'600'000, day_ms = 24 * hour_ms;

json read(LogService& service) {
  return service.call("GetLogEvents",
                      {{"logGroupName", "g"}, {"logStreamName", "s"}, {"startFromHead", true}});
}
std::string put_fault(LogService& service, const std::vector<std::pair<std::int64_t, std::string>>& events) {
  return service.fault(
      "PutLogEvents",
      {{"logGroupName", "g"}, {"logStreamName", "s"}, {"logEvents", LogService::events(events)}});
}
}  // namespace

TEST_CASE("events that were put can be read, with their time of arrival") {
  LogService service;
  service.make_stream("s");
  const json output = service.put("s", {{LogService::now_ms - 2, "one"}, {LogService::now_ms - 2, "two"}});
  CHECK(output.at("nextSequenceToken").get<std::string>().size() == 56);
  CHECK_FALSE(output.contains("rejectedLogEventsInfo"));
  const json events = read(service).at("events");
  CHECK(
      events ==
      json{{{"timestamp", LogService::now_ms - 2}, {"message", "one"}, {"ingestionTime", LogService::now_ms}},
           {{"timestamp", LogService::now_ms - 2},
            {"message", "two"},
            {"ingestionTime", LogService::now_ms}}});
}

TEST_CASE("a batch is refused as a whole") {
  LogService service;
  service.make_stream("s");
  const std::int64_t now = LogService::now_ms;
  CHECK(put_fault(service, {{now, "b"}, {now - 1, "a"}}) ==
        "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological "
        "order.");
  CHECK(put_fault(service, {{now - day_ms - 1, "a"}, {now, "b"}}) ==
        "InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span "
        "more than 24 "
        "hours.");
  CHECK(put_fault(service, {{now - day_ms, "a"}, {now, "b"}}) == "");
  CHECK(put_fault(service, {{now, std::string(1'048'576 - 25, 'x')}}) ==
        "InvalidParameterException: Upload too large: 1048577 bytes exceeds limit of 1048576");
  CHECK(put_fault(service, {{now, std::string(1'048'576 - 26, 'x')}}) == "");
  CHECK(service
            .fault("PutLogEvents",
                   {{"logGroupName", "g"}, {"logStreamName", "s"}, {"logEvents", json::array()}})
            .starts_with("InvalidParameterException: "));
  CHECK(service
            .fault("PutLogEvents",
                   {{"logGroupName", "g"}, {"logStreamName", "s"}, {"logEvents", {{{"timestamp", "x"}}}}})
            .starts_with("InvalidParameterException: "));
}

TEST_CASE("groups and streams must exist") {
  LogService service;
  CHECK(put_fault(service, {{LogService::now_ms, "a"}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
  service.make_stream("other");
  CHECK(put_fault(service, {{LogService::now_ms, "a"}}) ==
        "ResourceNotFoundException: The specified log stream does not exist.");
}

TEST_CASE("events too old or too new are left out and reported") {
  LogService service;
  service.make_stream("s");
  const std::int64_t now = LogService::now_ms;
  const json old = service.put(
      "s", {{now - 14 * day_ms - 2, "x"}, {now - 14 * day_ms - 1, "y"}, {now - 14 * day_ms, "kept"}});
  CHECK(old.at("rejectedLogEventsInfo") == json{{"tooOldLogEventEndIndex", 2}});
  const json fresh = service.put("s", {{now + 2 * hour_ms, "kept too"}, {now + 2 * hour_ms + 1, "z"}});
  CHECK(fresh.at("rejectedLogEventsInfo") == json{{"tooNewLogEventStartIndex", 1}});
  const json none = service.put("s", {{now + 3 * hour_ms, "z"}});
  CHECK(none.at("rejectedLogEventsInfo") == json{{"tooNewLogEventStartIndex", 0}});
  CHECK(messages(read(service)) == std::vector<std::string>{"kept", "kept too"});
}
