#include <doctest/doctest.h>

#include "tests/unit/logs_fixture.hpp"

using sagemaker::json;
using sagemaker::tests::LogService;

namespace {
std::vector<std::string> names(const json& output, const char* list, const char* member) {
  std::vector<std::string> found;
  for (const json& item : output.at(list)) found.push_back(item.at(member));
  return found;
}
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("a group is created once, described and deleted") {
  LogService service;
  CHECK(service.call("CreateLogGroup", {{"logGroupName", "/aws/sagemaker/TrainingJobs"}}) == json::object());
  CHECK(service.fault("CreateLogGroup", {{"logGroupName", "/aws/sagemaker/TrainingJobs"}}) ==
        "ResourceAlreadyExistsException: The specified log group already exists");
  const json groups = service.call("DescribeLogGroups", json::object());
  REQUIRE(groups.at("logGroups").size() == 1);
  const json& group = groups.at("logGroups").at(0);
  CHECK(group.at("logGroupName") == "/aws/sagemaker/TrainingJobs");
  CHECK(group.at("creationTime") == LogService::now_ms);
  CHECK(group.at("arn") == "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/TrainingJobs:*");
  CHECK_FALSE(groups.contains("nextToken"));
  CHECK(service.call("DeleteLogGroup", {{"logGroupName", "/aws/sagemaker/TrainingJobs"}}) == json::object());
  CHECK(service.fault("DeleteLogGroup", {{"logGroupName", "/aws/sagemaker/TrainingJobs"}}) ==
        "ResourceNotFoundException: The specified log group does not exist.");
}

TEST_CASE("groups are listed by prefix and by part of the name, page by page") {
  LogService service;
  for (const char* name : {"b/1", "a/2", "a/1", "a/3"})
    service.call("CreateLogGroup", {{"logGroupName", name}});
  const auto listed = [&](const json& input) {
    return names(service.call("DescribeLogGroups", input), "logGroups", "logGroupName");
  };
  CHECK(listed(json::object()) == Names{"a/1", "a/2", "a/3", "b/1"});
  CHECK(listed({{"logGroupNamePrefix", "a/"}}) == Names{"a/1", "a/2", "a/3"});
  CHECK(listed({{"logGroupNamePattern", "/1"}}) == Names{"a/1", "b/1"});
  CHECK(listed({{"logGroupIdentifiers", {"a/2", "arn:aws:logs:us-east-1:000000000000:log-group:b/1"}}}) ==
        Names{"a/2", "b/1"});
  CHECK(service.fault("DescribeLogGroups", {{"logGroupNamePrefix", "a"}, {"logGroupNamePattern", "b"}}) ==
        "InvalidParameterException: LogGroup name prefix and LogGroup name pattern are mutually exclusive "
        "parameters.");

  const json first = service.call("DescribeLogGroups", {{"limit", 3}});
  CHECK(names(first, "logGroups", "logGroupName") == Names{"a/1", "a/2", "a/3"});
  const json second = service.call("DescribeLogGroups", {{"limit", 3}, {"nextToken", first.at("nextToken")}});
  CHECK(names(second, "logGroups", "logGroupName") == Names{"b/1"});
  CHECK_FALSE(second.contains("nextToken"));
  CHECK_FALSE(service.call("DescribeLogGroups", {{"limit", 4}}).contains("nextToken"));
  CHECK(service.fault("DescribeLogGroups", {{"nextToken", "nonsense"}}) ==
        "InvalidParameterException: The specified nextToken is invalid.");
}

TEST_CASE("what a group cannot have here is refused, not forgotten") {
  LogService service;
  CHECK(service.fault("CreateLogGroup", {{"logGroupName", "g"}, {"kmsKeyId", "k"}})
            .starts_with("InvalidParameter"));
  CHECK(service.fault("CreateLogGroup", {{"logGroupName", "g"}, {"logGroupClass", "INFREQUENT_ACCESS"}})
            .starts_with("InvalidParameter"));
  CHECK(service.fault("CreateLogGroup", {{"logGroupName", "g"}, {"deletionProtectionEnabled", true}})
            .starts_with("InvalidParameter"));
  CHECK(service.fault("CreateLogGroup", {{"logGroupName", std::string(513, 'g')}}) ==
        "InvalidParameterException: Invalid LogGroup or LogStream, both must have length less than or equal "
        "to 512.");
  CHECK_FALSE(service.logs.group_exists("g"));
}

TEST_CASE("streams are created once, in groups that exist") {
  LogService service;
  const json stream = {{"logGroupName", "g"}, {"logStreamName", "job/algo-1"}};
  CHECK(service.fault("CreateLogStream", stream) ==
        "ResourceNotFoundException: The specified log group does not exist.");
  service.make_stream("job/algo-1");
  CHECK(service.fault("CreateLogStream", stream) ==
        "ResourceAlreadyExistsException: The specified log stream already exists");
  CHECK(service.call("DeleteLogStream", stream) == json::object());
  CHECK(service.fault("DeleteLogStream", stream) ==
        "ResourceNotFoundException: The specified log stream does not exist.");
  service.call("DeleteLogGroup", {{"logGroupName", "g"}});
  CHECK(service.fault("DeleteLogStream", stream) ==
        "ResourceNotFoundException: The specified log group does not exist.");
}

TEST_CASE("streams are listed by name or by their last event") {
  LogService service;
  for (const char* name : {"job/algo-2", "job/algo-1", "other/algo-1"}) service.make_stream(name);
  service.put("job/algo-1", {{LogService::now_ms - 5, "late"}});
  service.put("job/algo-2", {{LogService::now_ms - 9, "early"}, {LogService::now_ms - 8, "early too"}});
  const auto listed = [&](json input) {
    input["logGroupName"] = "g";
    return names(service.call("DescribeLogStreams", input), "logStreams", "logStreamName");
  };
  CHECK(listed(json::object()) == Names{"job/algo-1", "job/algo-2", "other/algo-1"});
  CHECK(listed({{"descending", true}}) == Names{"other/algo-1", "job/algo-2", "job/algo-1"});
  CHECK(listed({{"logStreamNamePrefix", "job/"}, {"orderBy", "LogStreamName"}}) ==
        Names{"job/algo-1", "job/algo-2"});
  CHECK(listed({{"orderBy", "LastEventTime"}, {"descending", true}}) ==
        Names{"job/algo-1", "job/algo-2", "other/algo-1"});
  CHECK(
      service.fault("DescribeLogStreams",
                    {{"logGroupName", "g"}, {"orderBy", "LastEventTime"}, {"logStreamNamePrefix", "job"}}) ==
      "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.");
  const json found = service.call("DescribeLogStreams", {{"logGroupName", "g"}}).at("logStreams");
  CHECK(found.at(1).at("firstEventTimestamp") == LogService::now_ms - 9);
  CHECK(found.at(1).at("lastEventTimestamp") == LogService::now_ms - 8);
  CHECK(found.at(1).at("lastIngestionTime") == LogService::now_ms);
  CHECK(found.at(1).at("arn") == "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:job/algo-2");
  CHECK_FALSE(found.at(2).contains("firstEventTimestamp"));
}

// The SageMaker SDK asks again for as long as it sees a token, without sending it: a needless token hangs it
// for ever.
TEST_CASE("DescribeLogStreams gives a token only where more streams remain") {
  LogService service;
  for (int i = 0; i < 3; ++i) service.make_stream(sagemaker::tests::numbered("s", i));
  CHECK_FALSE(
      service.call("DescribeLogStreams", {{"logGroupName", "g"}, {"limit", 3}}).contains("nextToken"));
  CHECK_FALSE(service.call("DescribeLogStreams", {{"logGroupName", "g"}}).contains("nextToken"));
  for (const bool descending : {false, true}) {
    json input = {{"logGroupName", "g"}, {"limit", 2}, {"descending", descending}};
    const json first = service.call("DescribeLogStreams", input);
    CHECK(first.at("logStreams").size() == 2);
    input["nextToken"] = first.at("nextToken");
    const json second = service.call("DescribeLogStreams", input);
    CHECK(names(second, "logStreams", "logStreamName") == Names{descending ? "s0" : "s2"});
    CHECK_FALSE(second.contains("nextToken"));
    input["orderBy"] = "LastEventTime";
    CHECK(service.fault("DescribeLogStreams", input) ==
          "InvalidParameterException: The specified nextToken is invalid.");
  }
}

TEST_CASE("a group may be named by its ARN") {
  LogService service;
  service.make_stream("s");
  const auto count = [&](const std::string& identifier) {
    return service.call("DescribeLogStreams", {{"logGroupIdentifier", identifier}}).at("logStreams").size();
  };
  CHECK(count("g") == 1);
  CHECK(count("arn:aws:logs:us-east-1:000000000000:log-group:g") == 1);
  CHECK(count("arn:aws:logs:us-east-1:000000000000:log-group:g:*") == 1);
  CHECK(service.fault("DescribeLogStreams", {{"logGroupIdentifier", "g"}, {"logGroupName", "g"}}) ==
        "ValidationException: LogGroup name and LogGroup ARN are mutually exclusive parameters.");
  CHECK(service.fault("DescribeLogStreams", json::object()).find("Value null at 'logGroupName'") !=
        std::string::npos);
}
