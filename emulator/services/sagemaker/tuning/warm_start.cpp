#include "emulator/services/sagemaker/tuning/warm_start.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "emulator/services/sagemaker/tuning/lost_trials.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sagemaker/tuning/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr std::size_t changes_max = 10;  // AWS: of static hyperparameters
constexpr const char* own_metric = "_tuning_objective_metric";

std::vector<std::string> parent_names(const json& tuning_job) {
  std::vector<std::string> names;
  const json config = tuning_job.value("WarmStartConfig", json::object());
  for (const json& parent : config.value("ParentHyperParameterTuningJobs", json::array()))
    if (parent.contains("HyperParameterTuningJobName"))
      names.push_back(parent["HyperParameterTuningJobName"]);
  return names;
}

bool identical(const json& tuning_job) {
  return tuning_job.value("WarmStartConfig", json::object()).value("WarmStartType", "") ==
         "IdenticalDataAndAlgorithm";
}

const Definition* find_definition(const Plan& plan, const std::string& name) {
  if (plan.definitions.size() == 1) return &plan.definitions.front();
  for (const Definition& definition : plan.definitions)
    if (definition.name == name) return &definition;
  return nullptr;
}

std::map<std::string, std::string> static_values(const Definition& definition) {
  auto values = definition.document.value("StaticHyperParameters", std::map<std::string, std::string>());
  values.erase(own_metric);
  return values;
}

const tuning::Parameter* find_parameter(const Definition& definition, const std::string& name) {
  for (const tuning::Parameter& parameter : definition.space.parameters())
    if (parameter.name == name) return &parameter;
  return nullptr;
}

std::set<std::string> all_names(const Definition& definition) {
  std::set<std::string> names;
  for (const auto& [name, value] : static_values(definition)) names.insert(name);
  for (const tuning::Parameter& parameter : definition.space.parameters()) names.insert(parameter.name);
  return names;
}

void check_same_hyperparameters(const Definition& ours, const Definition& theirs) {
  if (all_names(ours) != all_names(theirs))
    throw validation_fault(
        "The set of tunable plus static HyperParameter names is not the same across current and parent "
        "tuning jobs. Please ensure this set is constant when warm starting. Note that previously static "
        "HyperParameters can be tuned in warm start jobs and vice versa.");
  for (const tuning::Parameter& parameter : ours.space.parameters()) {
    const tuning::Parameter* before = find_parameter(theirs, parameter.name);
    if (before && before->range.index() != parameter.range.index())
      throw validation_fault("The type of the HyperParameter " + parameter.name +
                             " is not the same across current and parent tuning jobs.");
  }
}

// Every value that a hyperparameter has, or may have had, where it is static now: one is no change.
std::size_t changes_of(const Definition& ours, const std::vector<const Definition*>& parents) {
  std::size_t changes = 0;
  for (const auto& [name, value] : static_values(ours)) {
    std::set<std::string> values = {value};
    std::size_t ranges = 0;
    for (const Definition* parent : parents) {
      const auto before = static_values(*parent);
      if (const auto found = before.find(name); found != before.end()) {
        values.insert(found->second);
      } else if (const tuning::Parameter* tuned = find_parameter(*parent, name)) {
        if (const auto* categories = std::get_if<tuning::Categorical>(&tuned->range))
          values.insert(categories->values.begin(), categories->values.end());
        else
          ranges = 1;
      }
    }
    if (values.size() + ranges > 1) changes += values.size() + ranges;
  }
  return changes;
}

// The image without its tag: a new version may be the same algorithm.
std::string algorithm_of(const Definition& definition) {
  const std::string image = definition.document.at("AlgorithmSpecification").value("TrainingImage", "");
  const std::size_t name = image.rfind('/') == std::string::npos ? 0 : image.rfind('/');
  return image.substr(0, image.find_first_of(":@", name));
}

// What of a definition must stay as it was, with the defaults that a record shows.
json constant_part(const Definition& definition, bool same_data) {
  json part = definition.document;
  for (const char* free :
       {"AlgorithmSpecification", "OutputDataConfig", "StaticHyperParameters", "RoleArn", "ResourceConfig",
        "HyperParameterTuningResourceConfig", "StoppingCondition", "VpcConfig", "EnableManagedSpotTraining",
        "CheckpointConfig", "TuningObjective", "HyperParameterRanges", "DefinitionName"})
    part.erase(free);
  for (const char* flag : {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption"})
    part.emplace(flag, false);
  if (same_data)
    part["algorithm"] = algorithm_of(definition);
  else
    part.erase("InputDataConfig");
  if (part.value("Environment", json::object()).empty()) part.erase("Environment");
  return part;
}

void check_constant_part(const Definition& ours, const Definition& theirs, bool same_data) {
  if (constant_part(ours, same_data) == constant_part(theirs, same_data)) return;
  throw validation_fault(
      std::string("Only the following fields in TrainingJobDefinition are allowed to change: [") +
      (same_data ? "" : "algorithmSpecification, inputDataConfig, ") +
      "outputDataConfig, staticHyperParameters, roleArn, resourceConfig, stoppingCondition, vpcConfig, "
      "enableManagedSpotTraining, checkpointConfig].");
}

store::Record find_parent(const store::Records& records, const std::string& name) {
  const auto parent = records.find(tuning_job_kind, name);
  if (!parent)
    throw validation_fault("Amazon SageMaker can't find a tuning job with the name, " + name +
                           ", which is a parent of this tuning job.");
  if (!ended(*parent))
    throw validation_fault("The parent tuning job " + name + " is in status " + parent->status +
                           ". All parent jobs must be in a terminal state (Completed, Stopped, or Failed).");
  return *parent;
}

double value_of(const json& summary) {
  return summary.at("FinalHyperParameterTuningJobObjectiveMetric").at("Value");
}

}  // namespace

void check_warm_start(const store::Records& records, const json& input) {
  if (!input.contains("WarmStartConfig")) return;
  const std::vector<std::string> names = parent_names(input);
  if (names.empty() || std::set<std::string>(names.begin(), names.end()).size() != names.size())
    throw validation_fault(
        "ParentHyperParameterTuningJobs must name each parent hyperparameter tuning job once.");
  const Plan plan = plan_of(input);
  std::vector<Plan> parents;
  for (const std::string& name : names) parents.push_back(plan_of(find_parent(records, name).document));
  const bool same_data = identical(input);
  for (const Definition& ours : plan.definitions) {
    std::vector<const Definition*> matching;
    for (const Plan& parent : parents) {
      const Definition* theirs = find_definition(parent, ours.name);
      if (!theirs)
        throw validation_fault("The parent tuning jobs must have the same training job definitions: " +
                               (ours.name.empty() ? "one without a name" : ours.name) +
                               " is not among theirs.");
      if (ours.objective.metric != theirs->objective.metric || ours.objective.goal != theirs->objective.goal)
        throw validation_fault(
            "The objective metric for the tuning job must be the same as for all parent tuning jobs.");
      check_same_hyperparameters(ours, *theirs);
      check_constant_part(ours, *theirs, same_data);
      matching.push_back(theirs);
    }
    if (const std::size_t changes = changes_of(ours, matching); changes > changes_max)
      throw validation_fault(
          "The number of changes from tunable to static HyperParameters plus the number of changes in the "
          "values of static HyperParameters, [" +
          std::to_string(changes) + "], must be equal to or less than [" + std::to_string(changes_max) +
          "] when warm starting.");
  }
}

std::vector<tuning::History::Run> parent_runs(const store::Records& records, const json& tuning_job,
                                              const Definition& definition) {
  std::vector<tuning::History::Run> runs;
  for (const std::string& name : parent_names(tuning_job)) {
    const auto parent = records.find(tuning_job_kind, name);
    if (!parent) continue;  // deleted since
    const Plan plan = plan_of(parent->document);
    const Definition* theirs = find_definition(plan, definition.name);
    if (!theirs) continue;
    tuning::History::Run run;
    run.same_task = identical(tuning_job);
    const auto fixed = static_values(*theirs);
    std::vector<TrialJob> trials = trials_of(records, parent->arn);
    if (auto best = lost_best(parent->document, trials)) trials.push_back(std::move(*best));
    for (const TrialJob& trial : trials) {
      if (trial.status != ObjectiveStatus::succeeded || !trial.objective) continue;
      if (plan.definitions.size() > 1 && trial.definition != theirs->name) continue;
      tuning::Trial known{trial.tuned, tuning::Trial::State::ended, trial.objective};
      // What is searched now may have been fixed then.
      known.parameters.insert(fixed.begin(), fixed.end());
      run.trials.push_back(std::move(known));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

json better_summary(const json& a, const json& b, tuning::Goal goal) {
  if (a.is_null() || b.is_null()) return a.is_null() ? b : a;
  const bool second = goal == tuning::Goal::minimize ? value_of(b) < value_of(a) : value_of(b) > value_of(a);
  return second ? b : a;
}

json best_of_parents(const store::Records& records, const json& tuning_job) {
  json best;
  if (!identical(tuning_job)) return best;
  const tuning::Goal goal = plan_of(tuning_job).definitions.front().objective.goal;
  for (const std::string& name : parent_names(tuning_job)) {
    const auto parent = records.find(tuning_job_kind, name);
    if (!parent || !parent->document.contains("BestTrainingJob")) continue;
    json candidate = parent->document["BestTrainingJob"];
    candidate["TuningJobName"] = name;
    best = better_summary(best, candidate, goal);
  }
  return best;
}

}  // namespace sagemaker::local::services::tuning_job
