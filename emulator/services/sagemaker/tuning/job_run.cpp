#include "emulator/services/sagemaker/tuning/job_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/jobs/record.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/sagemaker/training/creation.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/sagemaker/tuning/lost_trials.hpp"
#include "emulator/services/sagemaker/tuning/operations.hpp"
#include "emulator/services/sagemaker/tuning/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"
#include "emulator/services/sagemaker/tuning/warm_start.hpp"

namespace sagemaker::local::services::tuning_job {
namespace {

constexpr std::chrono::milliseconds first_pause{100}, pause_max{5'000};
// As much of its running time a tuning job with a limit to it forgets when its emulator is killed.
constexpr std::chrono::milliseconds time_forgotten_max{1'000};

constexpr const char* unreadable = "InternalServerError: The records of the tuning job cannot be read.";
constexpr const char* internal_error =
    "InternalServerError: We encountered an internal error. Please try again.";

std::int64_t note_of(const json& document, const char* name) {
  return document.value("_notes", json::object()).value(name, std::int64_t{0});
}

std::optional<std::int64_t> convergence_of(const json& document) {
  const json details = document.value("TuningJobCompletionDetails", json::object());
  const auto time = details.find("ConvergenceDetectedTime");
  if (time == details.end()) return std::nullopt;
  return std::llround(time->get<double>() * 1000);
}

// In the order in which they ended; those that run come last, in the order of their creation.
bool ended_before(const TrialJob& a, const TrialJob& b) {
  const auto end = [](const TrialJob& trial) {
    return trial.job.document.value("TrainingEndTime", std::numeric_limits<double>::infinity());
  };
  return end(a) != end(b) ? end(a) < end(b) : a.number < b.number;
}

// Of a record that may be what cannot be read; then those that are there are all.
Counters lost_of(const json& document, const Counters& found, std::size_t trials) {
  try {
    const auto missing = note_of(document, "created") - static_cast<std::int64_t>(trials);
    return lost_counters(document, found, std::max<std::int64_t>(0, missing));
  } catch (const json::exception&) {
    return {};
  }
}

}  // namespace

TuningJobRun::TuningJobRun(Platform& platform, TrainingExecutor& training, std::string name, json document,
                           JobControl& control)
    : platform_(platform),
      training_(training),
      name_(std::move(name)),
      arn_(platform.arn(tuning_job_kind, name_)),
      document_(std::move(document)),
      control_(control),
      news_(training.objectives(), arn_),
      run_before_(note_of(document_, "run_ms")) {
  control_.on_over([this] { news_.wake(); });
}

TuningJobRun::~TuningJobRun() { control_.on_over({}); }

void TuningJobRun::run() {
  try {
    while (go_on()) {
    }
  } catch (const std::exception& error) {
    spdlog::error("hyperparameter tuning job {}: {}", name_, error.what());
    const bool unread = !course_ || dynamic_cast<const json::exception*>(&error);
    give_up(unread ? unreadable : internal_error);
  }
}

// All that is known, or no course: what is shown by one that knows a part would replace what was known
// before.
void TuningJobRun::prepare() {
  Plan plan = plan_of(document_);
  std::vector<std::vector<tuning::History::Run>> parents;
  for (const Definition& definition : plan.definitions)
    parents.push_back(parent_runs(platform_.records, document_, definition));
  course_.emplace(std::move(plan), std::move(parents), note_of(document_, "created"));
  try {
    find_trials();
  } catch (...) {
    course_.reset();
    throw;
  }
  converged_ms_ = convergence_of(document_);
}

// What earlier emulators have begun.
void TuningJobRun::find_trials() {
  // Not those of an earlier tuning job of this name: they were released before it was deleted.
  std::vector<TrialJob> trials = trials_of(platform_.records, arn_);
  if (auto best = lost_best(document_, trials)) {
    trials.push_back(std::move(*best));
    std::stable_sort(trials.begin(), trials.end(),
                     [](const TrialJob& a, const TrialJob& b) { return a.number < b.number; });
  }
  for (const TrialJob& trial : trials) {
    TrialJob begun = trial;  // first in the order of creation, for the search
    begun.status = ObjectiveStatus::pending;
    course_->know(begun);
  }
  std::stable_sort(trials.begin(), trials.end(), ended_before);
  for (const TrialJob& trial : trials) {
    course_->know(trial);
    if (trial.status == ObjectiveStatus::pending) begun_.emplace(trial.job.name, trial);
    if (const auto curve = training_.objectives().curve(trial.job.name))
      course_->hear(trial.job.name, *curve);
  }
  best_ = document_.value("BestTrainingJob", json());
  for (const TrialJob& trial : trials)
    if (!trial.job.arn.empty()) show_if_best(trial);  // of one that is lost, the document tells
  const auto missing = course_->created() - static_cast<std::int64_t>(trials.size());
  lost_ = lost_counters(document_, course_->counters(), std::max<std::int64_t>(0, missing));
}

// One look at everything, and the wait for the next; false where there is nothing left to do.
bool TuningJobRun::go_on() {
  try {
    if (!course_) prepare();
    if (!work()) return false;
  } catch (const store::DatabaseError& error) {
    if (control_.shutting_down()) return false;
    failed_to("records could not be read", error);
  }
  take(news_.wait(next_look()));
  return true;
}

bool TuningJobRun::work() {
  if (again_at_ && Clock::now() >= *again_at_) again_at_.reset();
  if (!again_at_) look_at_ended();
  publish();  // hears of a stop, too, that came before there was anybody to hear it
  const bool stopped = control_.over();
  if (control_.shutting_down()) {
    changed_ = true;  // for how long it ran, at least, of which nothing else tells the next start
    publish();
    return false;
  }
  const auto ending = stopped ? std::nullopt : course_->ending(run_time());
  if (stopped || ending) {
    stop(course_->running_freely());
    if (course_->running() > 0) return true;
    if (stopped) return conclude("Stopped", "");
    return conclude(ending->status, ending->reason);
  }
  stop(course_->not_worth_their_time());
  begin_trials();
  publish();
  note_time();
  // A search with nothing left may have been the last that there was to do.
  return course_->running() > 0 || again_at_ || !course_->ending(run_time()) || work();
}

// ---- news -----------------------------------------------------------------------------------------

void TuningJobRun::take(const ObjectiveFeed::News& news) {
  for (const std::string& job : news.reported)
    if (const auto curve = training_.objectives().curve(job); curve && course_) course_->hear(job, *curve);
  ended_.insert(news.ended.begin(), news.ended.end());
}

void TuningJobRun::look_at_ended() {
  while (!ended_.empty()) {
    const std::string job = *ended_.begin();
    ended_.erase(ended_.begin());
    try {
      look_at(job);
    } catch (const store::DatabaseError&) {
      ended_.insert(job);  // to be looked at again
      throw;
    }
  }
}

void TuningJobRun::look_at(const std::string& trial_job) {
  // Somebody may have given the name of one that was deleted to another training job.
  if (const auto record = platform_.records.find(training_job_kind, trial_job);
      record && is_trial_of(*record, arn_)) {
    const TrialJob trial = trial_of(*record);
    course_->know(trial);
    show_if_best(trial);
  } else {
    const auto objective = course_->lose(trial_job);
    if (const auto begun = begun_.find(trial_job); begun != begun_.end())
      show_if_best(lost_trial(begun->second, objective));
  }
  begun_.erase(trial_job);
  changed_ = true;
}

// Where it is known: its record may be gone a moment later.
void TuningJobRun::show_if_best(const TrialJob& trial) {
  if (const std::string* best = course_->best(); best && *best == trial.job.name) best_ = summary(trial);
}

std::chrono::milliseconds TuningJobRun::run_time() const {
  return run_before_ + std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
}

TuningJobRun::Clock::time_point TuningJobRun::next_look() const {
  Clock::time_point next = again_at_.value_or(Clock::time_point::max());
  if (!course_) return next;
  if (const auto run_s = course_->plan().runtime_s; run_s && !control_.over()) {
    const auto left = std::chrono::seconds(*run_s) - run_time();
    if (left.count() > 0) next = std::min(next, Clock::now() + left + std::chrono::milliseconds(1));
  }
  if (notes_time()) next = std::min(next, noted_ + time_forgotten_max);
  return next;
}

// ---- trials ---------------------------------------------------------------------------------------

void TuningJobRun::begin_trials() {
  while (!again_at_ && !control_.over()) {
    const std::vector<Course::Proposal> proposals = course_->proposals();
    if (proposals.empty()) return;
    try {
      for (const Course::Proposal& proposal : proposals) {
        if (control_.over()) return;
        begin(proposal);
      }
      pause_ = {};
    } catch (const store::DatabaseError& error) {
      failed_to("a training job could not be created", error);
    } catch (const std::system_error& error) {  // no thread for it
      failed_to("a training job could not be created", error);
    }
  }
}

void TuningJobRun::begin(const Course::Proposal& proposal) {
  static thread_local std::mt19937 random{std::random_device{}()};
  const Definition& definition = course_->plan().definitions[proposal.definition];
  for (;;) {
    const std::string name = trial_job_name(name_, proposal.number, static_cast<std::uint32_t>(random()));
    store::Record job = new_training_job(platform_, training_request(definition, proposal.parameters, name));
    mark_trial(job, arn_, proposal.number, definition, proposal.parameters);
    if (!training_.jobs().create(job, tags_of(platform_, arn_)))
      continue;  // somebody's job has this very name
    course_->know(begun_.emplace(name, trial_of(job)).first->second);
    changed_ = true;
    return;
  }
}

void TuningJobRun::stop(const std::vector<std::string>& trial_jobs) {
  for (const std::string& job : trial_jobs) {
    if (again_at_) return;
    try {
      training_.stop(job);  // or it has just ended, of which there will be news
      course_->stopping(job);
    } catch (const store::DatabaseError& error) {
      failed_to("a training job could not be stopped", error);
    }
  }
}

void TuningJobRun::failed_to(const std::string& what, const std::exception& error) {
  pause_ = std::clamp(2 * pause_, first_pause, pause_max);
  again_at_ = Clock::now() + pause_;
  spdlog::error("hyperparameter tuning job {}: {}, which is tried again: {}", name_, what, error.what());
}

// ---- the tuning job's own record ------------------------------------------------------------------

// False where it cannot be stored now.
bool TuningJobRun::write(const std::function<void(store::Record&, std::int64_t)>& change) {
  bool stopping = false;
  try {
    platform_.records.update(tuning_job_kind, name_, [&](store::Record& job) {
      change(job, platform_.now_ms());
      stopping = is_stopping(job);
    });
  } catch (const store::DatabaseError& error) {
    failed_to("its state could not be stored", error);
    return false;
  }
  if (stopping && !control_.over()) control_.stop();
  return true;
}

void TuningJobRun::show_progress(store::Record& job, std::int64_t now_ms) {
  if (!course_) return;
  const Progress progress{.counters = course_->counters() + lost_,
                          .best = best_,
                          .not_improving = course_->not_improving(),
                          .converged_ms = converged_ms_,
                          .runtime_s = run_time().count() / 1000};
  own_notes(job)["created"] = course_->created();
  own_notes(job)["run_ms"] = run_time().count();
  apply(job, progress, now_ms);
}

void TuningJobRun::publish() {
  if (!changed_ || again_at_) return;
  if (course_->plan().completion.on_convergence) notice_convergence();
  changed_ = !write([this](store::Record& job, std::int64_t now_ms) { show_progress(job, now_ms); });
}

// A kill would postpone the limit by all that ran since the last change, and kills again and again for ever.
bool TuningJobRun::notes_time() const {
  return course_ && course_->plan().runtime_s && !again_at_ && !control_.over();
}

void TuningJobRun::note_time() {
  if (!notes_time() || Clock::now() < noted_ + time_forgotten_max) return;
  write([this](store::Record& job, std::int64_t) { own_notes(job)["run_ms"] = run_time().count(); });
  noted_ = Clock::now();
}

// That takes a search as long as a proposal: where nothing depends on it, it is asked at the end only.
void TuningJobRun::notice_convergence() {
  if (!converged_ms_ && course_->converged()) converged_ms_ = platform_.now_ms();
}

// True where it could not be stored, and is to be tried again.
bool TuningJobRun::conclude(const std::string& status, const std::string& reason) {
  if (again_at_) return true;
  notice_convergence();
  return !write([&](store::Record& job, std::int64_t now_ms) {
    const bool stopped = is_stopping(job);
    show_progress(job, now_ms);
    finish(job, stopped ? "Stopped" : status, stopped ? "" : reason, now_ms);
  });
}

// True where it could not be stored. `trials`: the records of all, which have ended. Those tell how, even
// where they cannot be read otherwise; nothing is asked of a search, which may be what failed.
bool TuningJobRun::fail(const std::string& reason, std::span<const store::Record> trials) {
  const Counters found = counters_of(trials);
  return !write([&](store::Record& job, std::int64_t now_ms) {
    const bool stopped = is_stopping(job);
    show_progress(job, now_ms);
    show(job, found + lost_of(job.document, found, trials.size()));
    finish(job, stopped ? "Stopped" : "Failed", stopped ? "" : reason, now_ms);
  });
}

// An end without a plan, perhaps: nothing that was begun may run on with nobody to wait for it. Whatever
// fails is tried again, for a tuning job that nobody runs would have no end.
void TuningJobRun::give_up(const std::string& reason) {
  while (!control_.shutting_down()) {
    try {
      if (again_at_ && Clock::now() >= *again_at_) again_at_.reset();
      if (!again_at_ && course_) look_at_ended();
      if (!again_at_) {
        const std::vector<store::Record> trials = trial_records(platform_.records, arn_);
        if (all_stopped(trials) && !fail(reason, trials)) return;
      }
    } catch (const std::exception& error) {
      failed_to("it could not be given an end", error);
    }
    const ObjectiveFeed::News news = news_.wait(again_at_.value_or(Clock::time_point::max()));
    ended_.insert(news.ended.begin(), news.ended.end());
  }
}

// Of the records alone: what is known of the trials otherwise may not be all.
bool TuningJobRun::all_stopped(std::span<const store::Record> trials) {
  bool running = false;
  for (const store::Record& job : trials) {
    if (training_state::ended(job)) continue;
    training_.stop(job.name);
    running = true;
  }
  return !running;
}

}  // namespace sagemaker::local::services::tuning_job
