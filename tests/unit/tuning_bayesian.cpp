// Bayesian search: what it proposes, by histories of functions whose minimum is known.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/acquisition.hpp"
#include "emulator/tuning/search.hpp"

using namespace sagemaker::local::tuning;

namespace {

using Function = std::function<std::optional<double>(const Assignment&)>;  // nullopt: the trial fails

double number(const Assignment& at, const std::string& name) {
  return std::strtod(at.at(name).c_str(), nullptr);
}

Space plane() {
  return Space({{"x", Continuous{-1, 1, Scaling::linear}}, {"y", Continuous{-1, 1, Scaling::linear}}});
}

double bowl(const Assignment& at) {
  const double x = number(at, "x") - 0.3, y = number(at, "y") + 0.6;
  return x * x + 2 * y * y;
}

Trial ended(Assignment parameters, std::optional<double> objective) {
  return {std::move(parameters), objective ? Trial::State::ended : Trial::State::failed, objective};
}

History searched(const Space& space, const Function& function, std::size_t trials, History history = {},
                 Goal goal = Goal::minimize, std::uint64_t seed = 1) {
  const auto search = bayesian_search(space, goal, seed);
  for (std::size_t i = 0; i < trials; ++i) {
    const std::vector<Assignment> next = search->propose(history, 1);
    REQUIRE(next.size() == 1);
    history.trials.push_back(ended(next[0], function(next[0])));
  }
  return history;
}

double least(const History& history) {
  double best = std::numeric_limits<double>::infinity();
  for (const Trial& trial : history.trials)
    if (trial.objective) best = std::min(best, *trial.objective);
  return best;
}

std::size_t distinct(const History& history) {
  std::set<Assignment> all;
  for (const Trial& trial : history.trials) all.insert(trial.parameters);
  return all.size();
}

History::Run run_of(const Space& space, const Function& function, std::size_t trials) {
  return {searched(space, function, trials, {}, Goal::minimize, 7).trials, false};
}

}  // namespace

TEST_CASE("the minimum of a bowl is found, and the maximum of what is one upside down") {
  CHECK(least(searched(plane(), bowl, 20)) < 1e-3);
  const History up = searched(
      plane(), [](const Assignment& at) { return -bowl(at); }, 20, {}, Goal::maximize);
  double most = -10;
  for (const Trial& trial : up.trials) most = std::max(most, *trial.objective);
  CHECK(most > -1e-3);
}

TEST_CASE("logarithmic ranges are searched by orders of magnitude") {
  const Space space({{"rate", Continuous{1e-6, 1, Scaling::logarithmic}}});
  const History history = searched(
      space, [](const Assignment& at) { return std::pow(std::log10(number(at, "rate")) + 4.2, 2); }, 15);
  CHECK(least(history) < 1e-3);
}

TEST_CASE("the same history gives the same proposal, whoever asked before") {
  const History history = searched(plane(), bowl, 9);
  const auto fresh = bayesian_search(plane(), Goal::minimize, 1),
             used = bayesian_search(plane(), Goal::minimize, 1);
  used->propose(searched(plane(), bowl, 4), 3);
  CHECK(fresh->propose(history, 2) == used->propose(history, 2));
  CHECK(fresh->propose(history, 2) == used->propose(history, 2));
}

TEST_CASE("every configuration of a finite space comes once, then again") {
  const Space space(
      {{"layers", Integer{1, 4, Scaling::linear}}, {"optimizer", Categorical{{"sgd", "adam", "adagrad"}}}});
  const Function function = [](const Assignment& at) {
    return number(at, "layers") + (at.at("optimizer") == "adam" ? 0 : 3);
  };
  CHECK(distinct(searched(space, function, 12)) == 12);
  CHECK(searched(space, function, 14).trials.size() == 14);
}

TEST_CASE("integers and categories are searched together with continuous parameters") {
  const Space space({{"kind", Categorical{{"a", "b", "c", "d"}}},
                     {"units", Integer{1, 1000, Scaling::logarithmic}},
                     {"rate", Continuous{0, 1, Scaling::linear}}});
  const Function function = [](const Assignment& at) {
    const double units = std::log10(number(at, "units")) - 1.5, rate = number(at, "rate") - 0.7;
    return (at.at("kind") == "c" ? 0 : 0.5) + units * units + rate * rate;
  };
  const History history = searched(space, function, 30);
  CHECK(least(history) < 0.02);
  CHECK(distinct(history) == 30);
}

TEST_CASE("failed trials are not repeated, and once it has learnt where they fail hardly one runs there") {
  const Function function = [](const Assignment& at) -> std::optional<double> {
    if (number(at, "x") > 0.5) return std::nullopt;
    return bowl(at);
  };
  const History history = searched(plane(), function, 30);
  CHECK(distinct(history) == 30);
  CHECK(least(history) < 0.01);
  const auto failed = std::count_if(history.trials.begin() + 15, history.trials.end(),
                                    [](const Trial& trial) { return trial.state == Trial::State::failed; });
  CHECK(failed <= 1);  // a quarter of the space fails
}

TEST_CASE("where the best lies at the edge of what fails, no more than about half of the trials fail") {
  const Space line({{"x", Continuous{0, 1, Scaling::linear}}});
  const Function function = [](const Assignment& at) -> std::optional<double> {
    if (number(at, "x") < 0.5) return std::nullopt;
    return number(at, "x");
  };
  const History history = searched(line, function, 30);
  const auto failed = std::count_if(history.trials.begin(), history.trials.end(),
                                    [](const Trial& trial) { return trial.state == Trial::State::failed; });
  CHECK(failed <= 18);
  CHECK(least(history) < 0.51);
}

TEST_CASE("a search goes on when all trials failed") {
  const History history = searched(
      plane(), [](const Assignment&) { return std::nullopt; }, 15);
  CHECK(distinct(history) == 15);
}

TEST_CASE("one absurd objective does not blind the model, and neither do huge and tiny ones") {
  std::size_t trial = 0;
  const Function outlier = [&](const Assignment& at) { return trial++ == 3 ? 1e6 : bowl(at); };
  CHECK(least(searched(plane(), outlier, 25)) < 5e-3);
  CHECK(least(searched(
            plane(), [](const Assignment& at) { return 1e300 * bowl(at); }, 25)) < 5e297);
  CHECK(least(searched(
            plane(), [](const Assignment& at) { return 1e-300 * bowl(at); }, 25)) < 5e-303);
  CHECK(searched(
            plane(), [](const Assignment&) { return 1.0; }, 15)
            .trials.size() == 15);
  const Function ends = [](const Assignment& at) { return number(at, "x") > 0 ? 1.7e308 : -1.7e308; };
  CHECK(distinct(searched(plane(), ends, 12)) == 12);
}

TEST_CASE("proposals for the same time lie apart, of each other and of what runs") {
  History history = searched(plane(), bowl, 6);
  const auto search = bayesian_search(plane(), Goal::minimize, 1);
  std::vector<Assignment> batch = search->propose(history, 3);
  for (const Assignment& one : batch) history.trials.push_back({one, Trial::State::running, std::nullopt});
  for (const Assignment& one : search->propose(history, 2)) batch.push_back(one);
  REQUIRE(batch.size() == 5);
  for (std::size_t a = 0; a < batch.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      CHECK(std::hypot(number(batch[a], "x") - number(batch[b], "x"),
                       number(batch[a], "y") - number(batch[b], "y")) > 1e-3);
}

TEST_CASE("parents of the same task are known trials") {
  History history;
  history.parents = {{searched(plane(), bowl, 15).trials, true}};
  const History after = searched(plane(), bowl, 3, history);
  CHECK(least(after) < 0.01);
  for (const Trial& trial : after.trials)
    for (const Trial& parent : history.parents[0].trials) CHECK(trial.parameters != parent.parameters);
}

TEST_CASE("parents of a related task help; misleading ones do not hurt") {
  const Function related = [](const Assignment& at) {
    return 500 + 70 * (std::pow(number(at, "x") - 0.25, 2) + 2 * std::pow(number(at, "y") + 0.55, 2));
  };
  History helped, misled;
  helped.parents = {run_of(plane(), related, 20)};
  CHECK(least(searched(plane(), bowl, 8, helped)) < 0.01);
  misled.parents = {run_of(
      plane(), [](const Assignment& at) { return -bowl(at); }, 20)};
  CHECK(least(searched(plane(), bowl, 25, misled)) < 0.01);
  // Other parameters, values outside of the ranges.
  misled.parents = {{{ended({{"z", "1"}}, 1.0), ended({{"x", "7"}, {"y", "0"}}, 2.0)}, false}};
  CHECK(least(searched(plane(), bowl, 25, misled)) < 0.01);
}

TEST_CASE("a parameter of one value, and no choice at all") {
  const Space some({{"fixed", Categorical{{"only"}}}, {"x", Continuous{0, 1, Scaling::linear}}});
  const History history = searched(
      some, [](const Assignment& at) { return std::abs(number(at, "x") - 0.4); }, 15);
  CHECK(least(history) < 0.01);
  CHECK(history.trials[0].parameters.at("fixed") == "only");
  const Space none({{"fixed", Categorical{{"only"}}}});
  CHECK(searched(
            none, [](const Assignment&) { return 1.0; }, 3)
            .trials.size() == 3);
}

TEST_CASE("thirty dimensions") {
  std::vector<Parameter> parameters;
  for (int i = 0; i < 30; ++i)
    parameters.push_back({"x" + std::to_string(i), Continuous{0, 1, Scaling::linear}});
  const Function function = [](const Assignment& at) {
    return std::abs(number(at, "x3") - 0.2) + std::abs(number(at, "x17") - 0.9);
  };
  CHECK(least(searched(Space(parameters), function, 35)) < 0.2);
}

TEST_CASE("a search has converged when its model expects no more, not before") {
  const auto search = bayesian_search(plane(), Goal::minimize, 1);
  const Function lifted = [](const Assignment& at) { return 1 + bowl(at); };
  CHECK_FALSE(search->converged({}));
  CHECK_FALSE(search->converged(searched(plane(), lifted, 4)));
  CHECK(search->converged(searched(plane(), lifted, 30)));
  CHECK(search->converged(searched(plane(), bowl, 30)));  // whose best is 0
}

TEST_CASE("the logarithm of the expected improvement is exact where the improvement underflows") {
  CHECK(log_improvement(0) == doctest::Approx(std::log(0.3989422804014327)));
  // Asymptotically phi(z) / z^2.
  for (const double z : {-30.0, -100.0, -1e4})
    CHECK(log_improvement(z) ==
          doctest::Approx(-z * z / 2 - 0.9189385332046727 - 2 * std::log(-z)).epsilon(1e-4));
  for (const double z : {-40.0, -20.5, -19.5, -5.0, -1.01, -0.99, 0.5, 8.0}) {
    double slope = 0;
    log_improvement(z, &slope);
    CHECK(slope ==
          doctest::Approx((log_improvement(z + 1e-5) - log_improvement(z - 1e-5)) / 2e-5).epsilon(1e-5));
  }
  for (const double p : {1e-9, 0.02, 0.5, 0.8, 1 - 1e-6})
    CHECK(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)) == doctest::Approx(p));
}
