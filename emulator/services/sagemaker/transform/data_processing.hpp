// DataProcessing of a transform job: what of an input record the model sees, and what of it and the
// prediction is written. InputFilter, then the model, then JoinSource, then OutputFilter.
// https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/transform/record_error.hpp"

namespace sagemaker::local::services::transform {

// What the data log says of a request whose answer has not one line for each record.
inline constexpr const char* mismatched_lines =
    "Fail to join data: mismatched line count between the input and the output";

// The formats in which records can be filtered, joined and given inference ids.
enum class RecordFormat { csv, json, json_lines };

// Of a Content-Type or Accept, parameters ("; charset=utf-8") aside; nullopt for every other one.
std::optional<RecordFormat> record_format(std::string_view media_type);

class DataProcessing {
 public:
  // `request`: a CreateTransformJob request, or the job's document. Empty: it asks for no processing. Throws
  // ServiceFault ValidationException for paths that are none, and for combinations AWS refuses.
  static std::optional<DataProcessing> of(const json& request);

  ~DataProcessing();
  DataProcessing(DataProcessing&&) noexcept;
  DataProcessing& operator=(DataProcessing&&) noexcept;

  // Whether output() needs the record beside the prediction, one prediction for each record.
  bool joins() const;
  // Whether output() changes anything; where it does not, the model's answer is written as it came.
  bool changes_output() const;

  // What the model gets of a record (without its end of line). Thread-safe. Throws RecordError.
  std::string input(std::string_view record) const;
  // What is written for a record (as the object has it, not as input() made it) and its prediction, both
  // without an end of line; so is the answer. Thread-safe. Throws RecordError.
  // In CSV and JSON Lines every line is a record of its own: both texts may be several, of the same number
  // where they are joined. Without a join the record is not looked at and may be empty.
  std::string output(std::string_view record, std::string_view prediction) const;

 private:
  struct Program;
  explicit DataProcessing(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

// BatchDataCaptureConfig.GenerateInferenceId: what is written for a record, with its inference id and the
// job's start time behind it, as two columns or as the members SageMakerInferenceId and
// SageMakerInferenceTime. `format` is that of the output (Accept); `next` makes the two texts, once for each
// line where lines are records. JSON that is not an object becomes the member SageMakerOutput of one. Throws
// RecordError for JSON that is none.
// https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
std::string with_inference_id(RecordFormat format, std::string_view output,
                              const std::function<std::pair<std::string, std::string>()>& next);

}  // namespace sagemaker::local::services::transform
