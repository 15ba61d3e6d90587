// Random search: an even sequence of points instead of independent ones, and every configuration once before
// any comes again.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <utility>

#include "emulator/tuning/quasi_random.hpp"
#include "emulator/tuning/search.hpp"
#include "emulator/tuning/stopping.hpp"

namespace sagemaker::local::tuning {
namespace {

// Fewer results say nothing about what is still to come.
constexpr std::size_t kTrialsToConverge = 20;
constexpr double kSignificant = 0.01;

// What tells the configurations of a space apart.
std::string key_of(const Space& space, const Assignment& assignment) {
  std::string result;
  for (const Parameter& parameter : space.parameters()) {
    const auto found = assignment.find(parameter.name);
    if (found != assignment.end()) result.append(found->second);
    result.push_back('\0');
  }
  return result;
}

// Which configurations of a space were tried how often, whatever else their trials have.
class Tried {
 public:
  explicit Tried(const Space& space) : space_(space), count_(space.count()) {}

  void add(const Assignment& assignment) {
    const int times = ++times_[key_of(space_, assignment)];
    if (times == rounds_ + 1) ++ahead_;
    // Every configuration has come once more: the next round may begin.
    while (count_ && ahead_ >= *count_) {
      ++rounds_;
      ahead_ = static_cast<std::uint64_t>(std::count_if(
          times_.begin(), times_.end(), [&](const auto& entry) { return entry.second > rounds_; }));
    }
  }
  bool due(const std::string& key) const {
    const auto found = times_.find(key);
    return found == times_.end() || found->second <= rounds_;
  }
  bool due(const Assignment& assignment) const { return due(key_of(space_, assignment)); }
  int rounds() const { return rounds_; }

 private:
  const Space& space_;
  const std::optional<std::uint64_t> count_;
  std::unordered_map<std::string, int> times_;
  int rounds_ = 0;           // how often every configuration has come
  std::uint64_t ahead_ = 0;  // configurations that came more often
};

// Configuration `place` of a finite space, in which the last parameter changes fastest.
Assignment numbered(const Space& space, std::uint64_t place) {
  Assignment result;
  const auto& parameters = space.parameters();
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    const Space axis({*parameter});
    const std::uint64_t values = *axis.count(), value = place % values;
    place /= values;
    if (const auto* categorical = std::get_if<Categorical>(&axis.parameters().front().range)) {
      result.emplace(parameter->name, categorical->values[value]);
    } else if (const auto* range = std::get_if<Integer>(&parameter->range)) {
      result.emplace(
          parameter->name,
          std::to_string(static_cast<std::int64_t>(static_cast<std::uint64_t>(range->min) + value)));
    } else {  // of one value
      result.merge(axis.assignment(Point{0}));
    }
  }
  return result;
}

class RandomSearch : public Search {
 public:
  RandomSearch(Space space, Goal goal, std::uint64_t seed)
      : space_(std::move(space)), goal_(goal), seed_(seed), sequence_(space_.size(), seed) {}

  std::vector<Assignment> propose(const History& history, std::size_t count) override;
  bool converged(const History& history) const override;

 private:
  const std::string& key_at(std::uint64_t place);

  const Space space_;
  const Goal goal_;
  const std::uint64_t seed_;
  const QuasiRandom sequence_;
  // Of the configurations at the places so far: every proposal looks at them again, and to make them takes a
  // hundred times as long.
  std::vector<std::string> keys_;
};

const std::string& RandomSearch::key_at(std::uint64_t place) {
  while (keys_.size() <= place)
    keys_.push_back(key_of(space_, space_.assignment(sequence_.point(keys_.size()))));
  return keys_[place];
}

// A trial is the first of the sequence that has not been tried before it: the same one whether trials are
// asked for one by one or many at a time, and whether an emulator or another one asks.
std::vector<Assignment> RandomSearch::propose(const History& history, std::size_t count) {
  Tried tried(space_);
  for (const Trial& trial : history.trials) tried.add(trial.parameters);
  std::vector<Assignment> result;
  std::uint64_t place = 0;
  int rounds = tried.rounds();
  while (result.size() < count) {
    const std::uint64_t trials = history.trials.size() + result.size();
    const std::uint64_t last = 64 + 8 * trials;  // a space that has more to offer has shown it by then
    if (tried.rounds() != rounds) {
      rounds = tried.rounds();
      place = 0;
    }
    while (!tried.due(key_at(place)) && place + 1 < last) ++place;
    Assignment chosen = space_.assignment(sequence_.point(place++));
    if (const auto configurations = space_.count(); configurations && !tried.due(chosen)) {
      // Few are left, or those with small shares: the next one from anywhere.
      std::uint64_t number = mixed(seed_, trials) % *configurations;
      do {
        chosen = numbered(space_, number);
        number = (number + 1) % *configurations;
      } while (!tried.due(chosen));
    }
    tried.add(chosen);
    result.push_back(std::move(chosen));
  }
  return result;
}

// Trials are exchangeable: with the k best of n about evenly spaced, as they are near an optimum, the next
// record is that space better. And none has come for a long time.
bool RandomSearch::converged(const History& history) const {
  Tried tried(space_);
  std::vector<double> objectives;
  for (const Trial& trial : history.trials) {
    if (trial.state != Trial::State::running) tried.add(trial.parameters);
    if (trial.state == Trial::State::ended && trial.objective) objectives.push_back(*trial.objective);
  }
  if (tried.rounds() > 0) return true;  // all there is
  const std::size_t trials = objectives.size();
  if (trials < kTrialsToConverge || !not_improving(objectives, trials / 2, goal_)) return false;
  const auto best = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(trials))));
  std::partial_sort(objectives.begin(), objectives.begin() + static_cast<std::ptrdiff_t>(best),
                    objectives.end(),
                    [&](double a, double b) { return goal_ == Goal::minimize ? a < b : a > b; });
  const double spacing = std::abs(objectives[best - 1] - objectives[0]) / static_cast<double>(best - 1);
  return spacing <= kSignificant * std::abs(objectives[0]);
}

}  // namespace

std::unique_ptr<Search> random_search(Space space, Goal goal, std::uint64_t seed) {
  return std::make_unique<RandomSearch>(std::move(space), goal, seed);
}

}  // namespace sagemaker::local::tuning
