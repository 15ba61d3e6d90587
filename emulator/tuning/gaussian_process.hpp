// A Gaussian process: what the values at tried points say of those at others. Matern-5/2 kernel with a length
// scale a dimension, on the unit cube; categories differ or do not (their order says nothing). Its
// hyperparameters are those of the greatest posterior density.
// Rasmussen and Williams: Gaussian Processes for Machine Learning, 2006, chapters 2, 4 and 5.
#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

namespace sagemaker::local::tuning {

class GaussianProcess;

// A value a point: the prior mean's functions. Their weights are unknown (normally distributed) and learnt.
// The first is 1, the level of the values; the others are predictions of processes that were fitted
// elsewhere.
struct Trend {
  struct Source {
    std::shared_ptr<const GaussianProcess> process;
    double weight = 0;     // expected
    double deviation = 1;  // of the weight
  };
  std::vector<Source> sources;
  double level_deviation = 1;

  Eigen::Index size() const { return static_cast<Eigen::Index>(sources.size()) + 1; }
  Eigen::VectorXd weights() const;
  Eigen::VectorXd variances() const;                        // of the weights
  Eigen::MatrixXd at(const Eigen::MatrixXd& points) const;  // a row a point, a column a function
  // The same at one point; `gradients` gets a column a function.
  Eigen::VectorXd at(const Eigen::VectorXd& point, Eigen::MatrixXd& gradients) const;
};

struct Hyperparameters {
  Eigen::VectorXd precisions;  // 1 / length scale^2, a dimension
  double signal = 1;           // variance of the values
  double noise = 1e-6;         // variance that an observation has beside
};

// What is known: a row of `points` (of the unit cube) an observation, of values of mean about 0 and
// deviation about 1.
struct Observations {
  std::vector<bool> categorical;  // a dimension
  Eigen::MatrixXd points;
  Eigen::VectorXd values;
};

// The hyperparameters of the greatest posterior density, from fixed starts: the same observations give the
// same.
Hyperparameters fit(const Observations& observations, const Trend& trend);

// The kernel as a function of the squared distance in units of the length scales, times the signal; and the
// derivative by that.
Eigen::ArrayXd matern(const Eigen::ArrayXd& squares, double signal);
Eigen::ArrayXd matern_slopes(const Eigen::ArrayXd& squares, double signal);

class GaussianProcess {
 public:
  // The process after the observations; throws std::runtime_error where numbers fail.
  GaussianProcess(Observations observations, Trend trend, Hyperparameters hyperparameters);

  Eigen::Index size() const { return points_.rows(); }
  // Of the function's values at two points, before anything is observed; 1 where they are the same.
  double correlation(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const;
  const Hyperparameters& hyperparameters() const { return hyper_; }
  const std::vector<bool>& categorical() const { return categorical_; }
  const Eigen::MatrixXd& points() const { return points_; }

  // From one world to `count`, all alike; later observations differ by world. At first there is one.
  void split(Eigen::Index count);
  Eigen::Index worlds() const { return coefficients_.cols(); }
  // One more observation, a value a world. `noise`: its variance.
  void observe(const Eigen::VectorXd& point, const Eigen::RowVectorXd& values, double noise);
  // Replaces all observations' values, a column a world, and their noise.
  void imagine(const Eigen::MatrixXd& values, double noise);

  // Of the function (without noise): a row of means a point, a column a world; variances are of all worlds.
  void predict(const Eigen::MatrixXd& points, Eigen::MatrixXd& means, Eigen::VectorXd& variances) const;
  Eigen::MatrixXd means(const Eigen::MatrixXd& points) const;
  // The values of the function at the observed points, drawn together: a column a draw.
  // `normal`: standard normal numbers, two rows an observation.
  Eigen::MatrixXd draws(const Eigen::MatrixXd& normal) const;

  // At one point, with what gradients need.
  struct Local {
    Eigen::RowVectorXd means;
    double variance = 0;
    Eigen::VectorXd point, covariances, solved, trend;
    Eigen::ArrayXd slopes;
    Eigen::MatrixXd trend_gradients;
  };
  Local local(const Eigen::VectorXd& point) const;
  // The gradient of sum_w by_mean[w] * mean_w + by_variance * variance.
  Eigen::VectorXd gradient(const Local& at, const Eigen::VectorXd& by_mean, double by_variance) const;

 private:
  void refactor();
  Eigen::MatrixXd covariances(const Eigen::MatrixXd& points) const;  // a row an observation, a column a point

  std::vector<bool> categorical_;
  Trend trend_;
  Hyperparameters hyper_;
  Eigen::MatrixXd points_, functions_;  // functions_: of the trend, at the points
  Eigen::VectorXd noise_;
  Eigen::MatrixXd values_;  // less the expected trend; a column a world
  Eigen::MatrixXd factor_;  // lower triangle L of the covariance of the observations
  Eigen::MatrixXd coefficients_;
};

}  // namespace sagemaker::local::tuning
