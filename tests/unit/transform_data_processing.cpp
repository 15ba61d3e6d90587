// Goal: filters and joins of a transform job do to records what the developer guide shows, and a job whose
// formats do not allow them is refused when it is created.
#include <chrono>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/service_error.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::services::transform;
using sagemaker::json;

namespace {

json request(const json& processing, const std::string& type, const std::string& delimiter) {
  return {{"TransformInput", {{"ContentType", type}, {"SplitType", delimiter}}},
          {"TransformOutput", {{"Accept", type}, {"AssembleWith", delimiter}}},
          {"DataProcessing", processing}};
}
DataProcessing csv(const json& processing) {
  return *DataProcessing::of(request(processing, "text/csv", "Line"));
}
DataProcessing lines(const json& processing) {
  return *DataProcessing::of(request(processing, "application/jsonlines", "Line"));
}
DataProcessing whole(const json& processing) {
  return *DataProcessing::of(request(processing, "application/json", "None"));
}

// Why such a request is refused; empty where it is not.
std::string fault_of(const json& request) {
  try {
    DataProcessing::of(request);
  } catch (const ServiceFault& fault) {
    CHECK(fault.code() == "ValidationException");
    CHECK(fault.http_status() == 400);
    return fault.message();
  }
  return "";
}

}  // namespace

TEST_CASE("nothing is asked for: no processing, whatever the formats") {
  CHECK(!DataProcessing::of(json::object()));
  CHECK(!DataProcessing::of(request(json::object(), "image/png", "None")));
  CHECK(!DataProcessing::of(request({{"InputFilter", "$"}, {"JoinSource", "None"}, {"OutputFilter", "$"}},
                                    "image/png", "RecordIO")));
}

TEST_CASE("the guide's examples for CSV") {
  const DataProcessing joins = csv({{"JoinSource", "Input"}});
  CHECK(joins.joins());
  CHECK(joins.changes_output());
  CHECK(joins.input("1,2,3") == "1,2,3");
  CHECK(joins.output("1,2,3", "1") == "1,2,3,1");

  const DataProcessing id =
      csv({{"InputFilter", "$[1:]"}, {"JoinSource", "Input"}, {"OutputFilter", "$[0,5:]"}});
  CHECK(id.input("id,1,2,3,4") == "1,2,3,4");
  CHECK(id.output("id,1,2,3,4", "0.9,0.1") == "id,0.9,0.1");
  CHECK(id.output("\"an, id\",1,2,3,4\r", "0.9\r\n") == "\"an, id\",0.9");
  CHECK_THROWS_AS(id.output("id,1,2", "0.9"), RecordError);

  const DataProcessing filter = csv({{"InputFilter", "$[1:]"}});
  CHECK(!filter.joins());
  CHECK(!filter.changes_output());
  CHECK(filter.output("id,1", "0.9\n") == "0.9\n");

  const DataProcessing output = csv({{"OutputFilter", "$[-1]"}});
  CHECK(!output.joins());
  CHECK(output.changes_output());
  CHECK(output.input("id,1") == "id,1");
  CHECK(output.output({}, "0.9,a") == "a");
}

TEST_CASE("the guide's examples for JSON") {
  const DataProcessing joins = lines({{"JoinSource", "Input"}});
  CHECK(joins.output(R"({"key":1})", R"({"label":1})") == R"({"key":1,"SageMakerOutput":{"label":1}})");
  CHECK(joins.output("[1.0, 2]", "[0.25]\n") == R"({"SageMakerInput":[1.0,2],"SageMakerOutput":[0.25]})");
  CHECK(joins.output("{}", "1") == R"({"SageMakerOutput":1})");
  CHECK(joins.output(R"({"z":1,"SageMakerOutput":2,"a":12345678901234567890})", "3") ==
        R"({"z":1,"a":12345678901234567890,"SageMakerOutput":3})");

  const DataProcessing id = lines({{"InputFilter", "$.features"},
                                   {"JoinSource", "Input"},
                                   {"OutputFilter", "$['id','SageMakerOutput']"}});
  CHECK(id.input(R"({"id": 7, "features": [1, 2.50]})") == "[1,2.50]");
  CHECK(id.output(R"({"id": 7, "features": [1, 2.50]})", "{ \"label\" : 1 }") ==
        R"({"id":7,"SageMakerOutput":{"label":1}})");

  const DataProcessing only = whole({{"JoinSource", "Input"}, {"OutputFilter", "$.SageMakerOutput"}});
  CHECK(only.output("{\n  \"id\": 7\n}\n", "{\n  \"label\": 1\n}\n") == R"({"label":1})");
  const DataProcessing input = whole({{"JoinSource", "Input"}, {"OutputFilter", "$['SageMakerInput'][0]"}});
  CHECK(input.output("[5]", "1") == "5");
}

TEST_CASE("where lines are records, several are filtered and joined one by one") {
  const DataProcessing joins = *DataProcessing::of(
      request({{"InputFilter", "$.x"}, {"JoinSource", "Input"}}, "application/jsonlines", "None"));
  CHECK(joins.input("{\"x\":1}\n{\"x\":2}\n") == "1\n2");
  CHECK(joins.output("{\"x\":1}\n{\"x\":2}\n", "true\nfalse") ==
        "{\"x\":1,\"SageMakerOutput\":true}\n{\"x\":2,\"SageMakerOutput\":false}");
  CHECK_THROWS_WITH_AS(joins.output("{\"x\":1}\n{\"x\":2}", "true"), mismatched_lines, RecordError);
  CHECK_THROWS_WITH_AS(joins.output("{\"x\":1}", "true\nfalse"), mismatched_lines, RecordError);
  CHECK(csv({{"OutputFilter", "$[0]"}}).output({}, "1,2\r\n3,4\r\n") == "1\n3");
}

TEST_CASE("what is not JSON is an error of the record or of the model") {
  const DataProcessing joins = lines({{"InputFilter", "$.x"}, {"JoinSource", "Input"}});
  CHECK_THROWS_WITH_AS(joins.input("{\"x\":"), "Failed to parse input as JSON", RecordError);
  CHECK_THROWS_WITH_AS(joins.output("nope", "1"), "Failed to parse input as JSON", RecordError);
  CHECK_THROWS_WITH_AS(joins.output("{}", "0.1,0.2"), "Failed to parse output from the algorithm as JSON",
                       RecordError);
  CHECK_THROWS_AS(joins.input(std::string_view("{\"x\":1}\0,", 9)), RecordError);
  CHECK_THROWS_AS(joins.input(std::string(100'000, '[') + std::string(100'000, ']')), RecordError);
}

TEST_CASE("a model may read CSV and answer JSON where nothing is joined") {
  json mixed = request({{"InputFilter", "$[:1]"}, {"OutputFilter", "$['class']"}}, "text/csv", "Line");
  mixed["TransformOutput"]["Accept"] = "application/json; charset=utf-8";
  const auto processing = DataProcessing::of(mixed);
  CHECK(processing->input("1,2,3") == "1,2");
  CHECK(processing->output("1,2,3", "{\"class\": {\n\"0\": 1}}\n") == R"({"0":1})");
}

TEST_CASE("paths, formats and delimiters that do not go together are refused at once") {
  const json filter = {{"InputFilter", "$[1:]"}};
  const json join = {{"JoinSource", "Input"}};
  CHECK(fault_of(request({{"InputFilter", "$..x"}}, "application/json", "None"))
            .starts_with("DataProcessing InputFilter '$..x' is not a supported JSONPath"));
  CHECK(fault_of(request({{"OutputFilter", "x"}}, "application/json", "None")).find("OutputFilter 'x'") !=
        std::string::npos);
  CHECK(fault_of(request({{"InputFilter", "$.x"}}, "text/csv", "Line")).find("only index based JSONPaths") !=
        std::string::npos);
  CHECK(!fault_of(request({{"OutputFilter", "$[0][1]"}}, "text/csv", "Line")).empty());
  CHECK(fault_of(request(filter, "image/png", "None")).find("ContentType 'image/png'") != std::string::npos);
  CHECK(!fault_of(request(filter, "", "None")).empty());
  CHECK(fault_of(request(filter, "text/csv", "None")).find("SplitType") != std::string::npos);
  CHECK(fault_of(request(filter, "application/json", "RecordIO")).find("SplitType RecordIO") !=
        std::string::npos);

  json changed = request(join, "text/csv", "Line");
  CHECK(fault_of(changed).empty());
  changed["TransformOutput"]["Accept"] = "application/json";
  CHECK(fault_of(changed).find("ContentType and Accept to match") != std::string::npos);
  changed["TransformOutput"].erase("Accept");
  CHECK(fault_of(changed).find("Accept ''") != std::string::npos);
  changed = request(join, "text/csv", "Line");
  changed["TransformOutput"].erase("AssembleWith");
  CHECK(fault_of(changed).find("AssembleWith") != std::string::npos);
  changed = request(join, "application/jsonlines", "Line");
  changed["TransformOutput"]["AssembleWith"] = "None";
  CHECK(fault_of(changed).find("SplitType and AssembleWith to match") != std::string::npos);
  // The answer stays as it is: what it is in does not matter.
  changed = request(filter, "text/csv", "Line");
  changed["TransformOutput"] = {{"Accept", "application/x-recordio-protobuf"}};
  CHECK(fault_of(changed).empty());
}

TEST_CASE("inference ids stand behind what is written, one for each record") {
  int count = 0;
  const auto next = [&count] {
    return std::pair<std::string, std::string>("id-" + std::to_string(++count), "2022-08-30T00:49:15Z");
  };
  CHECK(with_inference_id(RecordFormat::csv, "0,\"a\"", next) == "0,\"a\",id-1,2022-08-30T00:49:15Z");
  CHECK(with_inference_id(RecordFormat::csv, "0\n1\n", next) ==
        "0,id-2,2022-08-30T00:49:15Z\n1,id-3,2022-08-30T00:49:15Z");
  CHECK(with_inference_id(RecordFormat::json_lines, R"({"output": 0})", next) ==
        R"({"output":0,"SageMakerInferenceId":"id-4","SageMakerInferenceTime":"2022-08-30T00:49:15Z"})");
  CHECK(
      with_inference_id(RecordFormat::json, "[\n1.0]", next) ==
      R"({"SageMakerOutput":[1.0],"SageMakerInferenceId":"id-5","SageMakerInferenceTime":"2022-08-30T00:49:15Z"})");
  CHECK_THROWS_AS(with_inference_id(RecordFormat::json, "no JSON", next), RecordError);
  CHECK(record_format("text/CSV ; header=absent") == RecordFormat::csv);
  CHECK(record_format("application/jsonlines") == RecordFormat::json_lines);
  CHECK(!record_format("application/x-recordio-protobuf"));
}

TEST_CASE("a row of many cells costs as little as copying it") {
  std::string row = "7";
  for (int i = 0; i < 784; ++i) row += "," + std::to_string(i % 256);
  const DataProcessing processing =
      csv({{"InputFilter", "$[1:]"}, {"JoinSource", "Input"}, {"OutputFilter", "$[0,-1]"}});
  constexpr int rows = 2'000;
  const auto start = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < rows; ++i) bytes += processing.input(row).size() + processing.output(row, "3").size();
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  MESSAGE("input and output of a row of 785 cells: " << time.count() / rows << " us");
  CHECK(bytes == rows * (row.size() - 2 + 3));
}
