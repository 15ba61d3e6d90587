// DataProcessing of a transform job: what of an input record the model sees, and what of it and the
// prediction is written. InputFilter, then the model, then JoinSource, then OutputFilter.
// https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::transform {

// A record, or the prediction for it, is not what the filters need. The text is one for the job's data log.
class RecordError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

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
  std::string output(std::string_view record, std::string_view prediction) const;

 private:
  struct Program;
  explicit DataProcessing(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace sagemaker::local::services::transform
