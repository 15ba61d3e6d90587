// From a channel of a training job's request to what the runner brings to the hosts: listing, manifests,
// shuffling and sharding of the objects in the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/training/inputs.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services {

// `channel`: a member of InputDataConfig that check_input_channels() let pass; `default_mode`:
// TrainingInputMode. The result refers to `objects`. Its functions throw std::runtime_error in AWS's words
// where an object is missing or a manifest is none.
runner::InputChannel input_channel(const json& channel, const std::string& default_mode,
                                   const store::Objects& objects);

// Deterministic for a seed and an epoch, and another order for another epoch.
void shuffle_order(std::vector<std::size_t>& order, std::int64_t seed, int epoch);

}  // namespace sagemaker::local::services
