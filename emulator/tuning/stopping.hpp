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

// Syne Tune's, which is developed with AWS's tuner: the rule judges from the first epoch on, where this trial
// and at least four others have come so far.
inline constexpr std::size_t kMedianRuleEpochs = 1;
inline constexpr std::size_t kMedianRuleTrials = 5;

// The median rule: whether the last value of `mine` is worse than the median of the running averages that the
// trials before had at that epoch. Curves that have not come so far do not count; no decision (false) while
// too few have, and for a value that equals the median.
bool median_rule_stops(const Curve& mine, std::span<const Curve> others, Goal goal);
// The same for who asks often: `value` is that of epoch `epochs`, and `averages` are running_averages() of
// the others, which it does not go through again.
bool median_rule_stops(double value, std::size_t epochs, std::span<const Curve> averages, Goal goal);
// Of the first value, of the first two, of the first three, ...
Curve running_averages(std::span<const double> curve);

// Hyperband (Li et al., 2018) with asynchronous successive halving (Li et al., 2020), by stopping: trials
// belong to brackets in the order of their creation, as many to each that all brackets use about the same
// resource, and at the rungs of its bracket a trial goes on where it is among the best of those that came
// there: the best third, and the best one always; of equal ones that created first. A trial is judged at its
// last rung as long as it is below the next one: those that came first, with nothing to be compared with,
// give way to better ones that come after.
class Hyperband {
 public:
  // In epochs, 1 <= min <= max (else std::invalid_argument). Rungs are max, max / 3, max / 9, ..., rounded
  // up, and none is below min; bracket b lacks the b lowest.
  Hyperband(std::int64_t min_resource, std::int64_t max_resource, Goal goal, int reduction = 3);

  // Whether trial `index` (its place in the order of creation) has had enough, of all curves by index (empty
  // for what has not reported): at the highest rung that it has reached it is not promoted, or it has used
  // the greatest resource.
  bool stops(std::size_t index, std::span<const Curve> curves) const;
  // The same when that trial had reported `epochs` of its values.
  bool stops(std::size_t index, std::span<const Curve> curves, std::size_t epochs) const;
  // Epochs at which trial `index` is judged, ascending; the last is the greatest resource.
  std::vector<std::int64_t> rungs(std::size_t index) const;

 private:
  struct Bracket {
    std::vector<std::int64_t> rungs;
    double share = 1;  // of the trials, in relation to the other brackets
  };
  std::vector<std::size_t> bracket_of_each(std::size_t trials) const;

  Goal goal_;
  int reduction_;
  std::vector<Bracket> brackets_;
};

// BestObjectiveNotImproving: whether the last `trials` of the objectives, in the order in which trials ended,
// brought no improvement of the best before them by 1 % or more of it, whatever its sign; of 0 any
// improvement is one. False where there is none before them.
bool not_improving(std::span<const double> objectives, std::size_t trials, Goal goal);

}  // namespace sagemaker::local::tuning
