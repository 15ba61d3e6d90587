// Models: an image, its environment and where the artifacts lie.
#pragma once

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view model_kind = "model";

// CreateModel, DescribeModel, ListModels, DeleteModel.
void add_model_operations(OperationTable& table, Platform& platform);

}  // namespace sagemaker::local::services
