// CloudWatch's filter patterns: each one is refused by a fault of the client or matches messages the same way
// every time, and the plain ones mean what they say.
#include <algorithm>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using local::services::cloudwatch_logs::EventFilter;
using local::services::cloudwatch_logs::parse_filter;

std::unique_ptr<const EventFilter> parsed(std::string_view pattern) {
  try {
    return parse_filter(pattern);
  } catch (const local::ServiceFault& fault) {
    require(fault.http_status() == 400 && fault.code() == "InvalidParameterException",
            "a refusal names the parameter");
    return nullptr;
  }
}

void check_plain(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  if (!plain) return;
  const std::string text(word);
  require(parse_filter("\"" + text + "\"")->matches("before " + text + " behind"), "a phrase is found");
  require(!parse_filter("\"" + text + "\"")->matches(""), "a phrase is not in nothing");
  require(!parse_filter("-" + text)->matches("before " + text + " behind"), "an excluded word excludes");
  require(parse_filter("?" + text + " ?somethingelse")->matches(text), "one of two words is enough");
}

// The pattern, a line feed, the message.
const Registered registered(
    {"filter_pattern",
     [](std::string_view input) {
       const std::string_view pattern = take_line(input);
       check_plain(pattern);
       const auto filter = parsed(pattern);
       if (!filter) return;
       const bool first = filter->matches(input);
       require(filter->matches(input) == first, "a message matches every time or never");
       require(parsed(pattern)->matches(input) == first, "the same pattern means the same");
       filter->matches("");
     },
     {"ERROR -debug ?warn\nan ERROR happened", "\"two words\" \"a \\\" quote\"\nthese two words",
      "%[0-9]{3} [a-z]+%\n404 not found",
      "{ $.level = \"error\" && ($.ms > 100 || $.a[0].b != 1.5e3) }\n"
      "{\"level\":\"error\",\"ms\":101,\"a\":[{\"b\":2}]}",
      "{ $.x IS NULL || $.y NOT EXISTS || $.z IS TRUE || $.n = *a* }\n{\"x\":null,\"n\":\"bad\"}",
      "[ip, user, ..., code = 4*, size > 10]\n1.2.3.4 me \"GET /\" [now] 404 11",
      "[w1=ERROR || w1=%WARN.*%]\nERROR"},
     {"{ ",      " }",  "[", "]", "$.", "$[0]", " = ", " != ", " >= ", "&&", "||", "IS NULL", "NOT EXISTS",
      "IS TRUE", "...", "*", "%", "\"", "\\\"", "?",   "-",    "(",    ")",  ",",  "1e9",     "\n"}});

}  // namespace
}  // namespace sagemaker::fuzz
