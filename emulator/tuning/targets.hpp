// Objectives as a model wants them: to be minimized, of deviation about 1, without what would blind it.
#pragma once

#include <vector>

#include <Eigen/Core>

#include "emulator/tuning/search.hpp"

namespace sagemaker::local::tuning {

struct Targets {
  Eigen::VectorXd values;
  double unit = 1;  // what 1 is in the metric's own units
};

// Shifted and scaled (by the better half, so that a few very bad objectives do not make all others alike),
// and compressed logarithmically where they are much worse than most. Keeps the order. Equal objectives
// become 0.
Targets targets(const std::vector<double>& objectives, Goal goal);

}  // namespace sagemaker::local::tuning
