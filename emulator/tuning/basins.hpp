// The valleys that are known of a function: where a search goes on when the deepest of them gives no more.
#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

namespace sagemaker::local::tuning {

// A part of the unit cube.
struct Region {
  Eigen::VectorXd lower, upper;
};

struct Basin {
  Eigen::Index lowest = 0;  // row of the point
  double value = 0;         // there
  Region region;            // around it
};

// The basins of points (a row each) with values: the lowest points that lie apart, the lowest first.
// Categories do not limit regions.
std::vector<Basin> basins(const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                          const std::vector<bool>& categorical, std::size_t most);

}  // namespace sagemaker::local::tuning
