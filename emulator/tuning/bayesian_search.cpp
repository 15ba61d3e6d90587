// Bayesian search: a Gaussian process of all that is known, and the trials of which it expects most.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include "emulator/tuning/basins.hpp"
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
constexpr Index imagined_worlds = 128;
constexpr double noticeable = 0.01;        // improvement, in deviations of the objectives
constexpr double worthwhile = 0.001;       // expected improvement of a trial in an exhausted basin
constexpr std::uint64_t most_draws = 100;  // of a point beside basins
constexpr std::size_t hinted_starts = 3;
constexpr std::size_t most_hints = 3;
constexpr std::size_t least_of_run = 4;  // observations
constexpr std::size_t patience = 6;      // trials without an improvement, before a basin has given all
constexpr std::size_t recent = 4;        // trials, of which no more than half are to fail
constexpr double trusted = 0.7;          // weight of parents' models

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
  bool failing = false;           // too many of those that ended last

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
    const VectorXd point = most(acquisition, known, good_of(known), {});
    if (point.size() == 0) return true;  // of a finite space nothing is left
    double least = std::numeric_limits<double>::infinity();
    const double sign = goal_ == Goal::minimize ? 1 : -1;
    for (const double objective : known.objectives) least = std::min(least, sign * objective);
    const double expected = std::exp(acquisition.at(MatrixXd(point.transpose()))[0]);
    // One per cent of a best of zero, or near it, is never reached: the deviation of the objectives counts,
    // too.
    const double unit = targets(known.objectives, goal_).unit;
    return expected * unit <= 0.01 * std::max(std::abs(least), unit);
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
    known.failing = failing(history.trials);
    if (domain_.size() == 0) return known;
    for (const History::Run& run : history.parents)
      if (!run.same_task) consider(known, run);
    for (Trend::Source& source : known.trend.sources) {
      source.weight = trusted / static_cast<double>(known.trend.sources.size());
      source.deviation = trusted;
    }
    return known;
  }

  static bool failing(const std::vector<Trial>& trials) {
    std::size_t ended = 0, failed = 0;
    for (std::size_t i = trials.size(); i > 0 && ended < recent; --i) {
      if (trials[i - 1].state == Trial::State::running) continue;
      ++ended;
      failed += trials[i - 1].state == Trial::State::failed || !trials[i - 1].objective;
    }
    return 2 * failed >= recent;
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
  VectorXd chosen_next(const Acquisition& acquisition, const Known& known) const {
    if (known.failing) {
      // What is expected of a place where trials fail may be the most, again and again.
      const VectorXd point = most(acquisition, known, good_of(known), [&](const VectorXd& candidate) {
        return acquisition.likely_to_end(candidate);
      });
      if (point.size() > 0) return point;
    }
    const VectorXd best = most(acquisition, known, good_of(known), {});
    if (known.failing || domain_.count() > 0) return best;
    const ExhaustedBasins basins(acquisition.process(), stacked(known.points, domain_.size()), patience,
                                 noticeable);
    if (basins.empty()) return best;
    if (best.size() > 0 && basins.contain(best) &&
        acquisition.at(MatrixXd(best.transpose()))[0] > std::log(worthwhile))
      return best;
    const VectorXd point = elsewhere(basins, known);
    return point.size() > 0 ? point : best;
  }

  // The best few that were tried, a row each: what is better is often near them.
  MatrixXd good_of(const Known& known) const {
    const double sign = goal_ == Goal::minimize ? 1 : -1;
    std::vector<std::size_t> order(known.objectives.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return sign * known.objectives[a] < sign * known.objectives[b];
    });
    order.resize(std::min<std::size_t>(order.size(), 4));
    std::vector<VectorXd> good;
    for (const std::size_t i : order) good.push_back(known.points[i]);
    return stacked(good, domain_.size());
  }

  // The point of which most is expected; empty where none is left.
  VectorXd most(const Acquisition& acquisition, const Known& known, const MatrixXd& good,
                const std::function<bool(const VectorXd&)>& allowed) const {
    return maximize(
        acquisition, domain_, good,
        [&](const VectorXd& candidate) {
          return !known.near(candidate) && !known.took(space_.assignment(domain_.whole(candidate))) &&
                 (!allowed || allowed(candidate));
        },
        mixed(seed_, mixed(1, known.trials)));
  }

  // Where most is expected beside the basins that have given all that they have, by a model of what was seen
  // beside them; empty: nowhere. A model of all is sure of itself where it has seen one optimum only: it
  // expects nothing of the others.
  VectorXd elsewhere(const ExhaustedBasins& basins, const Known& known) const {
    const auto beside = [&](const VectorXd& candidate) { return !basins.contain(candidate); };
    Known rest = known;
    rest.points.clear();
    rest.objectives.clear();
    for (const Index i : basins.beside()) {
      rest.points.push_back(known.points[static_cast<std::size_t>(i)]);
      rest.objectives.push_back(known.objectives[static_cast<std::size_t>(i)]);
    }
    if (rest.points.size() >= 2) return most(model(rest), known, good_of(rest), beside);
    const QuasiRandom sequence(domain_.size(), mixed(seed_, mixed(2, known.trials)));
    for (std::uint64_t i = 0; i < most_draws; ++i) {
      const Point point = sequence.point(i);
      VectorXd candidate = Eigen::Map<const VectorXd>(point.data(), static_cast<Index>(point.size()));
      domain_.snap(candidate);
      if (beside(candidate)) return candidate;
    }
    return {};
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
