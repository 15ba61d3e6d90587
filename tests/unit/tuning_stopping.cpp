// Goal: trials that are not worth their time are stopped, the best one never is, and what that saves is what
// it is for.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/tuning/stopping.hpp"

using namespace sagemaker::local::tuning;

namespace {

// What `total` trials of `epochs` epochs cost and bring, `parallel` at a time, each epoch followed by a
// decision. Losses fall to a level of their own, at a pace of their own, with noise.
struct Simulation {
  explicit Simulation(std::uint64_t seed, std::size_t total, std::size_t epochs) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (std::size_t i = 0; i < total; ++i) {
      const double level = 0.1 + uniform(random), pace = 3 + 5 * uniform(random);
      Curve curve;
      for (std::size_t e = 1; e <= epochs; ++e) {
        curve.push_back(level + 2 * std::exp(-double(e) / pace) + 0.01 * (uniform(random) - 0.5));
      }
      whole.push_back(std::move(curve));
    }
  }

  template <typename Stops>
  void run(std::size_t parallel, Stops stops) {
    std::vector<std::size_t> running;
    std::size_t next = 0;
    while (next < whole.size() || !running.empty()) {
      while (running.size() < parallel && next < whole.size()) {
        running.push_back(next++);
        seen.emplace_back();
      }
      for (const std::size_t trial : running) {
        seen[trial].push_back(whole[trial][seen[trial].size()]);
        ++used;
      }
      std::erase_if(running, [&](std::size_t trial) {
        return seen[trial].size() == whole[trial].size() || stops(trial, seen);
      });
    }
  }

  // Places that the best of the trials that came to their end has among all, had all done so; 0 is the best.
  std::size_t regret() const {
    double best = INFINITY;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      if (seen[i].size() == whole[i].size()) best = std::min(best, whole[i].back());
    }
    std::size_t result = 0;
    for (const Curve& curve : whole) result += curve.back() < best ? 1 : 0;
    return result;
  }

  std::vector<Curve> whole, seen;
  std::size_t used = 0;
};

std::vector<Curve> constants(std::vector<double> values, std::size_t epochs) {
  std::vector<Curve> result;
  for (const double value : values) result.emplace_back(epochs, value);
  return result;
}

}  // namespace

TEST_CASE("median rule: the last value against the median of the running averages") {
  // Averages of two epochs: 2, 3, 4, 5; their median is 3.5.
  const std::vector<Curve> others = {{3, 1}, {4, 2, 0}, {5, 3, 9, 9}, {6, 4}};
  CHECK(median_rule_stops({0, 3.6}, others, Goal::minimize));
  CHECK_FALSE(median_rule_stops({9, 3.5}, others, Goal::minimize));  // equal is not worse
  CHECK_FALSE(median_rule_stops({9, 3.4}, others, Goal::minimize));
  CHECK(median_rule_stops({9, 3.4}, others, Goal::maximize));
  CHECK_FALSE(median_rule_stops({9, 3.5}, others, Goal::maximize));
  CHECK_FALSE(median_rule_stops({0, 3.6}, others, Goal::maximize));
}

TEST_CASE("median rule: no decision before enough trials have come so far") {
  const auto three = constants({1, 1, 1}, 3);
  CHECK_FALSE(median_rule_stops({9}, three, Goal::minimize));
  auto four = constants({1, 1, 1, 1}, 3);
  CHECK(median_rule_stops({9}, four, Goal::minimize));
  CHECK(median_rule_stops({9, 9, 9}, four, Goal::minimize));
  CHECK_FALSE(median_rule_stops({9, 9, 9, 9}, four, Goal::minimize));  // none has come to the fourth epoch
  four[2].pop_back();
  CHECK_FALSE(median_rule_stops({9, 9, 9}, four, Goal::minimize));
  CHECK_FALSE(median_rule_stops({}, four, Goal::minimize));
  CHECK_FALSE(median_rule_stops({9}, {}, Goal::minimize));
}

TEST_CASE("median rule: values of any size") {
  const auto huge = constants({-1.7e308, -1.7e308, 1.7e308, 1.7e308}, 3);  // their median is 0
  CHECK(median_rule_stops({1, 1, 1}, huge, Goal::minimize));
  CHECK_FALSE(median_rule_stops({1, 1, -1}, huge, Goal::minimize));
  const auto all = constants({1.7e308, 1.7e308, 1.7e308, 1.7e308}, 3);
  CHECK_FALSE(median_rule_stops({1, 1, 1.6e308}, all, Goal::minimize));
}

TEST_CASE("median rule: it saves epochs and keeps a trial that is as good as the best") {
  std::size_t used = 0, regret = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Simulation simulation(seed, 40, 30);
    simulation.run(4, [](std::size_t trial, const std::vector<Curve>& curves) {
      return median_rule_stops(curves[trial], std::span(curves).first(trial), Goal::minimize);
    });
    used += simulation.used;
    regret = std::max(regret, simulation.regret());
  }
  CHECK(used < 20 * 40 * 30 * 6 / 10);
  CHECK(regret <= 3);
}

TEST_CASE("Hyperband: rungs are factors apart and brackets share the budget") {
  const Hyperband hyperband(1, 27, Goal::minimize);
  std::map<std::vector<std::int64_t>, int> trials;
  for (std::size_t i = 0; i < 49; ++i) ++trials[hyperband.rungs(i)];
  // The 27, 12, 6 and 4 trials of the brackets in Hyperband's table for R = 27.
  const std::map<std::vector<std::int64_t>, int> expected = {
      {{1, 3, 9, 27}, 27}, {{3, 9, 27}, 12}, {{9, 27}, 6}, {{27}, 4}};
  CHECK(trials == expected);
  CHECK(hyperband.rungs(0) == std::vector<std::int64_t>{1, 3, 9, 27});
  // The first ones are shared as all are.
  int most = 0;
  for (std::size_t i = 0; i < 10; ++i) most += hyperband.rungs(i).size() == 4 ? 1 : 0;
  CHECK((most >= 5 && most <= 6));
  CHECK(Hyperband(3, 10, Goal::minimize).rungs(0) == std::vector<std::int64_t>{4, 10});
  CHECK(Hyperband(5, 5, Goal::minimize).rungs(3) == std::vector<std::int64_t>{5});
  CHECK(Hyperband(1, 2, Goal::minimize).rungs(0) == std::vector<std::int64_t>{2});
  CHECK(Hyperband(1, 8, Goal::minimize, 2).rungs(0) == std::vector<std::int64_t>{1, 2, 4, 8});
  CHECK(Hyperband(1, 20000, Goal::minimize).rungs(0).size() == 10);
  CHECK(Hyperband(1, std::numeric_limits<std::int64_t>::max(), Goal::minimize).rungs(0).back() ==
        std::numeric_limits<std::int64_t>::max());
  CHECK_THROWS_AS(Hyperband(0, 5, Goal::minimize), std::invalid_argument);
  CHECK_THROWS_AS(Hyperband(6, 5, Goal::minimize), std::invalid_argument);
  CHECK_THROWS_AS(Hyperband(1, 5, Goal::minimize, 1), std::invalid_argument);
}

TEST_CASE("Hyperband: at a rung the best third goes on, and the best one always") {
  // Rungs at 3 and 9 for half of the trials (those of one bracket), and at 9 for the others.
  const Hyperband hyperband(3, 9, Goal::minimize);
  std::vector<std::size_t> low, high;
  for (std::size_t i = 0; i < 30; ++i) (hyperband.rungs(i).size() == 2 ? low : high).push_back(i);
  REQUIRE(low.size() == 18);  // 3 to 2
  std::vector<Curve> curves(30);
  curves[low[0]] = {5, 5};
  CHECK_FALSE(hyperband.stops(low[0], curves));  // below the first rung nothing is judged
  curves[low[0]] = {5, 5, 5};
  CHECK_FALSE(hyperband.stops(low[0], curves));  // alone
  curves[high[0]] = {1, 1, 1, 1};
  CHECK_FALSE(hyperband.stops(low[0], curves));   // another bracket does not matter
  CHECK_FALSE(hyperband.stops(high[0], curves));  // nor has it a rung there
  curves[low[1]] = {9, 9, 4};
  CHECK_FALSE(hyperband.stops(low[1], curves));
  CHECK(hyperband.stops(low[0], curves));  // gives way to the better one
  curves[low[2]] = {1, 1, 6};
  CHECK(hyperband.stops(low[2], curves));
  for (std::size_t i = 3; i < 6; ++i) curves[low[i]] = {7, 7, 7};
  CHECK_FALSE(hyperband.stops(low[0], curves));  // the second of six
  CHECK(hyperband.stops(low[2], curves));
  curves[low[0]] = {5, 5, 5, 9, 9, 9, 9, 9};
  CHECK_FALSE(hyperband.stops(low[0], curves));  // between rungs: as good as it was at the last one
  curves[low[0]].push_back(0);
  CHECK(hyperband.stops(low[0], curves));  // the greatest resource
  curves[high[0]].resize(9, 1);
  CHECK(hyperband.stops(high[0], curves));
}

TEST_CASE("Hyperband: of equal trials those created first go on, whatever the goal") {
  for (const Goal goal : {Goal::minimize, Goal::maximize}) {
    const Hyperband hyperband(1, 3, goal);
    std::vector<Curve> curves;
    std::vector<std::size_t> low;
    for (std::size_t i = 0; i < 15; ++i) {
      curves.push_back({0.1});
      if (hyperband.rungs(i).size() == 2) low.push_back(i);
    }
    REQUIRE(low.size() == 9);
    for (std::size_t i = 0; i < low.size(); ++i) CHECK(hyperband.stops(low[i], curves) == (i >= 3));
    curves[low[8]] = {goal == Goal::minimize ? 0.0 : 0.2};
    CHECK_FALSE(hyperband.stops(low[8], curves));
    CHECK(hyperband.stops(low[2], curves));
  }
}

TEST_CASE("Hyperband: it finds one of the best of 81 with a fraction of the epochs") {
  std::size_t used = 0, regret = 0, best = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Simulation simulation(seed, 81, 81);
    const Hyperband hyperband(1, 81, Goal::minimize);
    simulation.run(4, [&](std::size_t trial, const std::vector<Curve>& curves) {
      const bool stops = hyperband.stops(trial, curves);
      if (stops) REQUIRE(curves[trial].size() >= static_cast<std::size_t>(hyperband.rungs(trial).front()));
      return stops;
    });
    used += simulation.used;
    regret += simulation.regret();
    best += simulation.regret() == 0 ? 1 : 0;
  }
  CHECK(used < 20 * 81 * 81 / 4);
  CHECK(regret <= 20 * 4);
  CHECK(best >= 8);
}

TEST_CASE("not improving: less than 1 % of the best before") {
  const std::vector<double> falling = {10, 8, 7.95, 7.94, 9};
  CHECK(not_improving(falling, 3, Goal::minimize));
  CHECK_FALSE(not_improving(falling, 4, Goal::minimize));
  CHECK_FALSE(not_improving(falling, 5, Goal::minimize));  // nothing before them
  CHECK_FALSE(not_improving(falling, 0, Goal::minimize));
  CHECK_FALSE(not_improving({}, 3, Goal::minimize));
  CHECK_FALSE(not_improving(std::vector<double>{0.80, 0.1, 0.808}, 2, Goal::maximize));  // 1 % exactly
  CHECK_FALSE(not_improving(std::vector<double>{0.70, 0.1, 0.707}, 2, Goal::maximize));
  CHECK(not_improving(std::vector<double>{0.80, 0.1, 0.807}, 2, Goal::maximize));
  // Log-likelihoods, and errors that have come to 0.
  CHECK_FALSE(not_improving(std::vector<double>{-100, -99}, 1, Goal::maximize));
  CHECK(not_improving(std::vector<double>{-100, -99.5}, 1, Goal::maximize));
  CHECK(not_improving(std::vector<double>{-100, -110}, 1, Goal::maximize));
  CHECK_FALSE(not_improving(std::vector<double>{-100, -110}, 1, Goal::minimize));
  CHECK(not_improving(std::vector<double>{0, 0, 0.1}, 2, Goal::minimize));
  CHECK_FALSE(not_improving(std::vector<double>{0, -1e-9}, 1, Goal::minimize));
  CHECK_FALSE(not_improving(std::vector<double>{-1e-9, 0}, 1, Goal::maximize));
}
