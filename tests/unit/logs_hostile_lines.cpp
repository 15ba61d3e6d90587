// What a program prints may be anything: a gigabyte without a newline, bytes that are no text.
#include <doctest/doctest.h>

#include <sagemaker/aws/json.hpp>

#include "emulator/limits.hpp"
#include "emulator/runner/line_splitter.hpp"
#include "tests/unit/logs_fixture.hpp"

using namespace sagemaker;
using tests::LogService;

TEST_CASE("a line of a gigabyte becomes events of the greatest length, and costs no more memory than one") {
  const std::size_t line_bytes_max = local::RunnerLimits{}.log_line_bytes_max;
  std::size_t events = 0, bytes = 0, longest = 0;
  local::runner::LineSplitter splitter(line_bytes_max, [&](std::string_view line) {
    ++events;
    bytes += line.size();
    longest = std::max(longest, line.size());
  });
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 1024; ++i) splitter.append(piece);
  splitter.finish();
  CHECK(bytes == std::size_t{1} << 30);
  CHECK(longest == line_bytes_max);
  CHECK(events == (std::size_t{1} << 30) / line_bytes_max);
  CHECK(line_bytes_max + 26 <= 1'048'576);  // one event fits into a batch
}

TEST_CASE("bytes that are no text are stored, found and shown with replacement characters") {
  LogService service;
  service.make_stream("s");
  std::string message = "begin ";
  for (int i = 0; i < 256; ++i) message += static_cast<char>(i);
  message += " end";
  const local::store::LogEvent event{LogService::now_ms, LogService::now_ms, 0, message};
  service.logs.append("g", "s", {&event, 1});
  const json output = service.call("GetLogEvents", {{"logGroupName", "g"}, {"logStreamName", "s"}});
  CHECK(output.at("events").at(0).at("message").get_ref<const std::string&>() == message);
  const std::string shown =
      aws::parse_json(aws::dump_json(output)).at("events").at(0).at("message").get<std::string>();
  CHECK(shown.starts_with(message.substr(0, 128)));
  CHECK(shown.ends_with("\xEF\xBF\xBD end"));
  for (const char* pattern : {"begin end", "%begin%", "[a, ...]", "\"begin \""}) {
    CAPTURE(pattern);
    CHECK_NOTHROW(service.call("FilterLogEvents", {{"logGroupName", "g"}, {"filterPattern", pattern}}));
  }
  CHECK(tests::messages(
            service.call("FilterLogEvents", {{"logGroupName", "g"}, {"filterPattern", "begin end"}}))
            .size() == 1);
  CHECK(tests::messages(
            service.call("FilterLogEvents", {{"logGroupName", "g"}, {"filterPattern", "{ $.a = 1 }"}}))
            .empty());
}
