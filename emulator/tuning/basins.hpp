// The valleys that are known of a function: which of them have given all that they have, and where a search
// goes on then.
#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include "emulator/tuning/gaussian_process.hpp"

namespace sagemaker::local::tuning {

// Lowest points of basins that have been searched to their ground.
class ExhaustedBasins {
 public:
  // Of a process that has observed `points`, in the order in which they were tried. A basin is exhausted when
  // `patience` trials in it after its best one brought no improvement of `noticeable`.
  ExhaustedBasins(const GaussianProcess& process, const Eigen::MatrixXd& points, std::size_t patience,
                  double noticeable);

  bool empty() const { return grounds_.empty(); }
  // Whether the point lies in one of them.
  bool contain(const Eigen::VectorXd& point) const;
  // Rows of the points that tell of the rest of the space: those beside them.
  const std::vector<Eigen::Index>& beside() const { return beside_; }

 private:
  const GaussianProcess& process_;
  std::vector<Eigen::VectorXd> grounds_;
  std::vector<Eigen::Index> beside_;
};

}  // namespace sagemaker::local::tuning
