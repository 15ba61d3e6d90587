#include "emulator/services/sagemaker/tuning/ranges.hpp"

#include <stdexcept>
#include <string>

#include "emulator/tuning/numbers.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

tuning::Scaling scaling_of(const json& range) {
  const std::string name = range.value("ScalingType", "Auto");
  if (name == "Linear") return tuning::Scaling::linear;
  if (name == "Logarithmic") return tuning::Scaling::logarithmic;
  if (name == "ReverseLogarithmic") return tuning::Scaling::reverse_logarithmic;
  return tuning::Scaling::automatic;
}

template <class Bound>
auto required(Bound bound, const json& range, const char* member) {
  const auto value = bound(range.at(member).get<std::string>());
  if (!value) throw std::invalid_argument(std::string(member) + " is not a number");
  return *value;
}

}  // namespace

std::vector<tuning::Parameter> parameters_of(const json& ranges) {
  std::vector<tuning::Parameter> parameters;
  for (const json& range : ranges.value("ContinuousParameterRanges", json::array()))
    parameters.push_back({range.at("Name"), tuning::Continuous{required(tuning::real_of, range, "MinValue"),
                                                               required(tuning::real_of, range, "MaxValue"),
                                                               scaling_of(range)}});
  for (const json& range : ranges.value("IntegerParameterRanges", json::array()))
    parameters.push_back({range.at("Name"), tuning::Integer{required(tuning::integer_of, range, "MinValue"),
                                                            required(tuning::integer_of, range, "MaxValue"),
                                                            scaling_of(range)}});
  for (const json& range : ranges.value("CategoricalParameterRanges", json::array()))
    parameters.push_back(
        {range.at("Name"), tuning::Categorical{range.at("Values").get<std::vector<std::string>>()}});
  return parameters;
}

}  // namespace sagemaker::local::services::tuning_job
