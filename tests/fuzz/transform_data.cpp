// Filters and joins of transform jobs: a path is refused or means the same every time, what is made of JSON
// is JSON with the same values, and what is made of a row consists of its cells.
#include <stdexcept>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/transform/csv_row.hpp"
#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/sagemaker/transform/json_path.hpp"
#include "emulator/services/sagemaker/transform/json_text.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using namespace local::services::transform;

std::optional<DataProcessing> processing_of(const std::string& filter, const char* type,
                                            const char* delimiter, const char* join) {
  try {
    return DataProcessing::of(
        {{"TransformInput", {{"ContentType", type}, {"SplitType", delimiter}}},
         {"TransformOutput", {{"Accept", type}, {"AssembleWith", delimiter}}},
         {"DataProcessing", {{"InputFilter", filter}, {"OutputFilter", filter}, {"JoinSource", join}}}});
  } catch (const local::ServiceFault& fault) {
    require(fault.code() == "ValidationException", "a refusal is a fault of the client");
    return std::nullopt;
  }
}

template <typename Work>
std::optional<std::string> unless_record_error(const Work& work) {
  try {
    return work();
  } catch (const RecordError& error) {
    require(*error.what() != '\0', "an error of a record has a text");
    return std::nullopt;
  }
}

void check_json(std::string_view record, std::string_view prediction) {
  if (!is_json(record)) return;
  const json value = json::parse(record);
  require(json::parse(JsonPath("$").select(record)) == value, "the whole record keeps its values");
  const auto joins = processing_of("$", "application/json", "None", "Input");
  const auto joined = unless_record_error([&] { return joins->output(record, prediction); });
  require(joined.has_value() == is_json(prediction), "what is JSON is joined");
  if (!joined) return;
  const json parsed = json::parse(*joined);
  require(parsed.at("SageMakerOutput") == json::parse(prediction), "the prediction is a member");
  json expected = value.is_object() ? value : json{{"SageMakerInput", value}};
  expected["SageMakerOutput"] = json::parse(prediction);
  require(parsed == expected, "the record's members stay");
  const auto next = [] { return std::pair<std::string, std::string>("id", "time"); };
  require(
      json::parse(with_inference_id(RecordFormat::json, *joined, next)).at("SageMakerInferenceId") == "id",
      "the inference id is a member");
}

void check_path(const JsonPath& path, std::string_view record) {
  if (is_json(record)) {
    const auto selected = unless_record_error([&] { return path.select(record); });
    require(!selected || is_json(*selected), "what is selected of JSON is JSON");
    require(unless_record_error([&] { return path.select(record); }) == selected, "a path means the same");
  }
  if (!path.selects_of_row()) return;
  const auto cells = unless_record_error([&] { return select_cells(record, path); });
  const auto whole = unless_record_error([&] { return select_cells(record, JsonPath("$[:]")); });
  require(!whole || *whole == record, "all cells are the row");
  if (cells && !path.is_root() && path.steps()[0].ranges.size() == 1) {
    require(record.find(*cells) != std::string_view::npos, "neighbouring cells stand in the row as they are");
  }
}

// The path, a line feed, the record, a line feed, the prediction.
const Registered registered(
    {"transform_data",
     [](std::string_view input) {
       const std::string path(take_line(input));
       const std::string_view record = take_line(input);
       check_json(record, input);
       try {
         check_path(JsonPath(path), record);
       } catch (const std::invalid_argument& error) {
         require(*error.what() != '\0', "a refusal says why");
       }
       for (const char* type : {"text/csv", "application/json", "application/jsonlines"}) {
         for (const char* join : {"None", "Input"}) {
           const auto processing = processing_of(path, type, "Line", join);
           if (!processing) continue;
           unless_record_error([&] { return processing->input(record); });
           unless_record_error([&] { return processing->output(record, input); });
         }
       }
     },
     {"$[1:]\n7,\"a \"\"b\"\"\",2.50\n0.9", "$[0,-1]\n1,2,3\n4,5",
      "$.features\n{\"id\":1,\"features\":[1.0,2e3]}\n[1]",
      "$['id', 'SageMakerOutput']\n{\"id\": 12345678901234567890}\n{\"label\": \"\\\"x\\u00e4\"}",
      "$.a.*[0:1]['b','c']\n{\"a\":{\"x\":[{\"b\":1,\"c\":null}]}}\ntrue",
      "$[*]\n[1,[2,{}],\"]\"]\n{\"a\":1}\n{}"},
     {"$", ".", "*", "[", "]", "['", "']", ",", ":", "-1", "$[", "\"", "\\\"", "{\"",
      "\":", "SageMakerOutput", "SageMakerInput", "\n", "null"}});

}  // namespace
}  // namespace sagemaker::fuzz
