// What a tuning job may choose a hyperparameter from: names and defaults of the SageMaker Python SDK's
// parameter classes. The HyperparameterTuner refuses ranges with bounds in the wrong order or that the
// scaling does not fit to, without values or with one twice, and without a name; other limits are the
// service's.
//   {{"learning-rate", sm::ContinuousParameter(1e-4, 0.1, "Logarithmic")},
//    {"hidden", sm::IntegerParameter(16, 512)},
//    {"optimizer", sm::CategoricalParameter({"sgd", "adam"})}}
// https://sagemaker.readthedocs.io/en/v2/api/training/parameter.html
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/detail/documents.hpp>

namespace sagemaker {

// Any number from min_value to max_value, which are finite. The scaling says how the range is searched:
// "Auto", "Linear", "Logarithmic" (numbers above 0) or "ReverseLogarithmic" (from 0 to less than 1).
struct ContinuousParameter {
  ContinuousParameter(double lowest, double highest, std::string scaling = "Auto")
      : min_value(lowest), max_value(highest), scaling_type(std::move(scaling)) {}
  double min_value;
  double max_value;
  std::string scaling_type;
};

// Any whole number from min_value to max_value; "Auto", "Linear" or "Logarithmic".
struct IntegerParameter {
  IntegerParameter(std::int64_t lowest, std::int64_t highest, std::string scaling = "Auto")
      : min_value(lowest), max_value(highest), scaling_type(std::move(scaling)) {}
  std::int64_t min_value;
  std::int64_t max_value;
  std::string scaling_type;
};

// One of the given texts, numbers or truth values, which travel as texts; numbers that are not finite are
// "nan", "inf" and "-inf", as Python's str in the SDK writes them.
struct CategoricalParameter {
  struct Value {
    Value(const char* value) : text(value) {}                   // NOLINT
    Value(std::string value) : text(std::move(value)) {}        // NOLINT
    Value(bool value) : text(value ? "true" : "false") {}       // NOLINT
    Value(int value) : text(std::to_string(value)) {}           // NOLINT
    Value(std::int64_t value) : text(std::to_string(value)) {}  // NOLINT
    Value(double value)                                         // NOLINT
        : text(std::isfinite(value) ? aws::dump_json(value) : detail::non_finite_text(value, false)) {}
    std::string text;
  };
  CategoricalParameter(std::initializer_list<Value> choices) {
    for (const Value& choice : choices) values.push_back(choice.text);
  }
  explicit CategoricalParameter(std::vector<std::string> choices) : values(std::move(choices)) {}
  std::vector<std::string> values;
};

using ParameterRange = std::variant<ContinuousParameter, IntegerParameter, CategoricalParameter>;
using HyperparameterRanges = std::map<std::string, ParameterRange>;  // by the hyperparameters' names

}  // namespace sagemaker
