// See data_processing.hpp.
#include "emulator/services/sagemaker/transform/data_processing.hpp"

#include <stdexcept>
#include <vector>

#include <sagemaker/aws/headers.hpp>

#include "emulator/services/sagemaker/transform/csv_row.hpp"
#include "emulator/services/sagemaker/transform/json_path.hpp"
#include "emulator/services/sagemaker/transform/json_text.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr const char* supported_formats = "text/csv, application/json, application/jsonlines";
constexpr const char* output_member = "SageMakerOutput";

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// The lines of a text, one after the other; a text without a line feed is one line.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(without_line_end(text)) {}

  std::optional<std::string_view> next() {
    if (ended_) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    ended_ = end == std::string_view::npos;
    if (!ended_) rest_.remove_prefix(end + 1);
    return line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
  }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// Applies `change` to each line where lines are records, otherwise to the text.
template <typename Change>
std::string of_each(RecordFormat format, std::string_view text, const Change& change) {
  if (format == RecordFormat::json) return change(without_line_end(text));
  Lines lines(text);
  std::string changed = change(*lines.next());
  while (const auto line = lines.next()) changed.append("\n").append(change(*line));
  return changed;
}

void require_json(std::string_view text, const char* what) {
  if (!is_json(text)) throw RecordError(std::string("Failed to parse ") + what + " as JSON");
}
constexpr const char* the_input = "input";
constexpr const char* the_answer = "output from the algorithm";

std::string filtered(RecordFormat format, std::string_view record, const JsonPath& path, const char* what) {
  if (format == RecordFormat::csv) return select_cells(record, path);
  require_json(record, what);
  return path.select(record);
}

// An object with these members behind its own, which they replace.
std::string with_members(std::string_view value, const char* name_of_other,
                         const std::vector<std::pair<std::string_view, std::string_view>>& members) {
  std::size_t size = value.size();
  for (const auto& [name, member] : members) size += name.size() + member.size() + 4;
  std::string object = "{";
  object.reserve(size + 2);
  const auto add = [&](std::string_view written, std::string_view member) {
    if (object.size() > 1) object += ',';
    object.append(written).append(":");
    append_compact(object, member);
  };
  const auto is_replaced = [&](std::string_view written) {
    const std::string name = name_of(written);
    for (const auto& member : members) {
      if (member.first == name) return true;
    }
    return false;
  };
  if (is_object(value)) {
    for (const auto& [written, member] : members_of(value)) {
      if (!is_replaced(written)) add(written, member);
    }
  } else {
    add(written_name(name_of_other), value);
  }
  for (const auto& [name, member] : members) add(written_name(name), member);
  return object += '}';
}

std::string joined(RecordFormat format, std::string_view record, std::string_view prediction) {
  if (format == RecordFormat::csv) {
    std::string row;
    row.reserve(record.size() + 1 + prediction.size());
    return row.append(record).append(",").append(prediction);
  }
  require_json(record, the_input);
  require_json(prediction, the_answer);
  return with_members(record, "SageMakerInput", {{output_member, prediction}});
}

}  // namespace

std::optional<RecordFormat> record_format(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  while (media_type.ends_with(' ')) media_type.remove_suffix(1);
  const std::string type = aws::to_lower(media_type);
  if (type == "text/csv") return RecordFormat::csv;
  if (type == "application/json") return RecordFormat::json;
  if (type == "application/jsonlines") return RecordFormat::json_lines;
  return std::nullopt;
}

struct DataProcessing::Program {
  JsonPath input_filter, output_filter;
  bool joins = false;
  RecordFormat input = RecordFormat::json;
  RecordFormat output = RecordFormat::json;

  std::string written(std::string_view record, std::string_view prediction) const {
    if (!joins) return filtered(output, prediction, output_filter, the_answer);
    const std::string whole = joined(output, record, prediction);
    if (output_filter.is_root()) return whole;
    return output == RecordFormat::csv ? select_cells(whole, output_filter) : output_filter.select(whole);
  }
};

namespace {

// What of a request says how records are read and written.
struct Formats {
  std::string content_type, accept, split, assembly;

  explicit Formats(const json& request) {
    const json empty = json::object();
    const json input = request.value("TransformInput", empty);
    const json output = request.value("TransformOutput", empty);
    content_type = input.value("ContentType", "");
    split = input.value("SplitType", "None");
    accept = output.value("Accept", "");
    assembly = output.value("AssembleWith", "None");
  }
};

JsonPath parse_path(const json& processing, const char* member) {
  const std::string text = processing.value(member, "$");
  try {
    return JsonPath(text);
  } catch (const std::invalid_argument& error) {
    throw validation_fault("DataProcessing " + std::string(member) + " '" + text +
                           "' is not a supported JSONPath: " + error.what());
  }
}

RecordFormat require_format(const char* member, const std::string& value) {
  if (const auto format = record_format(value)) return *format;
  throw validation_fault("DataProcessing is not supported for " + std::string(member) + " '" + value +
                         "'. Supported values are: " + supported_formats);
}

void check_path(const char* member, const JsonPath& path, RecordFormat format) {
  if (format != RecordFormat::csv || path.selects_of_row()) return;
  throw validation_fault("DataProcessing " + std::string(member) + " '" + path.text() +
                         "' cannot be applied to text/csv: only index based JSONPaths such as $[0] and $[1:] "
                         "are supported for CSV records");
}

void check_delimiters(const Formats& formats, RecordFormat input, std::optional<RecordFormat> output,
                      bool joins) {
  if (formats.split != "None" && formats.split != "Line") {
    throw validation_fault("DataProcessing is not supported for SplitType " + formats.split);
  }
  if (input == RecordFormat::csv && formats.split != "Line") {
    throw validation_fault("DataProcessing of ContentType text/csv requires SplitType to be set to Line");
  }
  if (output == RecordFormat::csv && formats.assembly != "Line") {
    throw validation_fault("DataProcessing of Accept text/csv requires AssembleWith to be set to Line");
  }
  if (joins && formats.split != formats.assembly) {
    throw validation_fault("DataProcessing JoinSource Input requires SplitType and AssembleWith to match. " +
                           ("SplitType is " + formats.split) + " and AssembleWith is " + formats.assembly);
  }
}

}  // namespace

std::optional<DataProcessing> DataProcessing::of(const json& request) {
  const auto found = request.find("DataProcessing");
  if (found == request.end() || !found->is_object()) return std::nullopt;
  auto program = std::make_unique<Program>();
  program->input_filter = parse_path(*found, "InputFilter");
  program->output_filter = parse_path(*found, "OutputFilter");
  program->joins = found->value("JoinSource", "None") == "Input";
  const bool changes_output = program->joins || !program->output_filter.is_root();
  if (!changes_output && program->input_filter.is_root()) return std::nullopt;

  const Formats formats(request);
  program->input = require_format("ContentType", formats.content_type);
  check_path("InputFilter", program->input_filter, program->input);
  std::optional<RecordFormat> output;
  if (changes_output) {
    output = require_format("Accept", formats.accept);
    if (program->joins && output != program->input) {
      throw validation_fault("DataProcessing JoinSource Input requires ContentType and Accept to match. " +
                             ("ContentType is '" + formats.content_type) + "' and Accept is '" +
                             formats.accept + "'");
    }
    check_path("OutputFilter", program->output_filter, *output);
    program->output = *output;
  }
  check_delimiters(formats, program->input, output, program->joins);
  return DataProcessing(std::move(program));
}

DataProcessing::DataProcessing(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
DataProcessing::~DataProcessing() = default;
DataProcessing::DataProcessing(DataProcessing&&) noexcept = default;
DataProcessing& DataProcessing::operator=(DataProcessing&&) noexcept = default;

bool DataProcessing::joins() const { return program_->joins; }
bool DataProcessing::changes_output() const { return program_->joins || !program_->output_filter.is_root(); }

std::string DataProcessing::input(std::string_view record) const {
  if (program_->input_filter.is_root()) return std::string(record);
  return of_each(program_->input, record, [&](std::string_view line) {
    return filtered(program_->input, line, program_->input_filter, the_input);
  });
}

std::string DataProcessing::output(std::string_view record, std::string_view prediction) const {
  if (!changes_output()) return std::string(prediction);
  if (!joins()) {
    return of_each(program_->output, prediction,
                   [&](std::string_view line) { return program_->written({}, line); });
  }
  if (program_->output == RecordFormat::json) {
    return program_->written(without_line_end(record), without_line_end(prediction));
  }
  Lines records(record);
  const std::string written = of_each(program_->output, prediction, [&](std::string_view line) {
    const auto next = records.next();
    if (!next) throw RecordError(mismatched_lines);
    return program_->written(*next, line);
  });
  if (records.next()) throw RecordError(mismatched_lines);
  return written;
}

std::string with_inference_id(RecordFormat format, std::string_view output,
                              const std::function<std::pair<std::string, std::string>()>& next) {
  return of_each(format, output, [&](std::string_view line) {
    const auto [id, time] = next();
    if (format == RecordFormat::csv) return std::string(line).append(",").append(id).append(",").append(time);
    require_json(line, the_answer);
    return with_members(
        line, output_member,
        {{"SageMakerInferenceId", written_name(id)}, {"SageMakerInferenceTime", written_name(time)}});
  });
}

}  // namespace sagemaker::local::services::transform
