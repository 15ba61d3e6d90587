// Forms in, XML out; also against botocore's own protocol vectors where they are present.
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <pugixml.hpp>

#include "emulator/wire/query_protocol.hpp"
#include "emulator/wire/validation.hpp"
#include "tests/support/support.hpp"

using sagemaker::json;
using sagemaker::local::ServiceFault;
using namespace sagemaker::local::wire;

namespace {

constexpr const char* sts_namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

std::string fault_code(const std::string& form) {
  try {
    parse_query_call(form);
    return "";
  } catch (const ServiceFault& fault) {
    return fault.code();
  }
}

// The protocol has no types: what the form says is compared as text. Empty lists and maps leave nothing
// behind.
json as_text(const json& value) {
  if (value.is_string()) return value;
  if (!value.is_structured()) return value.dump();
  json result = value;
  for (json& child : result) child = as_text(child);
  return result;
}

}  // namespace

TEST_CASE("a form becomes an action and a document") {
  const QueryCall call = parse_query_call(
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fr&"
      "DurationSeconds=900"
      "&Tags.member.2.Key=b&Tags.member.1.Key=a+space&Empty=");
  CHECK(call.action == "AssumeRole");
  CHECK(call.version == "2011-06-15");
  CHECK(call.input == json{{"RoleArn", "arn:aws:iam::000000000000:role/r"},
                           {"DurationSeconds", "900"},
                           {"Tags", {{{"Key", "a space"}}, {{"Key", "b"}}}},
                           {"Empty", ""}});
}

TEST_CASE("forms that make no sense") {
  CHECK(fault_code("") == "MissingAction");
  CHECK(fault_code("Version=2011-06-15") == "MissingAction");
  CHECK(fault_code("Action=A&B=1&B.C=2") == "MalformedInput");
  std::string deep = "Action=A&B";
  for (int i = 0; i < 100'000; ++i) deep += ".C";
  CHECK(fault_code(deep + "=1") == "MalformedInput");
  std::string many = "Action=A";
  for (int i = 0; i < 120'000; ++i) many += "&b=1";
  CHECK(fault_code(many) == "MalformedInput");
  CHECK(fault_code(many.substr(0, many.size() - 4)) != "MalformedInput");  // one less
  CHECK(parse_query_call("Action=A&B=%FF").input["B"] == "\xEF\xBF\xBD");
}

TEST_CASE("values take the types of the model") {
  json input = parse_query_call("Action=AssumeRole&DurationSeconds=900&Tags=&RoleArn=5&Unknown=1").input;
  convert_query_values(Model::sts, "AssumeRole", input);
  CHECK(input == json{{"DurationSeconds", 900}, {"Tags", json::array()}, {"RoleArn", "5"}, {"Unknown", "1"}});
  json wrong = {{"DurationSeconds", "soon"}};
  CHECK_THROWS_WITH(convert_query_values(Model::sts, "AssumeRole", wrong),
                    "'soon' can not be converted to an Integer");
}

TEST_CASE("a response as STS writes it") {
  const json result = {{"Arn", "arn:aws:iam::000000000000:root"}, {"Account", "000000000000"}};
  CHECK(render_query_response({"GetCallerIdentity", "2011-06-15", {}}, sts_namespace, result, "id-1") ==
        "<GetCallerIdentityResponse "
        "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
        "<Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>");
}

TEST_CASE("an error as STS writes it") {
  CHECK(render_query_error(ServiceFault("ValidationError", 400, "a < b & \"c\""), sts_namespace, "id-2") ==
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
        "<Code>ValidationError</Code><Message>a &lt; b &amp; &quot;c&quot;</Message></Error>"
        "<RequestId>id-2</RequestId></ErrorResponse>");
  CHECK(render_query_error(ServiceFault("InternalFailure", 500, "x"), sts_namespace, "i")
            .find("<Type>Receiver</Type>") != std::string::npos);
}

TEST_CASE("whatever a client sent, the answer is XML that a parser reads back") {
  const std::string nasty = "a\r\n\x01]]>\xF0\x9F\x98\x80'&amp;";
  const std::string xml = render_query_error(ServiceFault("E", 400, nasty), sts_namespace, "i");
  pugi::xml_document document;
  REQUIRE(document.load_string(xml.c_str()));
  CHECK(std::string(document.child("ErrorResponse").child("Error").child_value("Message")) ==
        "a\r\n\xEF\xBF\xBD]]>\xF0\x9F\x98\x80'&amp;");
}

TEST_CASE("botocore's vectors for requests") {
  const auto file = sagemaker::tests::data_file("aws/botocore-models/tests/unit/protocols/input/query.json");
  if (!file) return sagemaker::tests::skip("botocore's protocol vectors are not here");
  std::ifstream stream(*file);
  int compared = 0;
  for (const json& suite : json::parse(stream)) {
    for (const json& vector : suite.at("cases")) {
      const std::string id = vector.at("id");
      // Names that only the model of the test service explains, blobs and timestamps are not for a decoder
      // without one.
      const bool renamed =
          id.find("XmlName") != std::string::npos || id.find("Flattened") != std::string::npos;
      const bool typed = id.find("Blob") != std::string::npos || id.find("Timestamps") != std::string::npos;
      const bool filled = id.find("AutoFill") != std::string::npos || id.find("SDKApp") != std::string::npos;
      if (renamed || typed || filled || id.starts_with("Empty") || id == "QueryEmptyQueryMaps") continue;
      CAPTURE(id);
      const QueryCall call = parse_query_call(vector.at("serialized").at("body").get<std::string>());
      CHECK(call.input == as_text(vector.at("params")));
      ++compared;
    }
  }
  CHECK(compared >= 15);
}
