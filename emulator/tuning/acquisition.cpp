#include "emulator/tuning/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "emulator/tuning/quasi_random.hpp"

namespace sagemaker::local::tuning {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

const double log_root_two_pi = 0.5 * std::log(2 * std::numbers::pi);

double probability(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// Phi(z) / phi(z) of a negative z.
double mills(double z) {
  if (z > -25) return probability(z) * std::exp(0.5 * z * z + log_root_two_pi);
  const double s = 1 / (z * z);
  return -(1 - s * (1 - s * (3 - s * 15))) / z;
}

// Standard normal numbers, one of each of `count` equally likely intervals, in random order.
RowVectorXd stratified(Index count, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[mixed(seed, i) % i]);
  RowVectorXd all(count);
  for (Index i = 0; i < count; ++i)
    all[i] = normal_quantile((static_cast<double>(order[static_cast<std::size_t>(i)]) + 0.5) /
                             static_cast<double>(count));
  return all;
}

constexpr double certainty = 4;

// How likely a trial is to end, by the mean and variance of the process of +1 and -1.
double feasible_margin(double mean, double variance) { return certainty * mean / std::sqrt(variance + 0.25); }

}  // namespace

double log_improvement(double z, double* slope) {
  const double log_density = -0.5 * z * z - log_root_two_pi;
  double ratio = 0;  // Phi / (phi + z Phi)
  double value = 0;
  if (z > -1) {
    const double p = probability(z), improvement = std::exp(log_density) + z * p;
    value = std::log(improvement);
    ratio = p / improvement;
  } else if (z > -20) {
    const double m = mills(z), rest = 1 + z * m;
    value = log_density + std::log(rest);
    ratio = m / rest;
  } else {
    const double s = 1 / (z * z);
    const double rest = s * (1 - s * (3 - s * (15 - s * 105)));
    value = log_density + std::log(rest);
    ratio = -(1 - s * (1 - s * (3 - s * 15))) / z / rest;
  }
  if (slope) *slope = ratio;
  return value;
}

double log_probability(double z, double* slope) {
  const double log_density = -0.5 * z * z - log_root_two_pi;
  if (z > -1) {
    const double p = probability(z);
    if (slope) *slope = std::exp(log_density) / p;
    return std::log(p);
  }
  const double m = mills(z);
  if (slope) *slope = 1 / m;
  return log_density + std::log(m);
}

double normal_quantile(double p) {
  // Newton's method on log Phi, which is concave, from a rough start, in the lower half.
  if (p > 0.5) return -normal_quantile(1 - p);
  const double t = std::sqrt(-2 * std::log(p));
  double z = -(t - (2.30753 + 0.27061 * t) / (1 + t * (0.99229 + t * 0.04481)));
  for (int step = 0; step < 4; ++step) {
    double slope = 0;
    const double off = log_probability(z, &slope) - std::log(p);
    z -= off / slope;
  }
  return z;
}

Acquisition::Acquisition(GaussianProcess process, std::optional<GaussianProcess> feasible, Index worlds,
                         bool noisy, std::uint64_t seed)
    : process_(std::move(process)), feasible_(std::move(feasible)), worlds_(worlds), seed_(seed) {
  if (noisy && process_.size() > 0) {
    MatrixXd normal(2 * process_.size(), worlds_);
    for (Index i = 0; i < normal.rows(); ++i)
      normal.row(i) = stratified(worlds_, mixed(seed_, static_cast<std::uint64_t>(draws_++)));
    const MatrixXd values = process_.draws(normal);
    best_ = values.colwise().minCoeff();
    process_.imagine(values, 1e-6 * process_.hyperparameters().signal);
  } else if (process_.size() > 0) {
    best_ = RowVectorXd::Constant(1, process_.means(process_.points()).minCoeff());
  } else {
    best_ = RowVectorXd::Constant(1, std::numeric_limits<double>::infinity());
  }
}

void Acquisition::pending(const VectorXd& point) {
  if (process_.worlds() == 1) {
    process_.split(worlds_);
    best_ = RowVectorXd::Constant(worlds_, best_[0]);
  }
  const GaussianProcess::Local there = process_.local(point);
  const RowVectorXd values =
      there.means +
      std::sqrt(there.variance) * stratified(worlds_, mixed(seed_, static_cast<std::uint64_t>(draws_++)));
  process_.observe(point, values, 1e-6 * process_.hyperparameters().signal);
  best_ = best_.cwiseMin(values);
}

bool Acquisition::likely_to_end(const VectorXd& point) const {
  return !feasible_ || feasible_->local(point).means[0] > 0;
}

VectorXd Acquisition::at(const MatrixXd& points) const {
  MatrixXd means;
  VectorXd variances, all(points.rows());
  process_.predict(points, means, variances);
  std::vector<double> logs(static_cast<std::size_t>(means.cols()));
  for (Index i = 0; i < points.rows(); ++i) {
    const double deviation = std::sqrt(variances[i]);
    double most = -std::numeric_limits<double>::infinity();
    for (Index world = 0; world < means.cols(); ++world) {
      const double log = log_improvement((best_[world] - means(i, world)) / deviation);
      logs[static_cast<std::size_t>(world)] = log;
      most = std::max(most, log);
    }
    double sum = 0;
    for (const double log : logs) sum += std::exp(log - most);
    all[i] = std::log(deviation) + most + std::log(sum / static_cast<double>(means.cols()));
  }
  if (feasible_) {
    feasible_->predict(points, means, variances);
    for (Index i = 0; i < points.rows(); ++i)
      all[i] += log_probability(feasible_margin(means(i, 0), variances[i]));
  }
  return all;
}

double Acquisition::at(const VectorXd& point, VectorXd& gradient) const {
  const GaussianProcess::Local there = process_.local(point);
  const double deviation = std::sqrt(there.variance);
  const Index worlds = there.means.size();
  VectorXd logs(worlds), slopes(worlds), zs(worlds);
  for (Index world = 0; world < worlds; ++world) {
    zs[world] = (best_[world] - there.means[world]) / deviation;
    logs[world] = log_improvement(zs[world], &slopes[world]);
  }
  const double most = logs.maxCoeff();
  VectorXd shares = (logs.array() - most).exp();
  const double sum = shares.sum();
  shares = shares.cwiseProduct(slopes) / (sum * deviation);
  const double by_deviation = 1 / deviation - shares.dot(zs);
  gradient = process_.gradient(there, -shares, by_deviation / (2 * deviation));
  double value = std::log(deviation) + most + std::log(sum / static_cast<double>(worlds));
  if (feasible_) {
    VectorXd more;
    value += feasibility(point, more);
    gradient += more;
  }
  return value;
}

double Acquisition::feasibility(const VectorXd& point, VectorXd& gradient) const {
  const GaussianProcess::Local there = feasible_->local(point);
  const double margin = feasible_margin(there.means[0], there.variance);
  double slope = 0;
  const double value = log_probability(margin, &slope);
  const double root = std::sqrt(there.variance + 0.25);
  gradient = feasible_->gradient(there, VectorXd::Constant(1, slope * certainty / root),
                                 -slope * certainty / 2 * there.means[0] / (root * root * root));
  return value;
}

}  // namespace sagemaker::local::tuning
