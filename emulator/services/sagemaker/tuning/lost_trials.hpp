// Training jobs of a tuning job can be deleted while it goes on. After a restart, all that is known of those
// is what the tuning job's own record has shown. And of those whose records cannot be read, the status is
// known.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/tuning/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"

namespace sagemaker::local::services::tuning_job {

// A trial whose training job was deleted before anybody looked at how it had ended. `begun`: as it was at its
// beginning; `objective`: its last value, nullopt for none.
TrialJob lost_trial(TrialJob begun, std::optional<double> objective);
// The BestTrainingJob of a tuning job's document, where it is not among its trials any more.
std::optional<TrialJob> lost_best(const json& tuning_job, std::span<const TrialJob> trials);
// How many of the trials that the document counts as ended are not among these, of so many that are missing.
Counters lost_counters(const json& tuning_job, const Counters& found, std::int64_t missing);
// Of what the records of training jobs say of their states, whatever else they say.
Counters counters_of(std::span<const store::Record> trials);

}  // namespace sagemaker::local::services::tuning_job
