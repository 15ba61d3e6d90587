#include "emulator/tuning/targets.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace sagemaker::local::tuning {

namespace {

// Of sorted values; 0 <= part <= 1.
double quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Targets targets(const std::vector<double>& objectives, Goal goal) {
  Targets result{Eigen::VectorXd::Zero(static_cast<Eigen::Index>(objectives.size())), 1};
  if (objectives.empty()) return result;
  // Within numbers whose squares and differences are numbers, too.
  double greatest = 0;
  for (const double objective : objectives) greatest = std::max(greatest, std::abs(objective));
  if (greatest == 0) return result;
  const double sign = goal == Goal::minimize ? 1 : -1;
  std::vector<double> values;
  for (const double objective : objectives) values.push_back(sign * (objective / greatest));
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double middle = quantile(sorted, 0.5);
  const double spread = middle - sorted.front();
  const double knee = middle + 2.0 * spread;
  const double slack = std::max(spread, 1e-12);
  double sum = 0, squares = 0;
  for (double& value : values) {
    if (value > knee) value = knee + slack * std::log1p((value - knee) / slack);
    sum += value;
  }
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size()));
  if (!(deviation > 1e-14)) return result;
  for (std::size_t i = 0; i < values.size(); ++i)
    result.values[static_cast<Eigen::Index>(i)] = (values[i] - mean) / deviation;
  result.unit = deviation * greatest;
  return result;
}

}  // namespace sagemaker::local::tuning
