#include "emulator/tuning/space.hpp"

#include <utility>

namespace sagemaker::local::tuning {

Space::Space(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}

}  // namespace sagemaker::local::tuning
