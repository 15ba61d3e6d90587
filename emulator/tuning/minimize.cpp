#include "emulator/tuning/minimize.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace sagemaker::local::tuning {

namespace {

using Eigen::VectorXd;

constexpr std::size_t remembered = 8;

// What the last steps have told of the curvature.
class Curvature {
 public:
  void learn(const VectorXd& step, const VectorXd& change) {
    const double product = step.dot(change);
    if (!(product > 1e-10 * step.norm() * change.norm())) return;
    if (pairs_.size() == remembered) pairs_.pop_front();
    pairs_.push_back({step, change, 1 / product});
  }
  void forget() { pairs_.clear(); }
  bool empty() const { return pairs_.empty(); }

  // The inverse of the Hessian times a vector.
  VectorXd times(VectorXd q) const {
    std::vector<double> shares(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      shares[i] = pairs_[i].scale * pairs_[i].step.dot(q);
      q -= shares[i] * pairs_[i].change;
    }
    if (!empty()) q /= pairs_.back().scale * pairs_.back().change.squaredNorm();
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      q += (shares[i] - pairs_[i].scale * pairs_[i].change.dot(q)) * pairs_[i].step;
    return q;
  }

 private:
  struct Pair {
    VectorXd step, change;
    double scale;
  };
  std::deque<Pair> pairs_;
};

// The gradient without the components that push against a bound.
VectorXd projected(const VectorXd& point, VectorXd gradient, const VectorXd& lower, const VectorXd& upper) {
  for (Eigen::Index i = 0; i < point.size(); ++i)
    if ((point[i] <= lower[i] && gradient[i] > 0) || (point[i] >= upper[i] && gradient[i] < 0))
      gradient[i] = 0;
  return gradient;
}

VectorXd direction(const Curvature& curvature, const VectorXd& downhill, double first_step) {
  VectorXd to = -curvature.times(downhill);
  if (curvature.empty()) to *= first_step / std::max(downhill.norm(), 1e-300);
  for (Eigen::Index i = 0; i < to.size(); ++i)
    if (downhill[i] == 0) to[i] = 0;  // stays at its bound
  return to;
}

}  // namespace

Minimum minimize(const Smooth& function, VectorXd start, const VectorXd& lower, const VectorXd& upper,
                 const Descent& descent) {
  Minimum at{start.cwiseMax(lower).cwiseMin(upper), 0};
  VectorXd gradient(start.size()), next_gradient(start.size());
  at.value = function(at.point, gradient);
  if (!std::isfinite(at.value)) return at;
  Curvature curvature;
  for (int iteration = 0; iteration < descent.iterations; ++iteration) {
    const VectorXd downhill = projected(at.point, gradient, lower, upper);
    if (!(downhill.cwiseAbs().maxCoeff() > descent.flat)) break;
    VectorXd to = direction(curvature, downhill, descent.first_step);
    if (!(to.dot(downhill) < 0)) {
      curvature.forget();
      to = direction(curvature, downhill, descent.first_step);
    }
    Minimum next;
    double length = 1;
    bool better = false;
    for (int halving = 0; halving < 12 && !better; ++halving) {
      next.point = (at.point + length * to).cwiseMax(lower).cwiseMin(upper);
      next.value = function(next.point, next_gradient);
      const double promised = gradient.dot(next.point - at.point);
      better = std::isfinite(next.value) && next.value <= at.value + 1e-4 * promised;
      if (better) break;
      // The minimum of the parabola through what is known, within reason.
      const double bend = next.value - at.value - promised;
      const double share = std::isfinite(bend) && bend > 0 ? -promised / (2 * bend) : 0.1;
      length *= std::clamp(share, 0.1, 0.5);
    }
    if (!better) {
      if (curvature.empty()) break;
      curvature.forget();
      continue;
    }
    const double gain = at.value - next.value;
    curvature.learn(next.point - at.point, next_gradient - gradient);
    at = std::move(next);
    gradient.swap(next_gradient);
    if (gain <= descent.unchanging * std::max(1.0, std::abs(at.value))) break;
  }
  return at;
}

}  // namespace sagemaker::local::tuning
