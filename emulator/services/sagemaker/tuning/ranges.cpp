#include "emulator/services/sagemaker/tuning/ranges.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace sagemaker::local::services::tuning_job {
namespace {

std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  const std::string_view digits = without_plus(text);
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

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

std::optional<double> continuous_bound(const std::string& text) {
  const auto number = whole<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<std::int64_t> integer_bound(const std::string& text) { return whole<std::int64_t>(text); }

std::vector<tuning::Parameter> parameters_of(const json& ranges) {
  std::vector<tuning::Parameter> parameters;
  for (const json& range : ranges.value("ContinuousParameterRanges", json::array()))
    parameters.push_back({range.at("Name"), tuning::Continuous{required(continuous_bound, range, "MinValue"),
                                                               required(continuous_bound, range, "MaxValue"),
                                                               scaling_of(range)}});
  for (const json& range : ranges.value("IntegerParameterRanges", json::array()))
    parameters.push_back(
        {range.at("Name"), tuning::Integer{required(integer_bound, range, "MinValue"),
                                           required(integer_bound, range, "MaxValue"), scaling_of(range)}});
  for (const json& range : ranges.value("CategoricalParameterRanges", json::array()))
    parameters.push_back(
        {range.at("Name"), tuning::Categorical{range.at("Values").get<std::vector<std::string>>()}});
  return parameters;
}

}  // namespace sagemaker::local::services::tuning_job
