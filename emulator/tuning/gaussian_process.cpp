#include "emulator/tuning/gaussian_process.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include <Eigen/Cholesky>

namespace sagemaker::local::tuning {

namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

// What keeps a covariance positive definite when points all but coincide.
constexpr double jitter = 1e-10;

// The squared distances of `points` (a row a point) from one point.
ArrayXd squared_distances(const MatrixXd& points, const VectorXd& from, const Hyperparameters& hyper,
                          const std::vector<bool>& categorical) {
  ArrayXd squares = ArrayXd::Zero(points.rows());
  for (Index i = 0; i < points.cols(); ++i) {
    const auto difference = points.col(i).array() - from[i];
    if (categorical[static_cast<std::size_t>(i)])
      squares += (difference.abs() > 1e-9).select(ArrayXd::Constant(points.rows(), hyper.precisions[i]), 0.0);
    else
      squares += hyper.precisions[i] * difference.square();
  }
  return squares;
}

}  // namespace

ArrayXd matern(const ArrayXd& squares, double signal) {
  const ArrayXd distances = (5 * squares).sqrt();
  return signal * (1 + distances + distances.square() / 3) * (-distances).exp();
}

ArrayXd matern_slopes(const ArrayXd& squares, double signal) {
  const ArrayXd distances = (5 * squares).sqrt();
  return -signal * 5 / 6 * (1 + distances) * (-distances).exp();
}

VectorXd Trend::weights() const {
  VectorXd all = VectorXd::Zero(size());
  for (std::size_t i = 0; i < sources.size(); ++i) all[static_cast<Index>(i) + 1] = sources[i].weight;
  return all;
}

VectorXd Trend::variances() const {
  VectorXd all = VectorXd::Constant(size(), level_deviation * level_deviation);
  for (std::size_t i = 0; i < sources.size(); ++i)
    all[static_cast<Index>(i) + 1] = sources[i].deviation * sources[i].deviation;
  return all;
}

MatrixXd Trend::at(const MatrixXd& points) const {
  MatrixXd all = MatrixXd::Ones(points.rows(), size());
  for (std::size_t i = 0; i < sources.size(); ++i)
    all.col(static_cast<Index>(i) + 1) = sources[i].process->means(points).col(0);
  return all;
}

VectorXd Trend::at(const VectorXd& point, MatrixXd& gradients) const {
  VectorXd all = VectorXd::Ones(size());
  gradients = MatrixXd::Zero(point.size(), size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const GaussianProcess& process = *sources[i].process;
    const GaussianProcess::Local there = process.local(point);
    all[static_cast<Index>(i) + 1] = there.means[0];
    gradients.col(static_cast<Index>(i) + 1) = process.gradient(there, VectorXd::Ones(1), 0);
  }
  return all;
}

GaussianProcess::GaussianProcess(Observations observations, Trend trend, Hyperparameters hyperparameters)
    : categorical_(std::move(observations.categorical)),
      trend_(std::move(trend)),
      hyper_(std::move(hyperparameters)),
      points_(std::move(observations.points)),
      functions_(trend_.at(points_)),
      noise_(VectorXd::Constant(points_.rows(), hyper_.noise)),
      values_(observations.values - functions_ * trend_.weights()) {
  refactor();
}

double GaussianProcess::correlation(const VectorXd& a, const VectorXd& b) const {
  return matern(squared_distances(a.transpose(), b, hyper_, categorical_), 1)[0];
}

MatrixXd GaussianProcess::covariances(const MatrixXd& points) const {
  MatrixXd all(points_.rows(), points.rows());
  for (Index j = 0; j < points.rows(); ++j)
    all.col(j) =
        matern(squared_distances(points_, points.row(j).transpose(), hyper_, categorical_), hyper_.signal);
  return all;
}

void GaussianProcess::refactor() {
  MatrixXd covariance = covariances(points_);
  covariance += functions_ * trend_.variances().asDiagonal() * functions_.transpose();
  covariance.diagonal() += noise_;
  covariance.diagonal().array() += jitter * (hyper_.signal + 1);
  const Eigen::LLT<MatrixXd> factors(covariance);
  if (factors.info() != Eigen::Success) throw std::runtime_error("a covariance is not positive definite");
  factor_ = factors.matrixL();
  coefficients_ = factors.solve(values_);
}

void GaussianProcess::split(Index count) {
  values_ = values_.col(0).replicate(1, count).eval();
  coefficients_ = coefficients_.col(0).replicate(1, count).eval();
}

void GaussianProcess::observe(const VectorXd& point, const RowVectorXd& values, double noise) {
  const Index n = size();
  MatrixXd gradients;
  const VectorXd functions = trend_.at(point, gradients);
  const VectorXd scaled = trend_.variances().cwiseProduct(functions);
  VectorXd row = covariances(point.transpose()).col(0) + functions_ * scaled;
  factor_.topLeftCorner(n, n).triangularView<Eigen::Lower>().solveInPlace(row);
  const double rest =
      hyper_.signal + functions.dot(scaled) + noise + jitter * (hyper_.signal + 1) - row.squaredNorm();
  points_.conservativeResize(n + 1, Eigen::NoChange);
  points_.row(n) = point.transpose();
  functions_.conservativeResize(n + 1, Eigen::NoChange);
  functions_.row(n) = functions.transpose();
  noise_.conservativeResize(n + 1);
  noise_[n] = noise;
  values_.conservativeResize(n + 1, Eigen::NoChange);
  values_.row(n) = values.array() - trend_.weights().dot(functions);
  factor_.conservativeResize(n + 1, n + 1);
  factor_.col(n).setZero();
  factor_.row(n).head(n) = row.transpose();
  factor_(n, n) = std::sqrt(std::max(rest, jitter * (hyper_.signal + 1)));
  coefficients_ = factor_.triangularView<Eigen::Lower>().solve(values_);
  factor_.transpose().triangularView<Eigen::Upper>().solveInPlace(coefficients_);
}

void GaussianProcess::imagine(const MatrixXd& values, double noise) {
  values_ = values.colwise() - functions_ * trend_.weights();
  noise_.setConstant(noise);
  refactor();
}

void GaussianProcess::predict(const MatrixXd& points, MatrixXd& means, VectorXd& variances) const {
  const MatrixXd functions = trend_.at(points);
  const VectorXd weight_variances = trend_.variances();
  MatrixXd covariance = covariances(points);
  covariance += functions_ * weight_variances.asDiagonal() * functions.transpose();
  means = covariance.transpose() * coefficients_;
  means.colwise() += functions * trend_.weights();
  factor_.triangularView<Eigen::Lower>().solveInPlace(covariance);
  variances = (functions.array().square().matrix() * weight_variances).array() + hyper_.signal;
  variances -= covariance.colwise().squaredNorm().transpose();
  variances = variances.cwiseMax(jitter * hyper_.signal);
}

MatrixXd GaussianProcess::means(const MatrixXd& points) const {
  const MatrixXd functions = trend_.at(points);
  MatrixXd all = covariances(points).transpose() * coefficients_;
  all += functions * (trend_.variances().asDiagonal() * (functions_.transpose() * coefficients_));
  all.colwise() += functions * trend_.weights();
  return all;
}

MatrixXd GaussianProcess::draws(const MatrixXd& normal) const {
  // Matheron's rule: a draw of the prior, corrected by what was observed.
  const Index n = size();
  MatrixXd prior = covariances(points_);
  prior += functions_ * trend_.variances().asDiagonal() * functions_.transpose();
  MatrixXd jittered = prior;
  jittered.diagonal().array() += 1e-8 * (hyper_.signal + 1);
  const Eigen::LLT<MatrixXd> factors(jittered);
  if (factors.info() != Eigen::Success) throw std::runtime_error("a covariance is not positive definite");
  const MatrixXd drawn = factors.matrixL() * normal.topRows(n);
  MatrixXd missed = noise_.cwiseSqrt().asDiagonal() * normal.bottomRows(n);
  missed = values_.col(0).replicate(1, normal.cols()) - drawn - missed;
  factor_.triangularView<Eigen::Lower>().solveInPlace(missed);
  factor_.transpose().triangularView<Eigen::Upper>().solveInPlace(missed);
  MatrixXd all = drawn + prior * missed;
  all.colwise() += functions_ * trend_.weights();
  return all;
}

GaussianProcess::Local GaussianProcess::local(const VectorXd& point) const {
  Local at;
  at.point = point;
  at.trend = trend_.at(point, at.trend_gradients);
  const ArrayXd squares = squared_distances(points_, point, hyper_, categorical_);
  at.slopes = matern_slopes(squares, hyper_.signal);
  const VectorXd scaled = trend_.variances().cwiseProduct(at.trend);
  at.covariances = matern(squares, hyper_.signal).matrix() + functions_ * scaled;
  at.means = at.covariances.transpose() * coefficients_;
  at.means.array() += trend_.weights().dot(at.trend);
  at.solved = factor_.triangularView<Eigen::Lower>().solve(at.covariances);
  const double variance = hyper_.signal + at.trend.dot(scaled) - at.solved.squaredNorm();
  at.variance = std::max(variance, jitter * hyper_.signal);
  factor_.transpose().triangularView<Eigen::Upper>().solveInPlace(at.solved);
  return at;
}

VectorXd GaussianProcess::gradient(const Local& at, const VectorXd& by_mean, double by_variance) const {
  const VectorXd by_covariance = coefficients_ * by_mean - 2 * by_variance * at.solved;
  const VectorXd by_square = by_covariance.array() * at.slopes;
  VectorXd all(at.point.size());
  for (Index i = 0; i < all.size(); ++i)
    all[i] = categorical_[static_cast<std::size_t>(i)]
                 ? 0
                 : 2 * hyper_.precisions[i] * (at.point[i] * by_square.sum() - by_square.dot(points_.col(i)));
  if (trend_.sources.empty()) return all;
  const VectorXd variances = trend_.variances();
  VectorXd by_function = variances.cwiseProduct(functions_.transpose() * by_covariance);
  by_function += by_mean.sum() * trend_.weights() + 2 * by_variance * variances.cwiseProduct(at.trend);
  return all + at.trend_gradients * by_function;
}

}  // namespace sagemaker::local::tuning
