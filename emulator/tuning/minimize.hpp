// The smooth problems of a search: a quasi-Newton method (L-BFGS) within bounds.
#pragma once

#include <functional>

#include <Eigen/Core>

namespace sagemaker::local::tuning {

// The value at a point; puts the gradient there. Infinite where the function is not defined.
using Smooth = std::function<double(const Eigen::VectorXd& point, Eigen::VectorXd& gradient)>;

struct Descent {
  int iterations = 50;
  double first_step = 0.1;   // length of the first step, as long as no curvature is known
  double flat = 1e-5;        // ends where no component of the (projected) gradient is larger,
  double unchanging = 1e-8;  // or a step brings less than this of the value (at least 1)
};

struct Minimum {
  Eigen::VectorXd point;
  double value = 0;
};

// A local minimum of `function` in the box `lower` <= x <= `upper`, from `start` downhill. The start must
// have a finite value, or it is what comes back.
Minimum minimize(const Smooth& function, Eigen::VectorXd start, const Eigen::VectorXd& lower,
                 const Eigen::VectorXd& upper, const Descent& descent = {});

}  // namespace sagemaker::local::tuning
