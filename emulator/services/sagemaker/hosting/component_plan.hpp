// What an inference component asks for, made ready to run.
#pragma once

#include <filesystem>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/sagemaker/hosting/placement.hpp"
#include "emulator/services/sagemaker/hosting/plan.hpp"

namespace sagemaker::local::services::hosting {

// The copies are the instances of this variant: one container each. `definition`: {"Specification": as in the
// request, "Model": of its ModelName, absent: it has a Container}; `host`: the variant that they are placed
// on. Keeps the model's files below `kept`. Throws std::runtime_error in AWS's words where the model data or
// the image is not there (any more).
VariantPlan plan_component(Platform& platform, const std::string& component, const json& definition,
                           const VariantPlan& host, const std::filesystem::path& kept);

// What one copy needs of an instance. `pool`: tells the copies of one version of a component from another's.
CopyNeed copy_need(const std::string& pool, const json& specification);

// The specification as DescribeInferenceComponent tells it.
json specification_summary(const Platform& platform, const json& specification);

}  // namespace sagemaker::local::services::hosting
