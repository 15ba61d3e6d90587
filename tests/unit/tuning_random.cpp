// Goal: random search and grid search try every configuration once before any comes again, the same ones
// whoever asks and however many run at once.
#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/search.hpp"

using namespace sagemaker::local::tuning;

namespace {

Space mixed_space() {
  return Space(
      {{"lr", Continuous{1e-5, 1e-1}}, {"units", Integer{8, 512}}, {"kind", Categorical{{"a", "b", "c"}}}});
}

Space small_space() { return Space({{"depth", Integer{1, 4}}, {"kind", Categorical{{"a", "b", "c"}}}}); }

Trial trial(Assignment parameters, Trial::State state = Trial::State::ended) {
  return {std::move(parameters), state, std::nullopt};
}

// `total` trials, `parallel` at a time.
std::vector<Assignment> run(Search& search, std::size_t total, std::size_t parallel) {
  History history;
  while (history.trials.size() < total) {
    const auto proposed = search.propose(history, std::min(parallel, total - history.trials.size()));
    if (proposed.empty()) break;
    for (const Assignment& parameters : proposed) history.trials.push_back(trial(parameters));
  }
  std::vector<Assignment> result;
  for (const Trial& done : history.trials) result.push_back(done.parameters);
  return result;
}

std::size_t distinct(const std::vector<Assignment>& trials) {
  return std::set<Assignment>(trials.begin(), trials.end()).size();
}

}  // namespace

TEST_CASE("random: a seed is its trials, however many run at once") {
  const auto alone = run(*random_search(mixed_space(), Goal::minimize, 7), 60, 1);
  CHECK(run(*random_search(mixed_space(), Goal::maximize, 7), 60, 10) == alone);
  CHECK(run(*random_search(mixed_space(), Goal::minimize, 7), 60, 60) == alone);
  CHECK(run(*random_search(mixed_space(), Goal::minimize, 8), 60, 1) != alone);
  CHECK(distinct(alone) == 60);
}

TEST_CASE("random: another emulator goes on where the first one ended, failed and running trials included") {
  const auto whole = run(*random_search(mixed_space(), Goal::minimize, 3), 20, 4);
  History history;
  for (std::size_t i = 0; i < 11; ++i) {
    history.trials.push_back(trial(whole[i], i % 2 == 0 ? Trial::State::failed : Trial::State::running));
    history.trials.back().parameters["epochs"] = "3";  // what is not searched does not matter
  }
  const auto rest = random_search(mixed_space(), Goal::minimize, 3)->propose(history, 9);
  CHECK(rest == std::vector<Assignment>(whole.begin() + 11, whole.end()));
}

TEST_CASE("random: few trials are spread over every range") {
  const Space space = mixed_space();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<int> decades(4), kinds(3);
    for (const Assignment& parameters : run(*random_search(space, Goal::minimize, seed), 36, 1)) {
      const auto point = space.point(parameters);
      REQUIRE(point);
      ++decades[std::min<std::size_t>(3, static_cast<std::size_t>((*point)[0] * 4))];
      ++kinds[static_cast<std::size_t>(parameters.at("kind")[0] - 'a')];
    }
    for (const int count : decades) CHECK(count == 9);
    for (const int count : kinds) CHECK((count >= 9 && count <= 15));
  }
}

TEST_CASE("random: a finite space is tried completely before anything comes again, round after round") {
  for (const std::size_t parallel : {1, 5}) {
    const auto trials = run(*random_search(small_space(), Goal::minimize, 1), 30, parallel);
    REQUIRE(trials.size() == 30);
    CHECK(distinct({trials.begin(), trials.begin() + 12}) == 12);
    CHECK(distinct({trials.begin() + 12, trials.begin() + 24}) == 12);
    CHECK(distinct({trials.begin() + 24, trials.end()}) == 6);
    CHECK(trials == run(*random_search(small_space(), Goal::minimize, 1), 30, 30));
  }
  // Shares as uneven as can be: the last ones are found all the same.
  const Space skewed({{"n", Integer{1, 300, Scaling::logarithmic}}, {"same", Continuous{2, 2}}});
  CHECK(distinct(run(*random_search(skewed, Goal::minimize, 5), 300, 50)) == 300);
  CHECK(run(*random_search(Space(std::vector<Parameter>{}), Goal::minimize, 5), 3, 2).size() == 3);
}

TEST_CASE("random: convergence is what is to be expected of the next record") {
  const auto search = random_search(mixed_space(), Goal::minimize, 1);
  const auto history = [&](std::size_t trials, auto objective) {
    History result;
    const auto proposed = search->propose({}, trials);
    for (std::size_t i = 0; i < trials; ++i) {
      result.trials.push_back(trial(proposed[i]));
      result.trials.back().objective = objective(i);
    }
    return result;
  };
  // A plateau at 1 that is reached early, and one that is not.
  CHECK(search->converged(
      history(40, [](std::size_t i) { return i % 5 == 3 ? 1.0 + 1e-4 * double(i) : 2.0; })));
  CHECK_FALSE(search->converged(history(40, [](std::size_t i) { return i == 39 ? 0.5 : 1.0; })));
  CHECK_FALSE(search->converged(history(10, [](std::size_t) { return 1.0; })));
  // The best are 10 % apart: the next record is expected to be that much better.
  CHECK_FALSE(search->converged(history(40, [](std::size_t i) { return 1 + 0.1 * double(i); })));
  CHECK_FALSE(search->converged({}));
  const auto small = random_search(small_space(), Goal::minimize, 1);
  History all;
  for (const Assignment& parameters : small->propose({}, 12)) all.trials.push_back(trial(parameters));
  CHECK(small->converged(all));
  all.trials.back().state = Trial::State::running;
  CHECK_FALSE(small->converged(all));
}

TEST_CASE("grid: every combination once, the last parameter changing fastest") {
  const Space space({{"b", Categorical{{"1", "2"}}}, {"a", Categorical{{"x", "y", "z"}}}});
  const auto search = grid_search(space, Goal::maximize, 1);
  const auto trials = run(*search, 100, 4);
  REQUIRE(trials.size() == 6);
  const std::vector<Assignment> expected = {{{"b", "1"}, {"a", "x"}}, {{"b", "1"}, {"a", "y"}},
                                            {{"b", "1"}, {"a", "z"}}, {{"b", "2"}, {"a", "x"}},
                                            {{"b", "2"}, {"a", "y"}}, {{"b", "2"}, {"a", "z"}}};
  CHECK(trials == expected);
}

TEST_CASE("grid: what runs, has ended or failed is not proposed again") {
  const Space space({{"b", Categorical{{"1", "2"}}}, {"a", Categorical{{"x", "y", "z"}}}});
  const auto search = grid_search(space, Goal::maximize, 1);
  History history;
  history.trials = {trial({{"b", "1"}, {"a", "y"}}, Trial::State::running),
                    trial({{"b", "1"}, {"a", "x"}}, Trial::State::failed),
                    trial({{"b", "2"}, {"a", "z"}, {"epochs", "3"}}),
                    trial({{"b", "9"}, {"a", "z"}})};  // of other values: not of this grid
  const std::vector<Assignment> rest = {
      {{"b", "1"}, {"a", "z"}}, {{"b", "2"}, {"a", "x"}}, {{"b", "2"}, {"a", "y"}}};
  CHECK(search->propose(history, 10) == rest);
  CHECK(search->propose(history, 1) == std::vector<Assignment>{rest[0]});
  CHECK_FALSE(search->converged(history));
  for (const Assignment& parameters : rest) history.trials.push_back(trial(parameters));
  CHECK(search->propose(history, 10).empty());
  CHECK_FALSE(search->converged(history));
  history.trials[0].state = Trial::State::ended;
  CHECK(search->converged(history));
}

TEST_CASE("grid: greater than can be counted, and nothing but categories") {
  std::vector<std::string> values;
  for (int i = 0; i < 30; ++i) values.push_back(std::to_string(i));
  std::vector<Parameter> parameters;
  for (int i = 0; i < 30; ++i) parameters.push_back({"p" + std::to_string(i), Categorical{values}});
  const auto search = grid_search(Space(parameters), Goal::minimize, 1);
  CHECK(distinct(run(*search, 100, 10)) == 100);
  CHECK_FALSE(search->converged({}));
  CHECK_THROWS_AS(grid_search(Space({{"n", Integer{1, 3}}}), Goal::minimize, 1), std::invalid_argument);
}
