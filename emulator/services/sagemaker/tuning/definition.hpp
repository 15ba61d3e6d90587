// The request of a tuning job as the parts that run it need it: one definition for TrainingJobDefinition, or
// one for each of TrainingJobDefinitions, each with its objective, its space and the request of its training
// jobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/tuning/search.hpp"
#include "emulator/tuning/space.hpp"

namespace sagemaker::local::services::tuning_job {

struct Objective {
  tuning::Goal goal = tuning::Goal::maximize;
  std::string metric;
};

struct Definition {
  std::string name;  // DefinitionName; "" where there is one TrainingJobDefinition
  Objective objective;
  tuning::Space space;
  json document;  // the TrainingJobDefinition as Describe shows it
  // How many epochs a training job may take (Hyperband).
  std::optional<std::int64_t> max_resource;
};

enum class Strategy { bayesian, random, hyperband, grid };

struct Completion {
  std::optional<double> target;              // TargetObjectiveMetricValue
  std::optional<std::size_t> not_improving;  // MaxNumberOfTrainingJobsNotImproving
  bool on_convergence = false;               // CompleteOnConvergence
};

struct Plan {
  Strategy strategy = Strategy::bayesian;
  std::vector<Definition> definitions;    // one or more
  std::size_t trials_max = 0;             // MaxNumberOfTrainingJobs, for Grid what the grid holds
  std::size_t parallel_max = 1;           // MaxParallelTrainingJobs
  std::optional<std::int64_t> runtime_s;  // MaxRuntimeInSeconds
  bool early_stopping = false;            // TrainingJobEarlyStoppingType Auto
  std::int64_t min_resource = 1;          // HyperbandStrategyConfig
  Completion completion;
  std::uint64_t seed = 0;  // RandomSeed, or what was drawn when the job was created
};

// How many training jobs one tuning job may have: AWS's default quotas.
constexpr std::size_t trials_quota(Strategy strategy) { return strategy == Strategy::random ? 10'000 : 750; }

// The epochs that the static hyperparameters of a TrainingJobDefinition speak of; nullopt where none does.
std::optional<std::int64_t> inferred_max_resource(const json& definition);

// ResourceConfig of the training jobs of a TrainingJobDefinition. Of several InstanceConfigs it is the first.
json training_resources(const json& definition);

// Of the document of a tuning job's record, which has been checked when it was created.
Plan plan_of(const json& tuning_job);

// The members of CreateTrainingJob for one trial of a definition: static and chosen hyperparameters,
// _tuning_objective_metric, resources, everything else as the definition says.
json training_request(const Definition& definition, const tuning::Assignment& chosen,
                      const std::string& job_name);

}  // namespace sagemaker::local::services::tuning_job
