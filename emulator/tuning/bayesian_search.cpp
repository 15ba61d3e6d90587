// Bayesian search: a Gaussian process of all that is known, and the trials of which it expects most.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
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
constexpr double noticeable = 0.01;  // improvement, in deviations of the objectives
constexpr double fine = 0.001;       // the same, hardly worth a trial
constexpr double worse = 3;          // deviations above the best that exploration puts up with
constexpr std::uint64_t spread = 8;  // points from which it takes one
constexpr std::size_t hinted_starts = 3;
constexpr std::size_t most_hints = 3;
constexpr std::size_t least_of_run = 4;  // observations
constexpr double trusted = 0.7;          // weight of parents' models
constexpr std::size_t patience = 6;      // trials without one, before other basins get their turn
constexpr std::size_t known_basins = 6;

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
  Trend trend;                    // what parents of other tasks expect
  std::vector<Assignment> hints;  // their best, a run after the other
  std::size_t trials = 0;         // of this search

  // Where a trial would say nothing new.
  bool near(const VectorXd& point) const {
    const auto same = [&](const VectorXd& other) { return (point - other).cwiseAbs().maxCoeff() < 1e-6; };
    return std::any_of(points.begin(), points.end(), same) ||
           std::any_of(failed.begin(), failed.end(), same) ||
           std::any_of(running.begin(), running.end(), same);
  }
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

// The least value of points in a region.
double lowest(const MatrixXd& points, const VectorXd& values, const Region& region) {
  double least = std::numeric_limits<double>::infinity();
  for (Index i = 0; i < points.rows(); ++i) {
    const auto point = points.row(i).transpose().array();
    if ((point >= region.lower.array()).all() && (point <= region.upper.array()).all())
      least = std::min(least, values[i]);
  }
  return least;
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
        const auto hint = std::find_if(known.hints.begin(), known.hints.end(),
                                       [&](const Assignment& one) { return !known.took(one); });
        next = hint != known.hints.end() ? std::vector{*hint} : starts_->propose(now, 1);
      } else {
        if (!acquisition) acquisition.emplace(model(known));
        const VectorXd point = chosen_next(*acquisition, known);
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

  // With parents of other tasks: what is best by them, and a few points that say whether they are right.
  bool starting(const Known& known) const {
    const std::size_t wanted = known.hints.empty() ? start_count() : known.hints.size() + hinted_starts;
    return known.points.empty() || std::max(known.trials, known.points.size()) < wanted;
  }

  Known learn(const History& history) const {
    Known known;
    known.trials = history.trials.size();
    for (const History::Run& run : history.parents)
      if (run.same_task)
        for (const Trial& trial : run.trials) add(known, trial);
    for (const Trial& trial : history.trials) add(known, trial);
    if (domain_.size() == 0) return known;
    for (const History::Run& run : history.parents)
      if (!run.same_task) consider(known, run);
    for (Trend::Source& source : known.trend.sources) {
      source.weight = trusted / static_cast<double>(known.trend.sources.size());
      source.deviation = trusted;
    }
    return known;
  }

  // A run of another task: its objectives may differ in level and scale, its model is a function from which
  // that of this search may have been made. How far it was is learnt.
  void consider(Known& known, const History::Run& run) const {
    Known of_run;
    for (const Trial& trial : run.trials) add(of_run, trial);
    if (of_run.points.size() < least_of_run) return;
    const VectorXd values = targets(of_run.objectives, goal_).values;
    const Observations observations{domain_.categorical(), stacked(of_run.points, domain_.size()), values};
    const Observations kept = chosen(observations, selected(values, most_fitted));
    std::vector<double> key(kept.points.data(), kept.points.data() + kept.points.size());
    key.insert(key.end(), kept.values.data(), kept.values.data() + kept.values.size());
    std::shared_ptr<const GaussianProcess>& process = parents_[key];
    if (!process) process = std::make_shared<const GaussianProcess>(kept, Trend{}, fit(kept, {}));
    known.trend.sources.push_back({process});
    Index best = 0;
    values.minCoeff(&best);
    Assignment hint = space_.assignment(domain_.whole(of_run.points[static_cast<std::size_t>(best)]));
    if (known.hints.size() < most_hints) known.hints.push_back(std::move(hint));
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
    GaussianProcess process = modelled(observations, known.trend);
    const bool noisy = process.hyperparameters().noise > 1e-3 * process.hyperparameters().signal;
    Acquisition acquisition(std::move(process), feasibility(known), imagined_worlds, noisy,
                            mixed(seed_, known.trials));
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

  // Where to go on; empty: anywhere.
  VectorXd chosen_next(Acquisition& acquisition, const Known& known) const {
    const VectorXd point = most(acquisition, known);
    if (point.size() == 0 || domain_.count() > 0 || stagnation(known) < patience) return point;
    const bool refined = acquisition.at(MatrixXd(point.transpose()))[0] < std::log(fine);
    if (refined ? known.trials % 3 == 0 : known.trials % 2 == 0) return point;
    return elsewhere(acquisition, known);
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
    return most(acquisition, known, domain_.region(), stacked(good, domain_.size()));
  }

  VectorXd most(const Acquisition& acquisition, const Known& known, const Region& region,
                const MatrixXd& good) const {
    return maximize(
        acquisition, domain_, region, good,
        [&](const VectorXd& candidate) {
          return !known.near(candidate) && !known.took(space_.assignment(domain_.whole(candidate)));
        },
        mixed(seed_, mixed(1, known.trials)));
  }

  // How many observations have come since the best improved noticeably.
  std::size_t stagnation(const Known& known) const {
    const VectorXd values = targets(known.objectives, goal_).values;
    double best = std::numeric_limits<double>::infinity();
    std::size_t since = 0;
    for (Index i = 0; i < values.size(); ++i) {
      since = values[i] < best - noticeable ? 0 : since + 1;
      best = std::min(best, values[i]);
    }
    return since;
  }

  // Of some points spread over the space the one that looks best, be it worse than what is known.
  VectorXd anywhere(Acquisition& acquisition, const Known& known) const {
    const QuasiRandom sequence(domain_.size(), mixed(seed_, mixed(2, known.trials)));
    VectorXd best;
    double most = -std::numeric_limits<double>::infinity();
    acquisition.aim(acquisition.best() + worse);
    for (std::uint64_t i = 0; i < spread; ++i) {
      const Point point = sequence.point(i);
      VectorXd candidate = Eigen::Map<const VectorXd>(point.data(), static_cast<Index>(point.size()));
      domain_.snap(candidate);
      const double value = acquisition.at(MatrixXd(candidate.transpose()))[0];
      if (known.took(space_.assignment(domain_.whole(candidate))) || !(value > most)) continue;
      most = value;
      best = candidate;
    }
    return best;
  }

  // A point of the deepest basin beside the best one which is not known to its ground yet; empty: there is
  // none. A model is sure of itself where it has seen one optimum only: other basins, of which it expects
  // nothing, are looked at when there is nothing better to do.
  VectorXd elsewhere(Acquisition& acquisition, const Known& known) const {
    const MatrixXd& points = acquisition.process().points();
    const VectorXd values = acquisition.process().means(points).rowwise().mean();
    const std::vector<Basin> all = basins(points, values, domain_.categorical(), known_basins);
    VectorXd found;
    for (std::size_t i = 1; i < all.size() && found.size() == 0; ++i) {
      // Its lowest point may be the flank of a deeper one: what counts is the ground of the region.
      acquisition.aim(lowest(points, values, all[i].region));
      VectorXd point = most(acquisition, known, all[i].region, points.row(all[i].lowest));
      if (point.size() > 0 && acquisition.at(MatrixXd(point.transpose()))[0] > std::log(noticeable))
        found = point;
    }
    if (found.size() == 0) found = anywhere(acquisition, known);
    acquisition.aim(std::nullopt);
    return found;
  }

  Space space_;
  Domain domain_;
  Goal goal_;
  std::uint64_t seed_;
  std::unique_ptr<Search> starts_;
  mutable std::map<std::vector<double>, std::shared_ptr<const GaussianProcess>> parents_;  // fitted once
};

}  // namespace

std::unique_ptr<Search> bayesian_search(Space space, Goal goal, std::uint64_t seed) {
  return std::make_unique<BayesianSearch>(std::move(space), goal, seed);
}

}  // namespace sagemaker::local::tuning
