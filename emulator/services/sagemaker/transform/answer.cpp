// See answer.hpp.
#include "emulator/services/sagemaker/transform/answer.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace sagemaker::local::services::transform {
namespace {

// Calls take(content, line_end) for every line; the last may lack its end, and is none if it is empty.
template <class Take>
void each_line(std::string_view text, Take&& take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view content = text.substr(0, end);
    const std::size_t size = end == std::string_view::npos ? content.size() : end + 1;
    if (end != std::string_view::npos && content.ends_with('\r')) content.remove_suffix(1);
    take(content, text.substr(content.size(), size - content.size()));
    text.remove_prefix(size);
  }
}

std::string_view output_type(const ObjectSettings& settings) {
  return settings.accept.empty() ? settings.content_type : settings.accept;
}

// Whether every line of an answer is a prediction; otherwise all of it is one.
bool predictions_are_lines(const ObjectSettings& settings) {
  const std::optional<RecordFormat> format = record_format(output_type(settings));
  return format == RecordFormat::csv || format == RecordFormat::json_lines ||
         (settings.split != Split::none && settings.strategy == Strategy::multi_record);
}

// Predictions, one after the other, as they are written.
class Predictions {
 public:
  Predictions(const ObjectSettings& settings, const RequestBatch& batch)
      : settings_(settings),
        batch_(batch),
        joins_(settings.processing != nullptr && settings.processing->joins()),
        one_each_(joins_ || (settings.inference_id && settings.split != Split::none)) {}

  void add(std::string_view prediction, std::string_view line_end) {
    const std::size_t record = count_++;
    if (one_each_ && record >= batch_.records) throw TransformFailure(mismatched_lines);
    std::string next = with_record_errors([&] { return text(record, prediction); });
    if (written_.empty()) {
      written_ = std::move(next);  // one large document is not copied
    } else {
      written_ += next;
    }
    written_ += settings_.assemble == Assembly::line && line_end.empty() ? "\n" : line_end;
  }

  std::string finish() {
    if (one_each_ && count_ != batch_.records) throw TransformFailure(mismatched_lines);
    return std::move(written_);
  }

 private:
  std::string text(std::size_t record, std::string_view prediction) const {
    std::string text;
    if (settings_.processing != nullptr) {
      text = settings_.processing->output(joins_ ? batch_.original(record) : std::string_view(), prediction);
    } else {
      text = prediction;
    }
    if (!settings_.inference_id) return text;
    const std::optional<RecordFormat> format = record_format(output_type(settings_));
    if (!format)
      throw TransformFailure("An inference ID cannot be added to output of the type " +
                             std::string(output_type(settings_)));
    return with_inference_id(*format, text, settings_.inference_id);
  }

  const ObjectSettings& settings_;
  const RequestBatch& batch_;
  const bool joins_, one_each_;
  std::size_t count_ = 0;
  std::string written_;
};

}  // namespace

std::string written_answer(const ObjectSettings& settings, const RequestBatch& batch, std::string answer) {
  const bool changes = settings.processing != nullptr && settings.processing->changes_output();
  if (!changes && !settings.inference_id) {
    if (settings.assemble == Assembly::line && !answer.ends_with('\n')) answer += '\n';
    return answer;
  }
  Predictions predictions(settings, batch);
  if (predictions_are_lines(settings)) {
    each_line(answer, [&](std::string_view prediction, std::string_view line_end) {
      predictions.add(prediction, line_end);
    });
  } else {
    std::string_view prediction = answer;
    if (prediction.ends_with('\n')) prediction.remove_suffix(1);
    predictions.add(prediction, std::string_view(answer).substr(prediction.size()));
  }
  return predictions.finish();
}

}  // namespace sagemaker::local::services::transform
