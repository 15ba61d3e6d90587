// Where an acquisition is greatest: points spread over the space and near good ones, the best of them
// improved by gradients in what is continuous and by trying values in what is not.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <Eigen/Core>

#include "emulator/tuning/acquisition.hpp"
#include "emulator/tuning/space.hpp"

namespace sagemaker::local::tuning {

// The unit cube of a space, as far as it has a choice: parameters of one value are left out.
class Domain {
 public:
  explicit Domain(const Space& space);

  std::size_t size() const { return kept_.size(); }
  const std::vector<bool>& categorical() const { return categorical_; }
  // Where the values of a dimension are, ascending; empty: anywhere (or at very many places).
  const std::vector<double>& places(std::size_t dimension) const { return places_[dimension]; }
  // How many points there are, if it is no more than a few thousand; else 0.
  std::size_t count() const { return count_; }
  Eigen::VectorXd nth(std::size_t index) const;

  Eigen::VectorXd reduced(const Point& point) const;
  Point whole(const Eigen::VectorXd& reduced) const;
  void snap(Eigen::VectorXd& point) const;

 private:
  std::size_t all_ = 0;
  std::vector<std::size_t> kept_;  // parameter of a dimension
  std::vector<bool> categorical_;
  std::vector<std::vector<double>> places_;
  std::size_t count_ = 0;
};

// The best point that `allowed` lets pass, or one of the best: empty where none was found that is allowed.
// `good`: points known to be good, a row each.
Eigen::VectorXd maximize(const Acquisition& acquisition, const Domain& domain, const Eigen::MatrixXd& good,
                         const std::function<bool(const Eigen::VectorXd&)>& allowed, std::uint64_t seed);

}  // namespace sagemaker::local::tuning
