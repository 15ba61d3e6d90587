// The hyperparameters of a Gaussian process: greatest posterior density by gradients.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include <Eigen/Cholesky>

#include "emulator/tuning/gaussian_process.hpp"
#include "emulator/tuning/minimize.hpp"

namespace sagemaker::local::tuning {

namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Minus the logarithm of the posterior density, as a function of the logarithms of precisions, signal, noise.
class Posterior {
 public:
  Posterior(const Observations& observations, const Trend& trend)
      : count_(observations.points.rows()), dimensions_(observations.points.cols()) {
    const MatrixXd functions = trend.at(observations.points);
    trend_ = functions * trend.variances().asDiagonal() * functions.transpose();
    values_ = observations.values - functions * trend.weights();
    squares_.resize(count_ * (count_ - 1) / 2, dimensions_);
    for (Index i = 0; i < dimensions_; ++i) {
      const bool categorical = observations.categorical[static_cast<std::size_t>(i)];
      Index pair = 0;
      for (Index a = 0; a < count_; ++a)
        for (Index b = a + 1; b < count_; ++b, ++pair) {
          const double difference = observations.points(a, i) - observations.points(b, i);
          squares_(pair, i) = categorical ? std::abs(difference) > 1e-9 : difference * difference;
        }
    }
  }

  Index size() const { return dimensions_ + 2; }

  double operator()(const VectorXd& logarithms, VectorXd& gradient) const {
    const VectorXd precisions = logarithms.head(dimensions_).array().exp();
    const double signal = std::exp(logarithms[dimensions_]), noise = std::exp(logarithms[dimensions_ + 1]);
    const ArrayXd squares = (squares_ * precisions).array();
    const ArrayXd covariances = matern(squares, signal);
    MatrixXd matrix = trend_;
    Index pair = 0;
    for (Index a = 0; a < count_; ++a) {
      const Index rest = count_ - a - 1;
      matrix(a, a) += signal + noise + 1e-10 * (signal + 1);
      matrix.col(a).tail(rest) += covariances.segment(pair, rest).matrix();
      pair += rest;
    }
    const Eigen::LLT<Eigen::Ref<MatrixXd>> factors(matrix);  // in place, of the lower triangle
    if (factors.info() != Eigen::Success) return std::numeric_limits<double>::infinity();
    const VectorXd coefficients = factors.solve(values_);
    const double determinant = 2 * matrix.diagonal().array().log().sum();
    double value = 0.5 * (values_.dot(coefficients) + determinant);
    const MatrixXd inverse = inverted(matrix);
    // By a covariance of a pair: once for each of its two places.
    ArrayXd by_pair(squares.size());
    pair = 0;
    for (Index a = 0; a < count_; ++a) {
      const Index rest = count_ - a - 1;
      by_pair.segment(pair, rest) =
          inverse.col(a).tail(rest).array() - coefficients[a] * coefficients.tail(rest).array();
      pair += rest;
    }
    const double trace = inverse.trace() - coefficients.squaredNorm();
    gradient.resize(size());
    const VectorXd slopes = by_pair * matern_slopes(squares, signal);
    gradient.head(dimensions_) = (squares_.transpose() * slopes).cwiseProduct(precisions);
    gradient[dimensions_] = (by_pair * covariances).sum() + 0.5 * trace * signal;
    gradient[dimensions_ + 1] = 0.5 * trace * noise;
    value += prior(logarithms, gradient);
    return value;
  }

 private:
  static MatrixXd inverted(const MatrixXd& factor) {
    MatrixXd half = MatrixXd::Identity(factor.rows(), factor.cols());
    factor.triangularView<Eigen::Lower>().solveInPlace(half);
    MatrixXd inverse = MatrixXd::Zero(factor.rows(), factor.cols());
    inverse.selfadjointView<Eigen::Lower>().rankUpdate(half.transpose());
    return inverse;
  }

  // Of logarithms: the densities contain the Jacobian. Adds to the gradient.
  double prior(const VectorXd& logarithms, VectorXd& gradient) const {
    double value = 0;
    const auto normal = [&](Index i, double mean, double deviation) {
      const double off = (logarithms[i] - mean) / deviation;
      value += 0.5 * off * off;
      gradient[i] += off / deviation;
    };
    // log precision = -2 log length scale
    // Centred on e^-1 sqrt(dimensions), narrower than what Hvarfner et al. (ICML 2024) propose: measured to
    // need fewer trials on functions of several basins.
    const double mean = 0.5 * std::log(static_cast<double>(dimensions_)) - 1, dev = 0.7;
    for (Index i = 0; i < dimensions_; ++i) normal(i, -2 * mean, 2 * dev);
    normal(dimensions_, 0, 1);
    normal(dimensions_ + 1, -10, 3);
    return value;
  }

  Index count_, dimensions_;
  MatrixXd trend_, squares_;  // squares_: a row a pair, a column a dimension
  VectorXd values_;
};

}  // namespace

Hyperparameters fit(const Observations& observations, const Trend& trend) {
  const Posterior posterior(observations, trend);
  const Index dimensions = observations.points.cols();
  VectorXd lower = VectorXd::Constant(posterior.size(), std::log(1e-4));
  VectorXd upper = VectorXd::Constant(posterior.size(), std::log(1e4));
  lower[dimensions] = std::log(1e-3);
  upper[dimensions] = std::log(1e3);
  lower[dimensions + 1] = std::log(1e-7);
  upper[dimensions + 1] = std::log(10.0);
  Minimum best{VectorXd(), std::numeric_limits<double>::infinity()};
  const Descent descent{.iterations = 40, .first_step = 1, .flat = 1e-2, .unchanging = 1e-5};
  struct Start {
    double length_scale, noise;
  };
  for (const Start& start : {Start{0.5, 1e-5}, Start{0.3, 1e-2}}) {
    VectorXd from(posterior.size());
    from.setConstant(-2 * std::log(start.length_scale * std::sqrt(static_cast<double>(dimensions) / 2)));
    from[dimensions] = 0;
    from[dimensions + 1] = std::log(start.noise);
    Minimum end = minimize(posterior, from, lower, upper, descent);
    if (end.value < best.value || best.point.size() == 0) best = end;
  }
  const VectorXd values = best.point.array().exp();
  return {values.head(dimensions), values[dimensions], values[dimensions + 1]};
}

}  // namespace sagemaker::local::tuning
