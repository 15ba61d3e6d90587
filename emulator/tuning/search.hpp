// A search proposes which configurations to try next. It keeps nothing that matters: what is known is told
// with every question, so that a search goes on after a restart as if there had been none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/tuning/space.hpp"

namespace sagemaker::local::tuning {

enum class Goal { minimize, maximize };

// A configuration that was or is being tried.
struct Trial {
  enum class State { running, ended, failed };
  Assignment parameters;
  State state = State::running;
  // Of an ended trial, and of a running one that has reported; finite. What the user's metric says, whatever
  // the goal.
  std::optional<double> objective;
};

// What is known when a search is asked.
struct History {
  std::vector<Trial> trials;  // of this search, in the order of their creation
  // Of earlier tuning jobs (warm start): a run each, ended trials only. Parameters may be missing, others may
  // be there, values may lie outside of the ranges, and the metrics of different runs may differ in level.
  struct Run {
    std::vector<Trial> trials;
    bool same_task = false;  // IdenticalDataAndAlgorithm: its values are values of this search
  };
  std::vector<Run> parents;
};

class Search {
 public:
  virtual ~Search() = default;
  // The next `count` configurations to run at the same time, beside those that are running; fewer where the
  // space holds no more (grid). The same history gives the same answer. Not thread-safe.
  virtual std::vector<Assignment> propose(const History& history, std::size_t count) = 0;
  // Whether a further improvement of the best by more than 1 % is not to be expected any more
  // (CompleteOnConvergence).
  virtual bool converged(const History& history) const = 0;
};

// `seed`: of all choices that are free. Throws std::invalid_argument for a space that it cannot search.
std::unique_ptr<Search> bayesian_search(Space space, Goal goal, std::uint64_t seed);
std::unique_ptr<Search> random_search(Space space, Goal goal, std::uint64_t seed);
std::unique_ptr<Search> grid_search(Space space, Goal goal, std::uint64_t seed);

}  // namespace sagemaker::local::tuning
