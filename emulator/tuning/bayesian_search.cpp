// Bayesian search: a Gaussian process of all that is known, and the trials of which it expects most.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include "emulator/tuning/acquisition.hpp"
#include "emulator/tuning/gaussian_process.hpp"
#include "emulator/tuning/maximizer.hpp"
#include "emulator/tuning/quasi_random.hpp"
#include "emulator/tuning/search.hpp"
#include "emulator/tuning/targets.hpp"

namespace sagemaker::local::tuning {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t most_observations = 500;  // that a model holds
constexpr std::size_t most_fitted = 120;        // that hyperparameters are fitted to
constexpr Index imagined_worlds = 32;

MatrixXd stacked(const std::vector<VectorXd>& points, std::size_t dimensions) {
  MatrixXd all(static_cast<Index>(points.size()), static_cast<Index>(dimensions));
  for (std::size_t i = 0; i < points.size(); ++i) all.row(static_cast<Index>(i)) = points[i].transpose();
  return all;
}

// What a history says, in the coordinates of the model.
struct Known {
  std::vector<VectorXd> points;  // of objectives
  std::vector<double> objectives;
  std::vector<VectorXd> failed, running;
  std::set<Assignment> taken;
  std::size_t trials = 0;  // of this search

  bool took(const Assignment& assignment) const { return taken.contains(assignment); }
};

// The `count` observations that tell most of where the best is: the better third, the others evenly.
std::vector<Index> selected(const VectorXd& values, std::size_t count) {
  std::vector<Index> order(static_cast<std::size_t>(values.size()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
  if (order.size() <= count) return order;
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return values[a] < values[b]; });
  const std::size_t best = count / 3, others = count - best, rest = order.size() - best;
  for (std::size_t i = 0; i < others; ++i) order[best + i] = order[best + i * rest / others];
  order.resize(count);
  return order;
}

Observations chosen(const Observations& all, const std::vector<Index>& rows) {
  Observations some{all.categorical, MatrixXd(static_cast<Index>(rows.size()), all.points.cols()),
                    VectorXd(static_cast<Index>(rows.size()))};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    some.points.row(static_cast<Index>(i)) = all.points.row(rows[i]);
    some.values[static_cast<Index>(i)] = all.values[rows[i]];
  }
  return some;
}

GaussianProcess modelled(const Observations& all, const Trend& trend) {
  const Hyperparameters hyper = fit(chosen(all, selected(all.values, most_fitted)), trend);
  return GaussianProcess(chosen(all, selected(all.values, most_observations)), trend, hyper);
}

class BayesianSearch : public Search {
 public:
  BayesianSearch(Space space, Goal goal, std::uint64_t seed)
      : space_(std::move(space)),
        domain_(space_),
        goal_(goal),
        seed_(seed),
        starts_(random_search(space_, goal, seed)) {}

  std::vector<Assignment> propose(const History& history, std::size_t count) override {
    std::vector<Assignment> proposals;
    History now{history.trials, {}};
    Known known = learn(history);
    std::optional<Acquisition> acquisition;
    while (proposals.size() < count) {
      std::vector<Assignment> next;
      if (domain_.size() == 0 || starting(known)) {
        next = starts_->propose(now, 1);
      } else {
        if (!acquisition) acquisition.emplace(model(known));
        const VectorXd point = most(*acquisition, known);
        next = point.size() > 0 ? std::vector{space_.assignment(domain_.whole(point))}
                                : starts_->propose(now, 1);
      }
      if (next.empty()) break;
      ++known.trials;
      known.taken.insert(next[0]);
      if (const auto point = space_.point(next[0])) {
        known.running.push_back(domain_.reduced(*point));
        if (acquisition) acquisition->pending(known.running.back());
      }
      now.trials.push_back({next[0], Trial::State::running, std::nullopt});
      proposals.push_back(std::move(next[0]));
    }
    return proposals;
  }

  bool converged(const History& history) const override {
    Known known = learn(history);
    known.running.clear();  // what they bring is among what is expected
    if (domain_.size() == 0) return !known.points.empty();
    if (starting(known) || known.points.size() < 2 * start_count()) return false;
    const Acquisition acquisition = model(known);
    const VectorXd point = most(acquisition, known);
    if (point.size() == 0) return true;  // of a finite space nothing is left
    double least = std::numeric_limits<double>::infinity();
    const double sign = goal_ == Goal::minimize ? 1 : -1;
    for (const double objective : known.objectives) least = std::min(least, sign * objective);
    const double expected = std::exp(acquisition.at(MatrixXd(point.transpose()))[0]);
    return expected * targets(known.objectives, goal_).unit <= 0.01 * std::abs(least);
  }

 private:
  std::size_t start_count() const { return std::clamp<std::size_t>(domain_.size() + 2, 4, 10); }

  bool starting(const Known& known) const {
    return known.points.empty() || std::max(known.trials, known.points.size()) < start_count();
  }

  Known learn(const History& history) const {
    Known known;
    known.trials = history.trials.size();
    for (const Trial& trial : history.trials) add(known, trial);
    for (const History::Run& run : history.parents)
      if (run.same_task)
        for (const Trial& trial : run.trials) add(known, trial);
    return known;
  }

  void add(Known& known, const Trial& trial) const {
    const std::optional<Point> point = space_.point(trial.parameters);
    if (!point) return;
    known.taken.insert(space_.assignment(*point));
    VectorXd reduced = domain_.reduced(*point);
    if (trial.state == Trial::State::running) {
      known.running.push_back(std::move(reduced));
    } else if (trial.state == Trial::State::ended && trial.objective) {
      known.points.push_back(std::move(reduced));
      known.objectives.push_back(*trial.objective);
    } else {
      known.failed.push_back(std::move(reduced));
    }
  }

  Acquisition model(const Known& known) const {
    Observations observations{domain_.categorical(), stacked(known.points, domain_.size()),
                              targets(known.objectives, goal_).values};
    GaussianProcess process = modelled(observations, {});
    const bool noisy = process.hyperparameters().noise > 1e-3 * process.hyperparameters().signal;
    Acquisition acquisition(std::move(process), feasibility(known), imagined_worlds, noisy,
                            mixed(seed_, known.trials), 0);
    for (const VectorXd& point : known.running) acquisition.pending(point);
    return acquisition;
  }

  std::optional<GaussianProcess> feasibility(const Known& known) const {
    if (known.failed.empty()) return std::nullopt;
    std::vector<VectorXd> points = known.failed;
    points.insert(points.end(), known.points.begin(), known.points.end());
    VectorXd values = VectorXd::Ones(static_cast<Index>(points.size()));
    values.head(static_cast<Index>(known.failed.size())).setConstant(-1);
    return modelled({domain_.categorical(), stacked(points, domain_.size()), values}, {});
  }

  // The point of which most is expected; empty where none is left.
  VectorXd most(const Acquisition& acquisition, const Known& known) const {
    // What is better is often near the best few that were tried.
    const double sign = goal_ == Goal::minimize ? 1 : -1;
    std::vector<std::size_t> order(known.objectives.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return sign * known.objectives[a] < sign * known.objectives[b];
    });
    order.resize(std::min<std::size_t>(order.size(), 4));
    std::vector<VectorXd> good;
    for (const std::size_t i : order) good.push_back(known.points[i]);
    return maximize(
        acquisition, domain_, stacked(good, domain_.size()),
        [&](const VectorXd& candidate) { return !known.took(space_.assignment(domain_.whole(candidate))); },
        mixed(seed_, mixed(1, known.trials)));
  }

  Space space_;
  Domain domain_;
  Goal goal_;
  std::uint64_t seed_;
  std::unique_ptr<Search> starts_;
};

}  // namespace

std::unique_ptr<Search> bayesian_search(Space space, Goal goal, std::uint64_t seed) {
  return std::make_unique<BayesianSearch>(std::move(space), goal, seed);
}

}  // namespace sagemaker::local::tuning
