// Goal: a JSONPath means what the developer guide says of it, what SageMaker does not support is refused, and
// what is selected keeps its text.
#include <stdexcept>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/transform/csv_row.hpp"
#include "emulator/services/sagemaker/transform/json_path.hpp"
#include "emulator/services/sagemaker/transform/record_error.hpp"

using namespace sagemaker::local::services::transform;

namespace {

std::string of_json(const char* path, std::string_view document) { return JsonPath(path).select(document); }
std::string of_row(const char* path, std::string_view row) { return select_cells(row, JsonPath(path)); }

std::string why_refused(const std::string& path) {
  try {
    JsonPath{path};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

constexpr std::string_view record =
    R"({"id": 18446744073709551616, "features": [1.0, 2e0, "three", [4]], "in": {"a": 1, "b": {"c": null}}})";

}  // namespace

TEST_CASE("names select members, however deep") {
  CHECK(of_json("$", record) ==
        R"({"id":18446744073709551616,"features":[1.0,2e0,"three",[4]],"in":{"a":1,"b":{"c":null}}})");
  CHECK(of_json("$.id", record) == "18446744073709551616");
  CHECK(of_json("$['id']", record) == "18446744073709551616");
  CHECK(of_json("$.in.b.c", record) == "null");
  CHECK(of_json("$['in'][\"b\"]", record) == R"({"c":null})");
  CHECK(of_json("$['in','id']", record) == R"({"in":{"a":1,"b":{"c":null}},"id":18446744073709551616})");
  CHECK(of_json("$['id', 'in']", record) == R"({"id":18446744073709551616,"in":{"a":1,"b":{"c":null}}})");
  CHECK(of_json("$.in.['a','b']", record) == R"({"a":1,"b":{"c":null}})");
  CHECK(of_json("$['it\\'s here']", R"({"it's here": 1})") == "1");
  CHECK(of_json("$.\xC3\xA4", R"({"\u00e4": 1})") == "1");
  CHECK(of_json("$.a", R"({"a": 1, "a": 2})") == "2");
}

TEST_CASE("indices and slices select elements, the end of a slice included") {
  CHECK(of_json("$.features[0]", record) == "1.0");
  CHECK(of_json("$.features[-1]", record) == "[4]");
  CHECK(of_json("$.features[-1][0]", record) == "4");
  CHECK(of_json("$.features[0,2]", record) == R"([1.0,"three"])");
  CHECK(of_json("$.features[1:2]", record) == R"([2e0,"three"])");
  CHECK(of_json("$.features[:1]", record) == "[1.0,2e0]");
  CHECK(of_json("$.features[2:]", record) == R"(["three",[4]])");
  CHECK(of_json("$.features[-2:]", record) == R"(["three",[4]])");
  CHECK(of_json("$[:]", "[]") == "[]");
}

TEST_CASE("a wildcard stands for every name or index; what can be several values is an array") {
  CHECK(of_json("$.*", record).starts_with("[18446744073709551616,[1.0,"));
  CHECK(of_json("$.in.*", record) == R"([1,{"c":null}])");
  CHECK(of_json("$.features[*]", record) == R"([1.0,2e0,"three",[4]])");
  CHECK(of_json("$[*].x", R"([{"x": 1}, {"x": [2]}])") == "[1,[2]]");
  CHECK(of_json("$[0,5:]", "[0,1,2,3,4,5,6]") == "[0,5,6]");
  CHECK(of_json("$[:1]['a','b']", R"([{"a":1,"b":2},{"b":4,"a":3}])") == R"([{"a":1,"b":2},{"a":3,"b":4}])");
}

TEST_CASE("text in strings is no structure, and white space in them stays") {
  const std::string_view text = R"( {"a" : "x ] } , \" \\", "b\"]" : { "c": [ 1 , "two  words" ] }} )";
  CHECK(of_json("$.a", text) == R"("x ] } , \" \\")");
  CHECK(of_json("$['b\"]']", text) == R"({"c":[1,"two  words"]})");
}

TEST_CASE("what a record does not have is an error that names it") {
  const auto error = [](const char* path, std::string_view document) -> std::string {
    try {
      of_json(path, document);
    } catch (const RecordError& found) {
      return found.what();
    }
    return "";
  };
  CHECK(error("$.features[4]", record) ==
        "The index 4 of the JSONPath '$.features[4]' is not within the dimension size 4");
  CHECK(error("$.features[1:4]", record).find("dimension size 4") != std::string::npos);
  CHECK(error("$.features[-5]", record).find("index -5") != std::string::npos);
  CHECK(error("$[0:]", "[]").find("dimension size 0") != std::string::npos);
  CHECK(error("$[3:-3]", "[0,1,2,3]").find("ends before it begins") != std::string::npos);
  CHECK(error("$.nothing", record).find("no member 'nothing'") != std::string::npos);
  CHECK(error("$['id','nothing']", record).find("no member 'nothing'") != std::string::npos);
  CHECK(error("$.id.x", record).find("not an object") != std::string::npos);
  CHECK(error("$.id[0]", record).find("not an array") != std::string::npos);
  CHECK(error("$.id.*", record).find("neither an object nor an array") != std::string::npos);
}

TEST_CASE("the cells of a row are selected as they are written") {
  CHECK(of_row("$", "1,2") == "1,2");
  CHECK(of_row("$[*]", "1,2") == "1,2");
  CHECK(of_row("$[1:]", "7,01, 2.50 ,") == "01, 2.50 ,");
  CHECK(of_row("$[0]", "7") == "7");
  CHECK(of_row("$[0,-1]", "7,8,9") == "7,9");
  CHECK(of_row("$[-1,0]", "7,8,9") == "9,7");
  CHECK(of_row("$[1:3]", "0,1,2,3,4,5") == "1,2,3");
  CHECK(of_row("$[:2]", "0,1,2,3,4,5") == "0,1,2");
  CHECK(of_row("$[-2:]", "0,1,2,3,4,5") == "4,5");
  CHECK(of_row("$[0, 4:]", "0,1,2,3,4,5") == "0,4,5");
  CHECK(of_row("$[1:]", R"("a ""quoted"", cell",b,"c,d")") == R"(b,"c,d")");
  CHECK(of_row("$[0]", R"("a ""quoted"", cell",b,"c,d")") == R"("a ""quoted"", cell")");
  CHECK(of_row("$[2]", R"("",x"y,"")") == R"("")");
  CHECK(of_row("$[0]", "") == "");
  CHECK_THROWS_WITH_AS(of_row("$[5]", "0,1"),
                       "The index 5 of the JSONPath '$[5]' is not within the dimension size 2", RecordError);
  CHECK_THROWS_AS(of_row("$[3:]", "0,1,2"), RecordError);
  CHECK_THROWS_AS(of_row("$[:3]", "0,1,2"), RecordError);
  CHECK_THROWS_WITH_AS(of_row("$[0]", R"("a,b)"), "A quoted cell of a CSV row does not end", RecordError);
}

TEST_CASE("text that is no path, and operators that SageMaker lacks, are refused by name") {
  CHECK(why_refused("features") == "a path begins with '$'");
  CHECK(why_refused("$x").find("is expected at 'x'") != std::string::npos);
  CHECK(why_refused("$..id").find("deep scan") != std::string::npos);
  CHECK(why_refused("$.a[?(@.b > 1)]").find("filter expressions") != std::string::npos);
  CHECK(why_refused("$.a.length()").find("functions such as 'length()'") != std::string::npos);
  CHECK(why_refused("$[0:4:2]").find("step") != std::string::npos);
  CHECK(why_refused("$[4:1]").find("ends before it begins") != std::string::npos);
  for (const char* path :
       {"$.", "$[", "$[]", "$[1", "$[1,]", "$['a", "$['a'", "$['a',1]", "$[1,'a']", "$[a]", "$.a b",
        "$[99999999999999999999]", "$[1]x", "$ ", "$[--1]", "$[1:2:]", "$[*,1]"}) {
    CAPTURE(path);
    CHECK(!why_refused(path).empty());
  }
  CHECK(why_refused("$." + std::string(61, 'a')).empty());
  CHECK(!why_refused("$." + std::string(62, 'a')).empty());
  CHECK(JsonPath("").is_root());
}
