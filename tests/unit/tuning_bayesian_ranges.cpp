// Goal: Bayesian search proposes something to try whatever the ranges and whatever the objectives are, and
// nothing twice as long as there is something else.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/search.hpp"

using namespace sagemaker::local::tuning;

namespace {

using Objective = std::function<std::optional<double>(const Assignment&, std::size_t trial)>;

// The trials of a search, `parallel` at a time; those without an objective have failed.
std::vector<Assignment> run(const Space& space, const Objective& objective, std::size_t total,
                            std::size_t parallel = 1) {
  const auto search = bayesian_search(space, Goal::minimize, 1);
  History history;
  std::vector<Assignment> tried;
  while (tried.size() < total) {
    const std::size_t ended = history.trials.size();
    for (Assignment& next : search->propose(history, parallel)) {
      CHECK(space.point(next));
      tried.push_back(next);
      history.trials.push_back({std::move(next), Trial::State::running, std::nullopt});
    }
    REQUIRE(history.trials.size() > ended);
    for (std::size_t i = ended; i < history.trials.size(); ++i) {
      Trial& trial = history.trials[i];
      trial.objective = objective(trial.parameters, i);
      trial.state = trial.objective ? Trial::State::ended : Trial::State::failed;
    }
  }
  static_cast<void>(search->converged(history));
  return tried;
}

std::size_t distinct(const std::vector<Assignment>& trials) {
  return std::set<Assignment>(trials.begin(), trials.end()).size();
}

double number(const Assignment& at, const char* name) { return std::stod(at.at(name)); }

}  // namespace

TEST_CASE("bayesian: integers of any number are searched") {
  constexpr auto least = std::numeric_limits<std::int64_t>::min(),
                 most = std::numeric_limits<std::int64_t>::max();
  for (const Integer range :
       {Integer{3, 3}, Integer{0, 1}, Integer{1, 256}, Integer{1, 257}, Integer{1, 1000}, Integer{0, 2047},
        Integer{1, 2048}, Integer{1, 100'000}, Integer{least, most}, Integer{0, 3'689'348'814'741'910'323}}) {
    CAPTURE(range.min);
    CAPTURE(range.max);
    const double center = 0.3 * static_cast<double>(range.max) + 0.7 * static_cast<double>(range.min);
    const double width = std::max(1.0, static_cast<double>(range.max) - static_cast<double>(range.min));
    const auto objective = [&](const Assignment& at, std::size_t) {
      return std::optional(std::pow((number(at, "n") - center) / width, 2));
    };
    const Space alone({{"n", range}});
    const auto tried = run(alone, objective, 14);
    CHECK(distinct(tried) == std::min<std::uint64_t>(14, alone.count().value_or(14)));
    const Space mixed({{"n", range}, {"kind", Categorical{{"a", "b", "c", "d", "e"}}}});
    run(mixed, objective, 12);
  }
}

TEST_CASE("bayesian: objectives of any size and shape") {
  const Space space({{"x", Continuous{0, 1}}, {"n", Integer{1, 40}}, {"kind", Categorical{{"a", "b"}}}});
  constexpr double greatest = std::numeric_limits<double>::max();
  const std::vector<Objective> objectives = {
      [](const Assignment&, std::size_t) { return 0.0; },
      [](const Assignment&, std::size_t) { return 3.5; },
      [](const Assignment&, std::size_t i) { return i % 2 ? greatest : -greatest; },
      [](const Assignment&, std::size_t i) { return i % 5 ? 1.0 : 1e30; },
      [](const Assignment&, std::size_t i) { return i % 3 ? 1.0 : 1 + 1e-15; },
      [](const Assignment&, std::size_t i) { return 5e-324 * double(i % 4); },
      [](const Assignment& at, std::size_t) { return 1e-300 * number(at, "x"); },
      [](const Assignment& at, std::size_t) { return 1e300 * number(at, "x"); },
      [](const Assignment&, std::size_t i) { return i < 5 ? std::optional(1.0 * double(i)) : std::nullopt; },
      [](const Assignment&, std::size_t i) { return i > 12 ? std::optional(1.0 * double(i)) : std::nullopt; },
      [](const Assignment&, std::size_t) { return std::nullopt; },
  };
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    CAPTURE(i);
    CHECK(distinct(run(space, objectives[i], 24, 4)) == 24);
  }
}

TEST_CASE("bayesian: a space with nothing left is tried again") {
  const auto objective = [](const Assignment& at, std::size_t) { return std::optional(number(at, "n")); };
  const auto tried = run(Space({{"n", Integer{1, 6}}}), objective, 20, 3);
  CHECK(distinct({tried.begin(), tried.begin() + 6}) == 6);
  CHECK(run(Space({{"n", Integer{4, 4}}, {"x", Continuous{2, 2}}}), objective, 5).size() == 5);
}
