#include "emulator/services/sagemaker/tuning/course.hpp"

#include <algorithm>
#include <utility>

namespace sagemaker::local::services::tuning_job {
namespace {

// After so many trials without a single objective, the rest is not tried.
constexpr std::size_t fruitless_trials_max = 5;

bool better(double a, double b, tuning::Goal goal) { return goal == tuning::Goal::minimize ? a < b : a > b; }

// Searches of several definitions draw differently.
std::uint64_t seed_of(std::uint64_t seed, std::size_t branch) {
  return seed + 0x9E3779B97F4A7C15U * static_cast<std::uint64_t>(branch);
}

std::unique_ptr<tuning::Search> make_search(const Plan& plan, std::size_t branch) {
  const Definition& definition = plan.definitions[branch];
  const std::uint64_t seed = seed_of(plan.seed, branch);
  switch (plan.strategy) {
    case Strategy::grid:
      return tuning::grid_search(definition.space, definition.objective.goal, seed);
    case Strategy::bayesian:
      return tuning::bayesian_search(definition.space, definition.objective.goal, seed);
    case Strategy::random:
    case Strategy::hyperband:  // objectives of trials that ended at different rungs cannot be compared
      break;
  }
  return tuning::random_search(definition.space, definition.objective.goal, seed);
}

}  // namespace

struct Course::Trial {
  std::string job;
  std::size_t branch = 0;
  std::size_t place = 0;  // among those of its definition
  tuning::Assignment parameters;
  bool ended = false, condemned = false, told_to_stop = false;
  std::string status;      // of its training job
  bool retryable = false;  // it failed for an internal error
  ObjectiveStatus objective_status = ObjectiveStatus::pending;
  std::optional<double> objective;
  std::size_t judged = 0;  // values of its curve that were looked at
};

// One definition, with its own search.
struct Course::Branch {
  const Definition& definition;
  std::unique_ptr<tuning::Search> search;
  std::vector<tuning::History::Run> parents;  // of a warm start
  std::optional<tuning::Hyperband> hyperband;
  std::vector<Trial*> trials;           // in the order of their creation
  std::vector<tuning::Curve> curves;    // of those
  std::vector<tuning::Curve> averages;  // of those that ended and did not fail, for the median rule
  std::optional<std::int64_t> epochs;   // of a trial, where its hyperparameters tell
  bool exhausted = false;
};

Course::Course(Plan plan, std::vector<std::vector<tuning::History::Run>> parents, std::int64_t created)
    : plan_(std::move(plan)), created_(created) {
  parents.resize(plan_.definitions.size());
  for (std::size_t i = 0; i < plan_.definitions.size(); ++i) {
    const Definition& definition = plan_.definitions[i];
    auto branch = std::make_unique<Branch>(Branch{.definition = definition,
                                                  .search = make_search(plan_, i),
                                                  .parents = std::move(parents[i]),
                                                  .hyperband = std::nullopt,
                                                  .trials = {},
                                                  .curves = {},
                                                  .averages = {},
                                                  .epochs = inferred_max_resource(definition.document),
                                                  .exhausted = false});
    if (plan_.strategy == Strategy::hyperband && definition.max_resource)
      branch->hyperband.emplace(std::min(plan_.min_resource, *definition.max_resource),
                                *definition.max_resource, definition.objective.goal);
    branches_.push_back(std::move(branch));
  }
}

Course::~Course() = default;

// ---- what is known --------------------------------------------------------------------------------

Course::Trial* Course::find(const std::string& job) {
  const auto found = by_job_.find(job);
  return found == by_job_.end() ? nullptr : found->second;
}

void Course::know(const TrialJob& told) {
  Trial* trial = find(told.job.name);
  if (!trial) {
    const auto definition = std::find_if(
        branches_.begin(), branches_.end(),
        [&](const std::unique_ptr<Branch>& branch) { return branch->definition.name == told.definition; });
    if (definition == branches_.end()) return;
    Branch& branch = **definition;
    trial = trials_.emplace_back(std::make_unique<Trial>()).get();
    by_job_[told.job.name] = trial;
    trial->job = told.job.name;
    trial->branch = static_cast<std::size_t>(definition - branches_.begin());
    trial->place = branch.trials.size();
    trial->parameters = told.tuned;
    branch.trials.push_back(trial);
    branch.curves.emplace_back();
    ++running_;
    created_ = std::max(created_, told.number);
  }
  if (trial->ended) return;
  trial->status = told.job.status;
  trial->told_to_stop = trial->told_to_stop || told.job.status == "Stopping";
  if (told.status == ObjectiveStatus::pending) return;
  trial->retryable = is_retryable(told.job);
  trial->objective_status = told.status;
  trial->objective = told.objective;
  branches_[trial->branch]->curves[trial->place] = told.curve;
  end(*trial);
}

std::optional<double> Course::lose(const std::string& job) {
  Trial* trial = find(job);
  if (!trial || trial->ended) return std::nullopt;
  const tuning::Curve& curve = branches_[trial->branch]->curves[trial->place];
  trial->status = "Stopped";
  trial->objective_status = curve.empty() ? ObjectiveStatus::failed : ObjectiveStatus::succeeded;
  if (!curve.empty()) trial->objective = curve.back();
  end(*trial);
  return trial->objective;
}

void Course::end(Trial& trial) {
  trial.ended = true;
  --running_;
  ++ended_;
  converged_.reset();
  Branch& branch = *branches_[trial.branch];
  if (trial.status != "Failed" && plan_.early_stopping)
    branch.averages.push_back(tuning::running_averages(branch.curves[trial.place]));
  if (trial.objective_status != ObjectiveStatus::succeeded) return;
  objectives_.push_back(*trial.objective);
  if (!best_ || better(*trial.objective, *best_->objective, goal())) best_ = &trial;
}

void Course::hear(const std::string& job, const tuning::Curve& curve) {
  Trial* trial = find(job);
  if (!trial || trial->ended) return;
  tuning::Curve& known = branches_[trial->branch]->curves[trial->place];
  if (curve.size() < known.size()) trial->judged = 0;  // it began again
  known = curve;
  judge(*trial);
}

void Course::stopping(const std::string& job) {
  if (Trial* trial = find(job)) trial->told_to_stop = true;
}

// Values may have come many at once; each is judged as if it had come alone.
void Course::judge(Trial& trial) {
  const Branch& branch = *branches_[trial.branch];
  const std::size_t values = branch.curves[trial.place].size();
  while (!trial.condemned && trial.judged < values) trial.condemned = too_bad(branch, trial, ++trial.judged);
}

bool Course::too_bad(const Branch& branch, const Trial& trial, std::size_t values) const {
  if (!branch.hyperband && !plan_.early_stopping) return false;
  // After its last epoch a trial ends by itself, when it has written its model.
  if (branch.epochs && static_cast<std::int64_t>(values) == *branch.epochs) return false;
  if (branch.hyperband) return branch.hyperband->stops(trial.place, branch.curves, values);
  return tuning::median_rule_stops(branch.curves[trial.place][values - 1], values, branch.averages,
                                   branch.definition.objective.goal);
}

// ---- what follows ---------------------------------------------------------------------------------

// All definitions have the same one.
tuning::Goal Course::goal() const { return plan_.definitions.front().objective.goal; }

tuning::History Course::history(const Branch& branch) const {
  tuning::History history;
  history.parents = branch.parents;
  for (const Trial* trial : branch.trials) {
    tuning::Trial known{.parameters = trial->parameters};
    const tuning::Curve& curve = branch.curves[trial->place];
    if (!trial->ended) {
      if (!curve.empty()) known.objective = curve.back();
    } else if (trial->objective_status == ObjectiveStatus::succeeded) {
      known.state = tuning::Trial::State::ended;
      known.objective = trial->objective;
    } else {
      known.state = tuning::Trial::State::failed;
    }
    history.trials.push_back(std::move(known));
  }
  return history;
}

std::vector<Course::Proposal> Course::proposals() {
  const auto left = static_cast<std::int64_t>(plan_.trials_max) - created_;
  if (left <= 0 || running_ >= plan_.parallel_max) return {};
  const std::size_t free = std::min(plan_.parallel_max - running_, static_cast<std::size_t>(left));
  for (;;) {  // until a search has something, or none has
    std::vector<Proposal> proposals;
    const std::vector<std::size_t> shares = shares_of(free);
    for (std::size_t i = 0; i < branches_.size(); ++i) {
      if (shares[i] == 0) continue;
      auto found = branches_[i]->search->propose(history(*branches_[i]), shares[i]);
      branches_[i]->exhausted = found.size() < shares[i];
      for (auto& parameters : found)
        proposals.push_back(
            {i, created_ + 1 + static_cast<std::int64_t>(proposals.size()), std::move(parameters)});
    }
    if (!proposals.empty() || exhausted()) return proposals;
  }
}

// How many of the next trials each definition gets: even shares of all trials, as long as it has something to
// try.
std::vector<std::size_t> Course::shares_of(std::size_t free) const {
  std::vector<std::size_t> shares(branches_.size());
  for (; free > 0; --free) {
    std::optional<std::size_t> next;
    const auto trials = [&](std::size_t i) { return branches_[i]->trials.size() + shares[i]; };
    for (std::size_t i = 0; i < branches_.size(); ++i)
      if (!branches_[i]->exhausted && (!next || trials(i) < trials(*next))) next = i;
    if (!next) break;
    ++shares[*next];
  }
  return shares;
}

bool Course::exhausted() const {
  return std::all_of(branches_.begin(), branches_.end(),
                     [](const auto& branch) { return branch->exhausted; });
}

std::vector<std::string> Course::not_worth_their_time() const {
  std::vector<std::string> jobs;
  for (const auto& trial : trials_)
    if (!trial->ended && trial->condemned && !trial->told_to_stop) jobs.push_back(trial->job);
  return jobs;
}

std::vector<std::string> Course::running_freely() const {
  std::vector<std::string> jobs;
  for (const auto& trial : trials_)
    if (!trial->ended && !trial->told_to_stop) jobs.push_back(trial->job);
  return jobs;
}

const std::optional<Course::Ending>& Course::ending(std::chrono::milliseconds run) {
  if (!ending_) ending_ = find_ending(run);
  return ending_;
}

std::optional<Course::Ending> Course::find_ending(std::chrono::milliseconds run) {
  const Ending completed{.status = "Completed", .reason = {}};
  const Completion& completion = plan_.completion;
  if (completion.target && best_ && !better(*completion.target, *best_->objective, goal())) return completed;
  if (completion.not_improving && tuning::not_improving(objectives_, *completion.not_improving, goal()))
    return completed;
  if (completion.on_convergence && converged()) return completed;
  if (plan_.runtime_s && run >= std::chrono::seconds(*plan_.runtime_s)) return completed;
  const bool all_tried =
      running_ == 0 && (exhausted() || created_ >= static_cast<std::int64_t>(plan_.trials_max));
  if (const auto failed = fruitless(all_tried)) return failed;
  if (all_tried) return completed;
  return std::nullopt;
}

// A failure where no trial has an objective, after a few of them or after all.
std::optional<Course::Ending> Course::fruitless(bool all_tried) const {
  if (best_ || ended_ == 0 || (!all_tried && ended_ < fruitless_trials_max)) return std::nullopt;
  const bool all_failed = std::all_of(trials_.begin(), trials_.end(), [](const auto& trial) {
    return !trial->ended || trial->status == "Failed";
  });
  const std::string count = std::to_string(ended_);
  if (!all_failed)
    return Ending{"Failed", "No objective metrics found after running " + count +
                                " training jobs. Please ensure that the custom algorithm is emitting the "
                                "objective metric as defined by the regular expression provided."};
  if (ended_ >= fruitless_trials_max)
    return Ending{"Failed", "No training job succeeded after " + count +
                                " attempts. Please take a look at the training job failures to get more "
                                "details."};
  return Ending{"Failed",
                "All training jobs failed. Please take a look at the training job failures to get more "
                "details."};
}

// ---- what is shown --------------------------------------------------------------------------------

Counters Course::counters() const {
  Counters counters;
  for (const auto& trial : trials_) {
    if (!trial->ended)
      ++counters.in_progress;
    else if (trial->status == "Completed")
      ++counters.completed;
    else if (trial->status == "Stopped")
      ++counters.stopped;
    else
      ++(trial->retryable ? counters.retryable_error : counters.non_retryable_error);
    if (trial->objective_status == ObjectiveStatus::succeeded)
      ++counters.succeeded;
    else
      ++(trial->ended ? counters.failed : counters.pending);
  }
  return counters;
}

const std::string* Course::best() const { return best_ ? &best_->job : nullptr; }

// The more of the last trials are looked at, the sooner is an improvement among them.
std::int64_t Course::not_improving() const {
  std::size_t without = 0, with = objectives_.size();
  while (with - without > 1) {
    const std::size_t trials = without + (with - without) / 2;
    (tuning::not_improving(objectives_, trials, goal()) ? without : with) = trials;
  }
  return static_cast<std::int64_t>(without);
}

bool Course::converged() {
  if (!converged_)
    converged_ = best_ && std::all_of(branches_.begin(), branches_.end(), [&](const auto& branch) {
                   return branch->search->converged(history(*branch));
                 });
  return *converged_;
}

}  // namespace sagemaker::local::services::tuning_job
