// When a trial is not worth its time any more, by the values that it has reported so far (early stopping
// "Auto", and the rungs of Hyperband), and when a whole search is not.
// https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emulator/tuning/search.hpp"

namespace sagemaker::local::tuning {

// The values of the objective that a trial has reported, one an epoch, in order.
using Curve = std::vector<double>;

// The median rule: whether the last value of `mine` is worse than the median of the running averages that the
// trials before had at that epoch. No decision (false) before enough of them have come so far.
bool median_rule_stops(const Curve& mine, std::span<const Curve> others, Goal goal);

// Hyperband with asynchronous successive halving: trials belong to brackets, in the order of their creation;
// at the rungs of its bracket a trial goes on where it is among the best of those that came there.
class Hyperband {
 public:
  // In epochs, 1 <= min <= max.
  Hyperband(std::int64_t min_resource, std::int64_t max_resource, Goal goal, int reduction = 3);

  // Whether trial `index` (its place in the order of creation) has had enough, of all curves by index: at the
  // highest rung that it has reached it is not promoted, or it has used the greatest resource.
  bool stops(std::size_t index, std::span<const Curve> curves) const;
  // Epochs at which trial `index` is judged, ascending; the last is the greatest resource.
  std::vector<std::int64_t> rungs(std::size_t index) const;

 private:
  std::int64_t min_, max_;
  Goal goal_;
  int reduction_;
};

// BestObjectiveNotImproving: whether the last `trials` of the objectives, in the order in which trials ended,
// brought no improvement of the best by 1 % or more.
bool not_improving(std::span<const double> objectives, std::size_t trials, Goal goal);

}  // namespace sagemaker::local::tuning
