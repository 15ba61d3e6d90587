#include "emulator/tuning/stopping.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace sagemaker::local::tuning {
namespace {

constexpr double kSignificant = 0.01;

bool better(double a, double b, Goal goal) { return goal == Goal::minimize ? a < b : a > b; }

double median(std::vector<double> values) {
  const std::size_t middle = values.size() / 2;
  std::sort(values.begin(), values.end());
  // Halves are added, for a sum may be too great for a double.
  return values.size() % 2 == 1 ? values[middle] : values[middle - 1] / 2 + values[middle] / 2;
}

}  // namespace

// In steps that stay within the values: their sum may be too great for a double.
Curve running_averages(std::span<const double> curve) {
  Curve averages;
  averages.reserve(curve.size());
  double average = 0, count = 0;
  for (const double value : curve) {
    ++count;
    average += value / count - average / count;
    averages.push_back(average);
  }
  return averages;
}

bool median_rule_stops(double value, std::size_t epochs, std::span<const Curve> averages, Goal goal) {
  if (epochs < kMedianRuleEpochs) return false;
  std::vector<double> there;
  for (const Curve& other : averages) {
    if (other.size() >= epochs) there.push_back(other[epochs - 1]);
  }
  if (there.size() + 1 < kMedianRuleTrials) return false;
  return better(median(std::move(there)), value, goal);
}

bool median_rule_stops(const Curve& mine, std::span<const Curve> others, Goal goal) {
  if (mine.empty()) return false;
  std::vector<Curve> averages;
  for (const Curve& other : others) averages.push_back(running_averages(other));
  return median_rule_stops(mine.back(), mine.size(), averages, goal);
}

Hyperband::Hyperband(std::int64_t min_resource, std::int64_t max_resource, Goal goal, int reduction)
    : goal_(goal), reduction_(reduction) {
  if (min_resource < 1 || max_resource < min_resource || reduction < 2) {
    throw std::invalid_argument("Hyperband needs 1 <= min <= max and a reduction of 2 or more");
  }
  // Rungs from the greatest resource down, a factor apart, as long as they are not below the least.
  std::vector<std::int64_t> rungs;
  for (std::int64_t divisor = 1; max_resource / divisor >= min_resource; divisor *= reduction) {
    rungs.push_back(max_resource / divisor + (max_resource % divisor == 0 ? 0 : 1));
    if (divisor > max_resource / reduction) break;
  }
  std::reverse(rungs.begin(), rungs.end());
  const double brackets = static_cast<double>(rungs.size());
  for (std::size_t first = 0; first < rungs.size(); ++first) {
    const auto halvings = static_cast<double>(rungs.size() - 1 - first);
    brackets_.push_back({{rungs.begin() + static_cast<std::ptrdiff_t>(first), rungs.end()},
                         std::ceil(brackets * std::pow(reduction, halvings) / (halvings + 1))});
  }
}

// Each trial goes to the bracket that is furthest behind its share, so that any number of trials is shared as
// the whole is; the first ones to the bracket that halves most.
std::vector<std::size_t> Hyperband::bracket_of_each(std::size_t trials) const {
  std::vector<double> credit(brackets_.size(), 0);
  double total = 0;
  for (const Bracket& bracket : brackets_) total += bracket.share;
  std::vector<std::size_t> result;
  result.reserve(trials);
  for (std::size_t i = 0; i < trials; ++i) {
    for (std::size_t b = 0; b < credit.size(); ++b) credit[b] += brackets_[b].share;
    const auto chosen = std::max_element(credit.begin(), credit.end());
    *chosen -= total;
    result.push_back(static_cast<std::size_t>(chosen - credit.begin()));
  }
  return result;
}

std::vector<std::int64_t> Hyperband::rungs(std::size_t index) const {
  return brackets_[bracket_of_each(index + 1).back()].rungs;
}

bool Hyperband::stops(std::size_t index, std::span<const Curve> curves) const {
  return stops(index, curves, curves[index].size());
}

bool Hyperband::stops(std::size_t index, std::span<const Curve> curves, std::size_t epochs) const {
  const std::vector<std::size_t> brackets = bracket_of_each(curves.size());
  const std::vector<std::int64_t>& rungs = brackets_[brackets.at(index)].rungs;
  const auto reached = static_cast<std::int64_t>(epochs);
  if (reached >= rungs.back()) return true;
  const auto above = std::upper_bound(rungs.begin(), rungs.end(), reached);
  if (above == rungs.begin()) return false;
  const auto rung = static_cast<std::size_t>(*std::prev(above));
  std::size_t there = 0, before = 0;
  const double mine = curves[index][rung - 1];
  for (std::size_t other = 0; other < curves.size(); ++other) {
    if (brackets[other] != brackets[index] || curves[other].size() < rung) continue;
    ++there;
    const double value = curves[other][rung - 1];
    if (better(value, mine, goal_) || (value == mine && other < index)) ++before;
  }
  return before >= std::max<std::size_t>(1, there / static_cast<std::size_t>(reduction_));
}

bool not_improving(std::span<const double> objectives, std::size_t trials, Goal goal) {
  if (trials == 0 || objectives.size() <= trials) return false;
  const auto best = [&](std::span<const double> values) {
    return goal == Goal::minimize ? *std::min_element(values.begin(), values.end())
                                  : *std::max_element(values.begin(), values.end());
  };
  const double before = best(objectives.first(objectives.size() - trials)),
               now = best(objectives.last(trials));
  if (!better(now, before, goal)) return true;
  // 1 % counts as such where its digits are rounded down.
  return std::abs(now - before) < kSignificant * std::abs(before) * (1 - 1e-9);
}

}  // namespace sagemaker::local::tuning
