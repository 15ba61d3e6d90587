// What a further trial at a point is worth: the logarithm of the improvement that is expected of it beside
// those that are running. The logarithm has gradients also where the improvement underflows.
// Ament et al.: Unexpected Improvements to Expected Improvement for Bayesian Optimization, NeurIPS 2023.
#pragma once

#include <cstdint>
#include <optional>

#include <Eigen/Core>

#include "emulator/tuning/gaussian_process.hpp"

namespace sagemaker::local::tuning {

// log E[max(0, best - Y)] of a normal Y, with z = (best - mean) / deviation: the logarithm of the deviation
// is added to log_improvement(z). Exact to about 1e-12 for any z; `slope`: its derivative.
double log_improvement(double z, double* slope = nullptr);

// log Phi(z), the logarithm of the normal distribution's probability below z.
double log_probability(double z, double* slope = nullptr);

// The inverse of Phi, 0 < p < 1.
double normal_quantile(double p);

class Acquisition {
 public:
  // `process`: of values to be minimized. `worlds`: how many outcomes of running trials are imagined. With
  // `noisy`, the true values at the observed points are imagined as well. `feasible`: of +1 where trials
  // ended and -1 where they failed.
  Acquisition(GaussianProcess process, std::optional<GaussianProcess> feasible, Eigen::Index worlds,
              bool noisy, std::uint64_t seed);

  // A trial runs there, or will.
  void pending(const Eigen::VectorXd& point);

  // Whether a trial there is more likely to end than to fail.
  bool likely_to_end(const Eigen::VectorXd& point) const;

  // A row a point.
  Eigen::VectorXd at(const Eigen::MatrixXd& points) const;
  double at(const Eigen::VectorXd& point, Eigen::VectorXd& gradient) const;

  const GaussianProcess& process() const { return process_; }

 private:
  double feasibility(const Eigen::VectorXd& point, Eigen::VectorXd& gradient) const;

  GaussianProcess process_;
  std::optional<GaussianProcess> feasible_;
  Eigen::Index worlds_;
  std::uint64_t seed_;
  Eigen::Index draws_ = 0;
  Eigen::RowVectorXd best_;  // a world
};

}  // namespace sagemaker::local::tuning
