// Tuning jobs that start from what earlier ones have found.
// https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
#pragma once

#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/tuning/definition.hpp"
#include "emulator/store/records.hpp"
#include "emulator/tuning/search.hpp"

namespace sagemaker::local::services::tuning_job {

// Whether the request may start from the parents that it names: CreateHyperParameterTuningJob's members,
// checked in themselves. Throws ServiceFault ValidationException.
void check_warm_start(const store::Records& records, const json& input);

// What the parents of a tuning job have found, for the search of one of its definitions: a run each, with the
// trials whose objective is known. Parents are not followed further. `tuning_job`: the document of its
// record.
std::vector<tuning::History::Run> parent_runs(const store::Records& records, const json& tuning_job,
                                              const Definition& definition);

// HyperParameterTrainingJobSummary, with its TuningJobName, of the best trial of all parents where the job
// was started with IdenticalDataAndAlgorithm; null where there is none.
json best_of_parents(const store::Records& records, const json& tuning_job);

// The better one of two HyperParameterTrainingJobSummary, of which each may be null.
json better_summary(const json& a, const json& b, tuning::Goal goal);

}  // namespace sagemaker::local::services::tuning_job
