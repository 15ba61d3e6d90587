// How many trials a search needs on functions whose minimum is known, over many seeds, and what a proposal
// costs.
//   bench_tuning [--function NAME]... [--method bayesian|random]... [--seeds N] [--first-seed N]
//                [--evaluations N] [--parallel N]... [--noise-free] [--times] [--csv]
// --csv prints rows `function,method,seed,evaluation,regret,seconds` (of a proposal) instead of the table.
// --times only prints the times of proposals. The regret is that of the trial which looks best so far,
// without the noise of its objective.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "emulator/tuning/search.hpp"

namespace tuning = sagemaker::local::tuning;
using Steady = std::chrono::steady_clock;

namespace {

double number(const tuning::Assignment& assignment, const std::string& name) {
  return std::strtod(assignment.at(name).c_str(), nullptr);
}

struct Function {
  std::string name;
  std::vector<tuning::Parameter> parameters;
  double minimum;
  double noise;     // deviation of an observation
  int evaluations;  // budget
  double solved;    // regret that counts as solved
  std::function<double(const tuning::Assignment&)> value;
};

double branin(const tuning::Assignment& at) {
  constexpr double pi = std::numbers::pi;
  const double x = number(at, "x"), y = number(at, "y");
  const double bend = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return bend * bend + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

double hartmann(const tuning::Assignment& at) {
  static constexpr double weights[4] = {1, 1.2, 3, 3.2};
  static constexpr double steep[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                         {0.05, 10, 17, 0.1, 8, 14},
                                         {3, 3.5, 1.7, 10, 17, 8},
                                         {17, 8, 0.05, 10, 0.1, 14}};
  static constexpr double centers[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                           {2329, 4135, 8307, 3736, 1004, 9991},
                                           {2348, 1451, 3522, 2883, 3047, 6650},
                                           {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double distance = 0;
    for (int j = 0; j < 6; ++j) {
      const double off = number(at, "x" + std::to_string(j)) - 1e-4 * centers[i][j];
      distance += steep[i][j] * off * off;
    }
    sum -= weights[i] * std::exp(-distance);
  }
  return sum;
}

// Shaped like the loss of a network by its hyperparameters: a floor and a best learning rate for each
// optimizer, sizes that interact. 0 at adam, 10^-3, 4 layers, width 256, dropout 0.25.
double network(const tuning::Assignment& at) {
  struct Optimizer {
    const char* name;
    double floor, rate;
  };
  static constexpr Optimizer optimizers[] = {
      {"adam", 0, -3}, {"rmsprop", 0.06, -3.4}, {"momentum", 0.09, -1.6}, {"sgd", 0.15, -0.8}};
  const std::string& chosen = at.at("optimizer");
  const auto& optimizer = *std::find_if(std::begin(optimizers), std::end(optimizers),
                                        [&](const auto& o) { return chosen == o.name; });
  const double layers = number(at, "layers") - 4, width = std::log2(number(at, "width") / 256);
  const double rate = std::log10(number(at, "rate")) - optimizer.rate + 0.15 * layers;
  const double dropout = number(at, "dropout") - 0.25 - 0.04 * layers - 0.03 * width;
  return optimizer.floor + 0.15 * rate * rate + 0.03 * (1 - std::cos(5 * rate)) + 0.03 * layers * layers +
         0.02 * width * width + 0.8 * dropout * dropout;
}

// Branin's function, on a grid in one direction, and with a choice that shifts and lifts it.
double mixed_branin(const tuning::Assignment& at) {
  const std::string& kind = at.at("kind");
  const double shift = kind == "a" ? 0 : kind == "b" ? 2 : 5, lift = kind == "a" ? 0 : kind == "b" ? 1 : 3;
  const double x = number(at, "x"), y = number(at, "y") / 4 + shift;
  return branin({{"x", std::to_string(x)}, {"y", std::to_string(y)}}) + lift;
}

double mixed_branin_minimum() {
  double least = std::numeric_limits<double>::infinity();
  for (int y = 0; y <= 60; ++y)
    for (int x = 0; x <= 30000; ++x)
      least = std::min(
          least,
          mixed_branin({{"x", std::to_string(-5 + x * 5e-4)}, {"y", std::to_string(y)}, {"kind", "a"}}));
  return least;
}

std::vector<Function> functions() {
  using tuning::Categorical, tuning::Continuous, tuning::Integer, tuning::Scaling;
  const std::vector<tuning::Parameter> plane = {{"x", Continuous{-5, 10, Scaling::linear}},
                                                {"y", Continuous{0, 15, Scaling::linear}}};
  std::vector<tuning::Parameter> cube;
  for (int i = 0; i < 6; ++i) cube.push_back({"x" + std::to_string(i), Continuous{0, 1, Scaling::linear}});
  const std::vector<tuning::Parameter> mixed = {{"x", Continuous{-5, 10, Scaling::linear}},
                                                {"y", Integer{0, 60, Scaling::linear}},
                                                {"kind", Categorical{{"a", "b", "c"}}}};
  const std::vector<tuning::Parameter> net = {
      {"optimizer", Categorical{{"sgd", "momentum", "adam", "rmsprop"}}},
      {"rate", Continuous{1e-5, 1, Scaling::logarithmic}},
      {"layers", Integer{1, 8, Scaling::linear}},
      {"width", Integer{16, 1024, Scaling::logarithmic}},
      {"dropout", Continuous{0, 0.7, Scaling::linear}}};
  return {{"branin", plane, 0.39788736, 0, 60, 0.01, branin},
          {"hartmann6", cube, -3.32236801, 0, 100, 0.01, hartmann},
          {"branin_noisy", plane, 0.39788736, 1.0, 60, 0.5, branin},
          {"hartmann6_noisy", cube, -3.32236801, 0.1, 100, 0.1, hartmann},
          {"branin_mixed", mixed, mixed_branin_minimum(), 0, 60, 0.01, mixed_branin},
          {"network", net, 0, 0, 80, 0.01, network},
          {"network_noisy", net, 0, 0.01, 80, 0.02, network}};
}

std::unique_ptr<tuning::Search> search_of(const std::string& method, const Function& function,
                                          std::uint64_t seed) {
  const tuning::Space space(function.parameters);
  return method == "random" ? tuning::random_search(space, tuning::Goal::minimize, seed)
                            : tuning::bayesian_search(space, tuning::Goal::minimize, seed);
}

struct Run {
  std::vector<double> regrets;  // after each evaluation
  double ms = 0;                // a proposal
};

// Trials end in the order of their start, `parallel` at a time.
Run run(const Function& function, const std::string& method, std::uint64_t seed, std::size_t parallel,
        std::size_t evaluations) {
  const auto search = search_of(method, function, seed);
  std::mt19937_64 generator(seed * 7919 + 17);
  std::normal_distribution<double> noise(0, 1);
  tuning::History history;
  Run result;
  double best = std::numeric_limits<double>::infinity(), regret = best, seconds = 0;
  for (std::size_t ended = 0; ended < evaluations; ++ended) {
    const std::size_t running = history.trials.size() - ended;
    const std::size_t wanted = std::min(parallel - running, evaluations - history.trials.size());
    const auto start = Steady::now();
    for (tuning::Assignment& next : search->propose(history, wanted))
      history.trials.push_back({std::move(next), tuning::Trial::State::running, std::nullopt});
    seconds += std::chrono::duration<double>(Steady::now() - start).count();
    tuning::Trial& trial = history.trials.at(ended);
    const double value = function.value(trial.parameters);
    trial.objective = value + function.noise * noise(generator);
    trial.state = tuning::Trial::State::ended;
    if (*trial.objective < best) {
      best = *trial.objective;
      regret = value - function.minimum;
    }
    result.regrets.push_back(regret);
  }
  result.ms = 1000 * seconds / static_cast<double>(evaluations);
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Options {
  std::vector<std::string> functions, methods;
  std::vector<std::size_t> parallel;
  std::uint64_t seeds = 20, first_seed = 0;
  std::size_t evaluations = 0;  // 0: the function's
  bool csv = false, times = false;
};

void table_row(const Function& function, const std::string& method, const std::vector<Run>& runs) {
  std::printf("%-16s %-14s", function.name.c_str(), method.c_str());
  for (const std::size_t at : {20, 30, 40, 60, 100}) {
    std::vector<double> regrets;
    for (const Run& one : runs)
      if (one.regrets.size() >= at) regrets.push_back(one.regrets[at - 1]);
    if (regrets.empty())
      std::printf(" %9s", "");
    else
      std::printf(" %9.2g", median(regrets));
  }
  std::vector<double> needed;
  std::size_t solved = 0;
  double ms = 0;
  for (const Run& one : runs) {
    const auto first =
        std::find_if(one.regrets.begin(), one.regrets.end(), [&](double r) { return r <= function.solved; });
    solved += first != one.regrets.end();
    needed.push_back(first == one.regrets.end() ? 1e9 : static_cast<double>(first - one.regrets.begin() + 1));
    ms += one.ms / static_cast<double>(runs.size());
  }
  const double evaluations = median(needed);
  const std::string text = evaluations < 1e8 ? std::to_string(evaluations).substr(0, 4) : "-";
  std::printf("   %5.2g %7s %4zu/%-3zu %8.2f\n", function.solved, text.c_str(), solved, runs.size(), ms);
  std::fflush(stdout);
}

void quality(const Options& options) {
  if (options.csv)
    std::printf("function,method,seed,evaluation,regret,seconds\n");
  else
    std::printf("%-16s %-14s %9s %9s %9s %9s %9s   %5s %7s %8s %8s\n", "function", "method", "median 20",
                "30", "40", "60", "100", "until", "needed", "solved", "ms each");
  for (const Function& function : functions()) {
    if (!options.functions.empty() && std::find(options.functions.begin(), options.functions.end(),
                                                function.name) == options.functions.end())
      continue;
    for (const std::string& method : options.methods)
      for (const std::size_t parallel : options.parallel) {
        const std::string label = parallel == 1 ? method : method + "x" + std::to_string(parallel);
        std::vector<Run> runs;
        for (std::uint64_t seed = options.first_seed; seed < options.first_seed + options.seeds; ++seed) {
          runs.push_back(run(
              function, method, seed, parallel,
              options.evaluations ? options.evaluations : static_cast<std::size_t>(function.evaluations)));
          if (!options.csv) continue;
          for (std::size_t i = 0; i < runs.back().regrets.size(); ++i)
            std::printf("%s,%s,%llu,%zu,%.9g,%.4g\n", function.name.c_str(), label.c_str(),
                        static_cast<unsigned long long>(seed), i + 1, runs.back().regrets[i],
                        runs.back().ms / 1000);
        }
        if (!options.csv) table_row(function, label, runs);
      }
  }
}

// What a proposal costs with a history of random trials.
void times() {
  for (const Function& function : functions()) {
    if (function.name != "hartmann6" && function.name != "network") continue;
    for (const std::size_t observations : {20, 100, 200, 500, 2000}) {
      tuning::History history;
      for (tuning::Assignment& next : search_of("random", function, 1)->propose(history, observations)) {
        const double value = function.value(next);
        history.trials.push_back({std::move(next), tuning::Trial::State::ended, value});
      }
      std::vector<double> ms;
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const auto search = search_of("bayesian", function, seed);
        const auto start = Steady::now();
        search->propose(history, 1);
        ms.push_back(std::chrono::duration<double, std::milli>(Steady::now() - start).count());
      }
      std::printf("%-16s %5zu observations: %8.1f ms a proposal (median of 5)\n", function.name.c_str(),
                  observations, median(ms));
    }
  }
}

Options parsed(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw std::invalid_argument(name + " wants a value");
      return argv[++i];
    };
    if (name == "--function")
      options.functions.push_back(value());
    else if (name == "--method")
      options.methods.push_back(value());
    else if (name == "--parallel")
      options.parallel.push_back(std::stoul(value()));
    else if (name == "--seeds")
      options.seeds = std::stoull(value());
    else if (name == "--first-seed")
      options.first_seed = std::stoull(value());
    else if (name == "--evaluations")
      options.evaluations = std::stoul(value());
    else if (name == "--times")
      options.times = true;
    else if (name == "--csv")
      options.csv = true;
    else
      throw std::invalid_argument("no option is called " + name);
  }
  if (options.methods.empty()) options.methods = {"bayesian"};
  if (options.parallel.empty()) options.parallel = {1};
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parsed(argc, argv);
    if (!options.times) quality(options);
    if (!options.csv) times();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tuning: %s\n", error.what());
    return 1;
  }
}
