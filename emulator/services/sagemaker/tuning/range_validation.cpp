#include "emulator/services/sagemaker/tuning/range_validation.hpp"

#include <initializer_list>
#include <set>
#include <string>

#include "emulator/services/service_error.hpp"
#include "emulator/tuning/numbers.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr std::size_t tunable_max = 30;           // AWS: hyperparameters that can be searched
constexpr std::size_t hyperparameters_max = 100;  // AWS: static and tunable together

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw validation_fault("The range of the hyperparameter " + name + " is invalid: " + why);
}

json list_of(const json& ranges, const char* list) { return ranges.value(list, json::array()); }

// The bounds by any of the two readings, and whether the scale fits to them.
template <class Bound>
void check_bounds(const json& range, Bound bound, const char* kind) {
  const std::string name = range.at("Name");
  const auto read = [&](const char* member) {
    const std::string text = range.at(member);
    const auto value = bound(text);
    if (!value) refuse(name, std::string(member) + " [" + text + "] is not " + kind + ".");
    return *value;
  };
  const auto least = read("MinValue");
  const auto most = read("MaxValue");
  const std::string texts = "MinValue [" + range.at("MinValue").get<std::string>() + "], MaxValue [" +
                            range.at("MaxValue").get<std::string>() + "]";
  if (!(least < most)) refuse(name, "MinValue must be less than MaxValue: " + texts + ".");
  const std::string scale = range.value("ScalingType", "Auto");
  if (scale == "Logarithmic" && !(least > 0))
    refuse(name,
           "Logarithmic scaling works only for ranges that have only values greater than 0: " + texts + ".");
  if (scale == "ReverseLogarithmic" && !(least >= 0 && most < 1))
    refuse(name,
           "ReverseLogarithmic scaling works only for ranges that are entirely within the range "
           "0<=x<1.0: " +
               texts + ".");
}

void check_categories(const json& range) {
  const std::string name = range.at("Name");
  std::set<std::string> seen;
  for (const json& value : range.at("Values"))
    if (!seen.insert(value.get<std::string>()).second)
      refuse(name, "the value [" + value.get<std::string>() + "] is in Values more than once.");
}

void check_names(const json& ranges, const json& fixed, const std::string& metric) {
  std::set<std::string> tunable;
  for (const char* list : {"ContinuousParameterRanges", "IntegerParameterRanges",
                           "CategoricalParameterRanges", "AutoParameters"})
    for (const json& range : list_of(ranges, list)) {
      const std::string name = range.at("Name");
      if (name.empty()) throw validation_fault("The name of a hyperparameter cannot be empty.");
      if (name.starts_with('_'))
        throw validation_fault("The hyperparameter name " + name +
                               " is invalid: names that start with an underscore are reserved.");
      if (!tunable.insert(name).second)
        throw validation_fault("The hyperparameter " + name +
                               " is defined more than once in ParameterRanges.");
      if (fixed.contains(name))
        throw validation_fault("The hyperparameter " + name +
                               " is defined both in StaticHyperParameters and in ParameterRanges.");
    }
  if (tunable.empty())
    throw validation_fault("At least one hyperparameter range is required for a hyperparameter tuning job.");
  if (tunable.size() > tunable_max)
    throw validation_fault("The number of hyperparameters to search, [" + std::to_string(tunable.size()) +
                           "], must be equal to or less than [" + std::to_string(tunable_max) + "].");
  const auto own = fixed.find("_tuning_objective_metric");
  if (own != fixed.end() && *own != metric)
    throw validation_fault(
        "The static hyperparameter _tuning_objective_metric is reserved: SageMaker sets it to the objective "
        "metric.");
  const std::size_t all = fixed.size() + tunable.size() + (own == fixed.end() ? 1 : 0);
  if (all > hyperparameters_max)
    throw validation_fault("The total number of static and tunable hyperparameters, [" + std::to_string(all) +
                           "] with _tuning_objective_metric, must be equal to or less than [" +
                           std::to_string(hyperparameters_max) + "].");
}

}  // namespace

void check_ranges(const json& ranges, const json& fixed, const std::string& metric) {
  check_names(ranges, fixed, metric);
  for (const json& range : list_of(ranges, "ContinuousParameterRanges"))
    check_bounds(range, tuning::real_of, "a number");
  for (const json& range : list_of(ranges, "IntegerParameterRanges")) {
    if (range.value("ScalingType", "Auto") == "ReverseLogarithmic")
      refuse(range.at("Name"), "ReverseLogarithmic scaling works only for continuous hyperparameters.");
    check_bounds(range, tuning::integer_of, "an integer");
  }
  for (const json& range : list_of(ranges, "CategoricalParameterRanges")) check_categories(range);
}

std::optional<double> combinations(const json& ranges) {
  if (!list_of(ranges, "ContinuousParameterRanges").empty() || !list_of(ranges, "AutoParameters").empty())
    return std::nullopt;
  const auto bound = [](const json& range, const char* member) {
    return tuning::integer_of(range.at(member).get_ref<const std::string&>()).value();
  };
  double product = 1;
  for (const json& range : list_of(ranges, "IntegerParameterRanges"))
    product *=
        static_cast<double>(tuning::steps_between(bound(range, "MinValue"), bound(range, "MaxValue"))) + 1;
  for (const json& range : list_of(ranges, "CategoricalParameterRanges"))
    product *= static_cast<double>(range.at("Values").size());
  return product;
}

}  // namespace sagemaker::local::services::tuning_job
