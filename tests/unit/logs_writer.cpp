// Lines of running containers on their way into the store.
#include <doctest/doctest.h>

#include "emulator/services/log_writer.hpp"
#include "tests/unit/logs_fixture.hpp"

using namespace sagemaker;
using namespace std::chrono_literals;
using tests::LogService;
using tests::messages;

TEST_CASE("a clock that is set back hides no line from those who follow the log") {
  LogService service;
  local::services::LogWriter writer(service.logs, service.clock);
  writer.open_stream("g", "s");
  writer.write("g", "s", "before");
  writer.flush();
  json input = {{"logGroupName", "g"}, {"logStreamName", "s"}, {"startFromHead", true}};
  const json first = service.call("GetLogEvents", input);
  CHECK(messages(first) == std::vector<std::string>{"before"});
  service.clock->sleep_for(-5s);
  writer.write("g", "s", "after");
  writer.write("g", "s", "later");
  writer.flush();
  input["nextToken"] = first.at("nextForwardToken");
  CHECK(messages(service.call("GetLogEvents", input)) == std::vector<std::string>{"after", "later"});
}
