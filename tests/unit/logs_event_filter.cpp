#include <doctest/doctest.h>

#include "emulator/services/logs/event_filter.hpp"
#include "emulator/services/service_error.hpp"

using sagemaker::local::ServiceFault;
using sagemaker::local::services::cloudwatch_logs::parse_filter;

namespace {
bool matches(const std::string& pattern, const std::string& message) {
  return parse_filter(pattern)->matches(message);
}
std::string refusal(const std::string& pattern) {
  try {
    parse_filter(pattern);
    return "";
  } catch (const ServiceFault& fault) {
    return fault.code() + ": " + fault.message();
  }
}
}  // namespace

TEST_CASE("terms must all occur, with their case") {
  CHECK(matches("ERROR disk", "disk ERROR 5"));
  CHECK_FALSE(matches("ERROR disk", "ERROR 5"));
  CHECK_FALSE(matches("error", "ERROR"));
  CHECK(matches("", "anything"));
  CHECK(matches("  ", "anything"));
}

TEST_CASE("phrases, exclusions and optional terms") {
  CHECK(matches("\"exit code: 1\"", "the exit code: 1!"));
  CHECK_FALSE(matches("\"exit code: 1\"", "exit 1 code:"));
  CHECK(matches("\"say \\\"hi\\\"\"", "say \"hi\""));
  CHECK(matches("ERROR -retry", "ERROR final"));
  CHECK_FALSE(matches("ERROR -retry", "ERROR retry"));
  CHECK_FALSE(matches("-\"not this\"", "but not this"));
  CHECK(matches("?ERROR ?WARN", "a WARN"));
  CHECK_FALSE(matches("?ERROR ?WARN", "an INFO"));
  CHECK_FALSE(matches("?ERROR ?WARN -b", "WARN b"));
  CHECK_FALSE(matches("?ERROR INFO", "ERROR"));  // beside required terms optional ones do not count
  CHECK(matches("?ERROR INFO", "INFO"));
}

TEST_CASE("regular expressions between percent signs") {
  CHECK(matches("%loss=[0-9.]+%", "epoch 1 loss=0.5"));
  CHECK_FALSE(matches("%^loss=[0-9.]+$%", "epoch 1 loss=0.5"));
  CHECK(refusal("%a(b%").starts_with("InvalidParameterException: "));
}

TEST_CASE("what AWS refuses is refused in its words") {
  CHECK(refusal("?Status: timeout") == "InvalidParameterException: Invalid character(s) in term ':'");
  CHECK(refusal("a`") == "InvalidParameterException: Invalid character(s) in term '`'");
  CHECK(refusal("\"open").starts_with("InvalidParameterException: "));
  CHECK(refusal("- x").starts_with("InvalidParameterException: "));
  CHECK(refusal("%x").starts_with("InvalidParameterException: "));
}

TEST_CASE("JSON conditions compare members") {
  const std::string event =
      R"({"level":"error","code":404,"ms":12.5,"user":null,"ok":false,"a":{"b":[{"c":"x"},{"c":"y"}]}})";
  CHECK(matches("{ $.level = \"error\" }", event));
  CHECK(matches("{ $.level = error }", event));
  CHECK(matches("{ $.level = \"e*r\" }", event));
  CHECK_FALSE(matches("{ $.level = \"e*x\" }", event));
  CHECK(matches("{ $.level = %^err% }", event));
  CHECK_FALSE(matches("{ $.level != \"error\" }", event));
  CHECK(matches("{ $.level != \"info\" }", event));
  CHECK(matches("{ $.code = 404 }", event));
  CHECK(matches("{ $.code = 4* }", event));
  CHECK(matches("{ $.ms > 12 && $.ms < 13 }", event));
  CHECK(matches("{$.ms>=12.5&&$.ms<=12.5}", event));
  CHECK_FALSE(matches("{ $.ms > 12.5 }", event));
  CHECK_FALSE(matches("{ $.level > 1 }", event));
}

TEST_CASE("JSON conditions reach into structures and test for kinds") {
  const std::string event = R"({"user":null,"ok":false,"a":{"b":[{"c":"x"},{"c":"y"}]},"detail-type":"t"})";
  CHECK(matches("{ $.a.b[1].c = \"y\" }", event));
  CHECK_FALSE(matches("{ $.a.b[2].c = \"y\" }", event));
  CHECK(matches("{ $.a.b[*].c = \"y\" }", event));
  CHECK(matches("{ $.detail-type = t }", event));
  CHECK(matches("{ $.user IS NULL }", event));
  CHECK(matches("{ $.ok IS FALSE }", event));
  CHECK_FALSE(matches("{ $.ok IS TRUE }", event));
  CHECK(matches("{ $.gone NOT EXISTS }", event));
  CHECK_FALSE(matches("{ $.user NOT EXISTS }", event));
  CHECK(matches("{ $.user EXISTS }", event));
  CHECK_FALSE(matches("{ $.gone != \"x\" }", event));
}

TEST_CASE("JSON conditions combine; AND binds closer than OR") {
  const std::string event = R"({"a":1,"b":2,"c":3})";
  CHECK(matches("{ $.a = 1 || $.b = 9 && $.c = 9 }", event));
  CHECK_FALSE(matches("{ ($.a = 1 || $.b = 9) && $.c = 9 }", event));
  CHECK(matches("{ (($.a = 1) && ($.b = 2)) }", event));
}

TEST_CASE("lines that are not JSON objects do not match a JSON condition") {
  for (const char* line : {"text", "", "{broken", "\"a\"", "5"})
    CHECK_FALSE(matches("{ $.a NOT EXISTS }", line));
  CHECK_FALSE(matches("{ $.a EXISTS }", std::string(100'000, '[')));
}

TEST_CASE("JSON conditions name members with any characters in brackets") {
  const std::string event = R"({"cluster.name":"c","a b":{"x":1}})";
  CHECK(matches("{ $.['cluster.name'] = c }", event));
  CHECK(matches("{ $[\"a b\"].x = 1 }", event));
  CHECK_FALSE(matches("{ $.cluster.name = c }", event));
}

TEST_CASE("conditions on the fields of space-delimited events") {
  const std::string event =
      "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534";
  CHECK(matches("[ip, id, user, timestamp, request, status_code, size]", event));
  CHECK_FALSE(matches("[ip, id, user, timestamp, request, status_code]", event));
  CHECK_FALSE(matches("[ip, id, user, timestamp, request, status_code, size, more]", event));
  CHECK(matches("[ip, id, user, timestamp, request = *html*, status_code = 4*, size]", event));
  CHECK(matches("[ip = 127.0.0.*, user_id, username, timestamp, request=\"GET *\", ...]", event));
  CHECK(matches("[..., status_code = 404, size > 1000]", event));
  CHECK(matches("[ip, ..., status_code = 404 || status_code = 410, size>=1534&&size<1535]", event));
  CHECK(matches("[w1 = %^127%, ..., (size = 1 || size = 1534) && size != 2]", event));
  CHECK(matches("[...]", event));
  CHECK(matches("[...]", ""));
  CHECK(matches("[..., timestamp = \"10/Oct/2000:13:25:15 -0700\", request, code, size]", event));
  CHECK_FALSE(matches("[..., size > 2000]", event));
  CHECK_FALSE(matches("[ip, id > 1, ...]", event));  // "-" is no number
  CHECK_FALSE(matches("[w1, w2, ..., w8, w9]", "one two three"));
}

TEST_CASE("conditions on fields that make no sense") {
  std::string deep = "[a, ";
  for (int i = 0; i < 1000; ++i) deep += "(";
  for (const std::string& pattern :
       {std::string("["), std::string("[]"), std::string("[a"), std::string("[a,]"), std::string("[a] b"),
        std::string("[..., ...]"), std::string("[a = 1 && b = 2]"), std::string("[a =]"),
        std::string("[a = %x(%]"), std::string("[a = \"x]"), deep}) {
    CAPTURE(pattern.substr(0, 30));
    CHECK(refusal(pattern).starts_with("InvalidParameterException: "));
  }
}

TEST_CASE("JSON conditions that make no sense") {
  std::string deep = "{ ";
  for (int i = 0; i < 1000; ++i) deep += "(";
  for (const std::string& pattern :
       {std::string("{"), std::string("{}"), std::string("{ $ = 1 }"), std::string("{ $.a }"),
        std::string("{ $.a = }"), std::string("{ $.a = 1"), std::string("{ $.a = 1 } x"),
        std::string("{ $.a IS 5 }"), std::string("{ $.a[x] = 1 }"), std::string("{ $.a = \"x }"),
        std::string("{ $.a = 1 && }"), std::string("{ a = 1 }"), deep}) {
    CAPTURE(pattern.substr(0, 30));
    CHECK(refusal(pattern).starts_with("InvalidParameterException: "));
  }
}
