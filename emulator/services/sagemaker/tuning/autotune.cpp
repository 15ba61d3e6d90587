#include "emulator/services/sagemaker/tuning/autotune.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "emulator/tuning/auto_ranges.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

// Enough for a search to settle in so many dimensions, and no more than an evening of short jobs.
constexpr std::size_t jobs_per_parameter = 10, jobs_least = 20, jobs_most = 100;
constexpr int retries = 1;

const char* name_of(tuning::Scaling scaling) {
  switch (scaling) {
    case tuning::Scaling::linear:
      return "Linear";
    case tuning::Scaling::logarithmic:
      return "Logarithmic";
    case tuning::Scaling::reverse_logarithmic:
      return "ReverseLogarithmic";
    case tuning::Scaling::automatic:
      break;
  }
  return "Auto";
}

json bounds(const std::string& name, const json& least, const json& most, tuning::Scaling scaling) {
  return {{"Name", name},
          {"MinValue", least.dump()},
          {"MaxValue", most.dump()},
          {"ScalingType", name_of(scaling)}};
}

void add_range(json& ranges, const tuning::Parameter& parameter) {
  if (const auto* integer = std::get_if<tuning::Integer>(&parameter.range))
    ranges["IntegerParameterRanges"].push_back(
        bounds(parameter.name, integer->min, integer->max, integer->scaling));
  else if (const auto* continuous = std::get_if<tuning::Continuous>(&parameter.range))
    ranges["ContinuousParameterRanges"].push_back(
        bounds(parameter.name, continuous->min, continuous->max, continuous->scaling));
  else
    ranges["CategoricalParameterRanges"].push_back(
        {{"Name", parameter.name}, {"Values", std::get<tuning::Categorical>(parameter.range).values}});
}

// Returns how many hyperparameters are tuned.
std::size_t settle_ranges(json& ranges) {
  for (const json& example : ranges.value("AutoParameters", json::array()))
    add_range(ranges, tuning::auto_range(example.at("Name"), example.at("ValueHint")));
  ranges.erase("AutoParameters");
  std::size_t count = 0;
  for (const auto& [list, members] : ranges.items()) count += members.size();
  return count;
}

}  // namespace

json with_autotune(json request) {
  if (!request.contains("Autotune")) return request;
  json& config = request["HyperParameterTuningJobConfig"];
  std::size_t parameters = 0;
  if (const auto single = request.find("TrainingJobDefinition"); single != request.end()) {
    parameters = settle_ranges(config["ParameterRanges"]);
    single->emplace("RetryStrategy", json{{"MaximumRetryAttempts", retries}});
  } else {
    for (json& definition : request["TrainingJobDefinitions"]) {
      parameters += settle_ranges(definition["HyperParameterRanges"]);
      definition.emplace("RetryStrategy", json{{"MaximumRetryAttempts", retries}});
    }
  }
  const std::string strategy = config.at("Strategy");
  json& limits = config["ResourceLimits"];
  if (strategy != "Grid")
    limits.emplace("MaxNumberOfTrainingJobs",
                   std::clamp(jobs_per_parameter * parameters, jobs_least, jobs_most));
  // Hyperband stops jobs by itself.
  config.emplace("TrainingJobEarlyStoppingType", strategy == "Hyperband" ? "Off" : "Auto");
  config["TuningJobCompletionCriteria"].emplace("ConvergenceDetected",
                                                json{{"CompleteOnConvergence", "Enabled"}});
  return request;
}

}  // namespace sagemaker::local::services::tuning_job
