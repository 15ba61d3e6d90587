#include "emulator/tuning/basins.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sagemaker::local::tuning {

namespace {

constexpr double apart = 0.2;    // of basins, times the root of the dimensions
constexpr double radius = 0.25;  // of their regions, in each dimension

}  // namespace

std::vector<Basin> basins(const Eigen::MatrixXd& points, const Eigen::VectorXd& values,
                          const std::vector<bool>& categorical, std::size_t most) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  const double distance = apart * std::sqrt(static_cast<double>(points.cols()));
  std::vector<Basin> found;
  for (const Eigen::Index i : order) {
    if (found.size() == most) break;
    const auto near = [&](const Basin& other) {
      return (points.row(other.lowest) - points.row(i)).norm() < distance;
    };
    if (std::any_of(found.begin(), found.end(), near)) continue;
    Basin basin{i, values[i], {points.row(i).transpose(), points.row(i).transpose()}};
    for (Eigen::Index j = 0; j < points.cols(); ++j) {
      const bool anywhere = categorical[static_cast<std::size_t>(j)];
      basin.region.lower[j] = anywhere ? 0 : std::max(0.0, points(i, j) - radius);
      basin.region.upper[j] = anywhere ? 1 : std::min(1.0, points(i, j) + radius);
    }
    found.push_back(std::move(basin));
  }
  return found;
}

}  // namespace sagemaker::local::tuning
