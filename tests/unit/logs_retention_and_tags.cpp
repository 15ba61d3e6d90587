#include <doctest/doctest.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;
using sagemaker::tests::messages;

namespace {
constexpr std::int64_t day_ms = 86'400'000;
constexpr const char* arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";

void move_clock(LogService& service, std::int64_t by_ms) {
  service.clock->sleep_for(std::chrono::milliseconds(by_ms));
}
}  // namespace

TEST_CASE("retention is one of AWS's values, described, and can be taken back") {
  LogService service;
  service.make_stream("s");
  const auto described = [&] {
    return service.call("DescribeLogGroups", json::object()).at("logGroups").at(0);
  };
  CHECK_FALSE(described().contains("retentionInDays"));
  CHECK(service.call("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 3}}) ==
        json::object());
  CHECK(described().at("retentionInDays") == 3);
  CHECK(service.fault("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 2}}) ==
        "InvalidParameterException: 1 validation error detected: Value '2' at 'retentionInDays' failed to "
        "satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, "
        "365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]");
  CHECK(described().at("retentionInDays") == 3);
  service.call("DeleteRetentionPolicy", {{"logGroupName", "g"}});
  CHECK_FALSE(described().contains("retentionInDays"));
  CHECK(service.fault("PutRetentionPolicy", {{"logGroupName", "none"}, {"retentionInDays", 3}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
  CHECK(service.fault("DeleteRetentionPolicy", {{"logGroupName", "none"}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
}

TEST_CASE("events are gone when their time is over, from every way of reading") {
  LogService service;
  service.make_stream("s");
  service.put("s", {{LogService::now_ms, "one"}});
  service.call("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 1}});
  move_clock(service, day_ms);
  const json group = {{"logGroupName", "g"}};
  const json stream = {{"logGroupName", "g"}, {"logStreamName", "s"}};
  CHECK(messages(service.call("GetLogEvents", stream)).size() == 1);
  move_clock(service, 1);
  SUBCASE("GetLogEvents") { CHECK(messages(service.call("GetLogEvents", stream)).empty()); }
  SUBCASE("FilterLogEvents") { CHECK(messages(service.call("FilterLogEvents", group)).empty()); }
  SUBCASE("DescribeLogStreams") {
    CHECK_FALSE(
        service.call("DescribeLogStreams", group).at("logStreams").at(0).contains("lastEventTimestamp"));
  }
}

TEST_CASE("events that a group would not keep are left out and reported") {
  LogService service;
  service.make_stream("s");
  service.call("PutRetentionPolicy", {{"logGroupName", "g"}, {"retentionInDays", 1}});
  const std::int64_t old = LogService::now_ms - day_ms;
  CHECK(service.put("s", {{old - 1, "expired"}, {old, "kept"}}).at("rejectedLogEventsInfo") ==
        json{{"expiredLogEventEndIndex", 1}});
  CHECK(messages(service.call("FilterLogEvents", {{"logGroupName", "g"}})) ==
        std::vector<std::string>{"kept"});
  CHECK(service.put("s", {{LogService::now_ms - 15 * day_ms, "older"}}).at("rejectedLogEventsInfo") ==
        json{{"tooOldLogEventEndIndex", 1}, {"expiredLogEventEndIndex", 1}});
}

TEST_CASE("tags are given at creation, added, replaced and removed, by ARN and by name") {
  LogService service;
  service.call("CreateLogGroup", {{"logGroupName", "g"}, {"tags", {{"a", "1"}, {"b", "2"}}}});
  const auto tags = [&] { return service.call("ListTagsForResource", {{"resourceArn", arn}}).at("tags"); };
  CHECK(tags() == json{{"a", "1"}, {"b", "2"}});
  service.call("TagResource", {{"resourceArn", std::string(arn) + ":*"}, {"tags", {{"b", "3"}, {"c", "4"}}}});
  service.call("UntagResource", {{"resourceArn", arn}, {"tagKeys", {"a", "none"}}});
  CHECK(tags() == json{{"b", "3"}, {"c", "4"}});
  service.call("TagLogGroup", {{"logGroupName", "g"}, {"tags", {{"d", ""}}}});
  service.call("UntagLogGroup", {{"logGroupName", "g"}, {"tags", {"b"}}});
  CHECK(service.call("ListTagsLogGroup", {{"logGroupName", "g"}}).at("tags") == json{{"c", "4"}, {"d", ""}});
}

TEST_CASE("a group has 50 tags at most, and what is not there cannot be tagged") {
  LogService service;
  service.make_stream("s");
  json many = json::object();
  for (std::size_t i = 0; i < 49; ++i) many[sagemaker::tests::numbered("k", i)] = "v";
  service.call("TagResource", {{"resourceArn", arn}, {"tags", many}});
  service.call("TagResource", {{"resourceArn", arn}, {"tags", {{"k0", "again"}, {"fifty", ""}}}});
  CHECK(service.fault("TagResource", {{"resourceArn", arn}, {"tags", {{"more", ""}}}})
            .starts_with("TooManyTagsException: "));
  CHECK(service.call("ListTagsForResource", {{"resourceArn", arn}}).at("tags").size() == 50);
  const std::string none = "ResourceNotFoundException: The specified log group does not exist.";
  CHECK(service.fault("ListTagsForResource", {{"resourceArn", std::string(arn) + "2"}}) == none);
  CHECK(service.fault("TagLogGroup", {{"logGroupName", "none"}, {"tags", {{"a", ""}}}}) == none);
  CHECK(service.fault("UntagLogGroup", {{"logGroupName", "none"}, {"tags", {"a"}}}) == none);
  CHECK(service.fault("ListTagsForResource",
                      {{"resourceArn", "arn:aws:logs:us-east-1:000000000000:destination:d"}}) ==
        "ResourceNotFoundException: The specified resource does not exist.");
  CHECK(service.fault("TagResource", {{"resourceArn", "g"}, {"tags", {{"a", ""}}}})
            .starts_with("InvalidParameterException: "));
}
