#include "emulator/tuning/basins.hpp"

#include <algorithm>
#include <utility>

namespace sagemaker::local::tuning {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t most_grounds = 8;
constexpr double correlated = 0.3;  // with the lowest point: within its basin
constexpr double hill = 0.05;       // deviations of the objectives
constexpr int steps = 6;            // of the way between two points

// Whether the process expects a hill on the straight way between two points that are known.
bool hill_between(const GaussianProcess& process, const VectorXd& a, const VectorXd& b, double higher) {
  MatrixXd way(steps - 1, a.size());
  for (int i = 1; i < steps; ++i)
    way.row(i - 1) = (a + (b - a) * (static_cast<double>(i) / steps)).transpose();
  return process.means(way).rowwise().mean().maxCoeff() > higher + hill;
}

}  // namespace

ExhaustedBasins::ExhaustedBasins(const GaussianProcess& process, const MatrixXd& points, std::size_t patience,
                                 double noticeable)
    : process_(process) {
  const VectorXd values = process.means(points).rowwise().mean();
  for (Index i = 0; i < points.rows(); ++i) beside_.push_back(i);
  while (!beside_.empty() && grounds_.size() < most_grounds) {
    const Index best = *std::min_element(beside_.begin(), beside_.end(),
                                         [&](Index a, Index b) { return values[a] < values[b]; });
    const VectorXd ground = points.row(best).transpose();
    std::size_t fruitless = 0;
    std::vector<Index> rest;
    for (const Index i : beside_) {
      const VectorXd point = points.row(i).transpose();
      if (process.correlation(point, ground) > correlated) {
        if (fruitless > 0 || values[i] < values[best] + noticeable) ++fruitless;
      } else if (values[i] > 0 ||  // no flank of anything: worse than the average
                 hill_between(process, point, ground, std::max(values[i], values[best]))) {
        rest.push_back(i);
      }
    }
    if (fruitless < patience + 1) return;
    grounds_.push_back(ground);
    beside_ = std::move(rest);
  }
}

bool ExhaustedBasins::contain(const VectorXd& point) const {
  return std::any_of(grounds_.begin(), grounds_.end(), [&](const VectorXd& ground) {
    return process_.correlation(point, ground) > correlated;
  });
}

}  // namespace sagemaker::local::tuning
