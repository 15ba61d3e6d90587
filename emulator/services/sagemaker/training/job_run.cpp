#include "emulator/services/sagemaker/training/job_run.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/training/artifacts.hpp"
#include "emulator/services/sagemaker/training/metric_scanner.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/request.hpp"
#include "emulator/services/sagemaker/training/side_work.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/sagemaker/tuning/trials.hpp"

namespace sagemaker::local::services {
namespace {

namespace fs = std::filesystem;
using runner::TrainingOutcome;
using Cause = JobControl::Cause;
using Kind = TrainingOutcome::Kind;

using Clock = std::chrono::steady_clock;

constexpr std::string_view wait_time_exceeded = "Training job runtime exceeded MaxWaitTimeInSeconds provided";
constexpr std::string_view internal_error =
    "InternalServerError: We encountered an internal error. Please try again.";

bool has_files(const fs::path& directory) { return fs::exists(directory) && !fs::is_empty(directory); }

bool is_internal_error(const TrainingOutcome& outcome) {
  return outcome.kind == Kind::failed && outcome.failure_reason.starts_with("InternalServerError");
}

int instances_of(const json& job) {
  const json& resources = job.at("ResourceConfig");
  if (!resources.contains("InstanceGroups")) return resources.at("InstanceCount");
  int count = 0;
  for (const json& group : resources["InstanceGroups"]) count += group.at("InstanceCount").get<int>();
  return count;
}

std::int64_t keep_alive_s(const json& job) {
  return job.at("ResourceConfig").value("KeepAlivePeriodInSeconds", std::int64_t{0});
}

}  // namespace

// What came of the instances that were held once.
struct TrainingJobRun::Attempt {
  TrainingOutcome outcome;
  Cause cause = Cause::none;  // what ended it from outside
  bool published = false;     // the model is in S3
  json metrics = json::array();
};

TrainingJobRun::TrainingJobRun(TrainingSite& site, std::string name, json document, JobControl& control)
    : site_(site),
      platform_(site.platform),
      name_(std::move(name)),
      document_(std::move(document)),
      control_(control),
      record_(platform_, training_job_kind, "training job", name_, control),
      claim_(std::make_unique<Capacity::Claim>(site.capacity, instances_of(document_), &control)),
      root_(platform_.work_directory / "training" / name_) {
  const json notes = document_.value("_notes", json::object());
  retries_ = notes.value("retries", 0);
  if (const auto arn = document_.find("TuningJobArn"); arn != document_.end())
    objective_ = std::make_unique<ObjectiveFeed::Source>(
        site.objectives, *arn, name_, document_.at("HyperParameters").at("_tuning_objective_metric"));
  const json& stopping_condition = document_.at("StoppingCondition");
  if (const auto wait = stopping_condition.find("MaxWaitTimeInSeconds"); wait != stopping_condition.end()) {
    const auto created_ms = static_cast<std::int64_t>(document_.at("CreationTime").get<double>() * 1000.0);
    const std::int64_t passed_ms = std::max<std::int64_t>(0, platform_.now_ms() - created_ms);
    wait_deadline_ =
        Clock::now() + std::chrono::seconds(wait->get<std::int64_t>()) - std::chrono::milliseconds(passed_ms);
  }
}

void TrainingJobRun::run() {
  std::error_code ignored;
  try {
    while (attempt()) continue;
  } catch (const std::exception& error) {
    spdlog::error("training job {}: {}", name_, error.what());
    claim_.reset();
    fs::remove_all(root_, ignored);
    site_.warm_pools.forget(name_);
    const std::string reason = std::string("InternalServerError: ") + error.what();
    try {
      record_.settle([&](store::Record& job, std::int64_t now) {
        if (!training_state::ended(job)) training_state::fail(job, reason, now);
      });
    } catch (const std::exception& second) {
      spdlog::error("training job {}: its state could not be stored: {}", name_, second.what());
    }
  }
  if (!cache_.empty()) fs::remove_all(cache_, ignored);
}

bool TrainingJobRun::attempt() {
  Attempt attempt;
  {
    const auto claim =
        claim_ ? std::move(claim_)
               : std::make_unique<Capacity::Claim>(site_.capacity, instances_of(document_), &control_);
    if (!wait_for_instances(*claim)) return false;
    std::error_code ignored;
    fs::remove_all(root_, ignored);
    runner::TrainingSpec spec = training_spec(document_, platform_);
    spec.root = root_;
    find_cache(spec);
    attempt = train(spec);
    // Before the last state: from then on the job may be deleted and its name be taken again, folder and all.
    fs::remove_all(root_, ignored);
  }
  return conclude(attempt);
}

// ---- before an attempt ----------------------------------------------------------------------------

// False where the job has ended, or goes on at the next start.
bool TrainingJobRun::wait_for_instances(Capacity::Claim& claim) {
  const std::chrono::seconds pending(
      document_.at("StoppingCondition").value("MaxPendingTimeInSeconds", std::int64_t{0}));
  const auto pending_deadline = Clock::now() + pending;
  const auto out_of_time = [&] { return wait_deadline_ && Clock::now() >= *wait_deadline_; };
  const auto give_up = [&] {
    return control_.over() || out_of_time() || (pending.count() > 0 && Clock::now() >= pending_deadline);
  };
  const bool waits = !claim.granted();
  if (waits) {
    record_.note([](store::Record& job, std::int64_t now) {
      if (!is_stopping(job)) training_state::enter(job, "Pending", "Training job waiting for capacity", now);
    });
  }
  if (!claim.wait(give_up) || control_.over() || out_of_time()) {
    if (!control_.shutting_down()) give_up_waiting(out_of_time());
    return false;
  }
  if (waits) {
    record_.note([](store::Record& job, std::int64_t now) {
      if (!is_stopping(job)) training_state::enter(job, "Starting", "Launching requested ML instances", now);
    });
  }
  return true;
}

void TrainingJobRun::give_up_waiting(bool out_of_time) {
  record_.settle([&](store::Record& job, std::int64_t now) {
    if (is_stopping(job))
      training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
    else if (out_of_time)
      training_state::finish(job, "Stopped", "MaxWaitTimeExceeded", wait_time_exceeded, now);
    else
      training_state::finish(job, "Stopped", "Stopped",
                             "Training job was pending for longer than MaxPendingTimeInSeconds provided",
                             now);
  });
}

// Of a warm pool that fits, or a new one where this job will keep its instances.
void TrainingJobRun::find_cache(runner::TrainingSpec& spec) {
  if (cache_.empty()) {
    if (auto kept = site_.warm_pools.take(name_, document_))
      cache_ = std::move(*kept);
    else if (keep_alive_s(document_) > 0)
      cache_ = site_.warm_pools.new_cache(name_);
  }
  spec.warm_pool_cache = cache_;
}

// MaxRuntimeInSeconds is for all attempts together.
std::chrono::seconds TrainingJobRun::run_time_left(const json& job) const {
  const auto held_ms = job.value("_notes", json::object()).value("held_ms", std::int64_t{0});
  const auto run_ms = document_.at("StoppingCondition").at("MaxRuntimeInSeconds").get<std::int64_t>() * 1000;
  return std::chrono::seconds(std::max<std::int64_t>(0, (run_ms - held_ms + 999) / 1000));
}

// ---- an attempt -----------------------------------------------------------------------------------

TrainingJobRun::Attempt TrainingJobRun::train(const runner::TrainingSpec& given) {
  runner::TrainingSpec spec = given;
  record_.change([&](store::Record& job, std::int64_t now) {
    // With checkpoints it goes on where it was, and so do its values.
    if (objective_)
      objective_->begin(document_.contains("CheckpointConfig") ? tuning_job::trial_of(job).curve
                                                               : tuning::Curve());
    spec.run_seconds_max = run_time_left(job.document);
    training_state::take_instances(job, now);
    if (!is_stopping(job)) training_state::say(job, "Preparing the instances for training", now);
    if (keep_alive_s(job.document) > 0) job.document["WarmPoolStatus"] = {{"Status", "InUse"}};
  });
  const std::vector<std::string> streams =
      open_host_streams(platform_, training_log_group, name_, spec.instance_count);
  const auto say = [&](const std::string& line) {
    platform_.logs.write(training_log_group, streams[0], line);
  };
  MetricScanner::Hear hear;
  if (objective_) hear = [this](const std::string& name, double value) { objective_->report(name, value); };
  // The namespace has the name of the log group.
  MetricPublisher published(platform_.metrics, training_log_group, {{"TrainingJobName", name_}});
  MetricScanner metrics(document_.at("AlgorithmSpecification").value("MetricDefinitions", json::array()),
                        platform_.clock, &published, say, hear);
  TrainingSideWork::Plan plan{.reclaim_after = {}, .deadline = wait_deadline_, .say = {}};
  const TrainingSettings::Spot& spot = site_.settings.spot;
  if (document_.value("EnableManagedSpotTraining", false) && spot.after.count() > 0 &&
      interruptions_ < spot.times)
    plan.reclaim_after = spot.after;
  plan.say = say;
  TrainingSideWork side_work(platform_, document_, spec, control_, plan);

  runner::TrainingEvents events;
  events.on_line = [&](int host, std::string_view line) {
    platform_.logs.write(training_log_group, streams[static_cast<std::size_t>(host)], line);
    metrics.scan(line);
  };
  const auto signal = control_.begin_attempt();
  events.on_prepared = [&] { side_work.begin(*signal); };
  events.on_ended = [&] { side_work.end(); };
  events.on_phase = [&](runner::TrainingPhase phase) {
    const Cause cause = control_.cause();
    const bool again = cause == Cause::reclaimed || cause == Cause::breakdown || may_go_on_later(cause);
    if (phase == runner::TrainingPhase::uploading && again) return;
    record_.note([&](store::Record& job, std::int64_t now) {
      if (is_stopping(job)) return;  // the secondary status stays Stopping until the end
      if (phase == runner::TrainingPhase::downloading)
        training_state::enter(job, "Downloading", "Downloading input data", now);
      else if (phase == runner::TrainingPhase::training)
        training_state::enter(job, "Training", "Training image download completed. Training in progress.",
                              now);
      else
        training_state::enter(job, "Uploading", "Uploading generated training model", now);
    });
  };

  Attempt attempt;
  attempt.outcome = runner::TrainingRunner(platform_.sandbox, platform_.addresses, platform_.limits.runner)
                        .run(spec, events, *signal);
  attempt.cause = control_.end_attempt();
  side_work.end();
  platform_.logs.flush();
  attempt.metrics = metrics.final_metrics();
  published.flush();
  if (attempt.outcome.kind != Kind::stopped && attempt.cause != Cause::breakdown)
    attempt.cause = Cause::none;  // it had ended by itself
  publish(attempt);
  return attempt;
}

// What is there is stored, but for an attempt that another one follows, or may follow.
void TrainingJobRun::publish(Attempt& attempt) {
  if (attempt.cause == Cause::reclaimed || attempt.cause == Cause::breakdown ||
      attempt.cause == Cause::shutdown)
    return;
  const auto shut_down = [this] { return control_.shutting_down(); };
  try {
    // No folder: it was stopped before there was one.
    if (attempt.outcome.kind != Kind::failed && !attempt.outcome.model_directory.empty()) {
      publish_artifacts(platform_, document_, attempt.outcome.model_directory, "model", shut_down);
      attempt.published = true;
    }
    if (has_files(attempt.outcome.output_directory))
      publish_artifacts(platform_, document_, attempt.outcome.output_directory, "output", shut_down);
  } catch (const runner::ArchiveCancelled&) {
    attempt.cause = Cause::shutdown;
    attempt.outcome.kind = Kind::stopped;
  } catch (const std::system_error& error) {  // this machine's disk, which the job can do nothing about
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason =
        std::string("InternalServerError: Artifact upload failed: ") + error.what();
  } catch (const store::DatabaseError& error) {
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason =
        std::string("InternalServerError: Artifact upload failed: ") + error.what();
  } catch (const std::exception& error) {
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason = std::string("ClientError: Artifact upload failed: ") + error.what();
  }
}

// ---- after an attempt -----------------------------------------------------------------------------

// Shut down with the emulator, and of a kind that may lose its instances: the next start goes on with it.
bool TrainingJobRun::may_go_on_later(Cause cause) const {
  return cause == Cause::shutdown && (document_.value("EnableManagedSpotTraining", false) ||
                                      document_.contains("RetryStrategy") || objective_);
}

bool TrainingJobRun::conclude(Attempt& attempt) {
  if (attempt.cause == Cause::breakdown) {
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason = internal_error;
  }
  if (attempt.cause == Cause::reclaimed) {
    ++interruptions_;
    if (!start_again(attempt, "Interrupted", "Training job interrupted. Waiting for spot instances"))
      return true;
    auto away = site_.settings.spot.away;
    if (wait_deadline_)
      away = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*wait_deadline_ - Clock::now()),
                        std::chrono::milliseconds(0), away);
    if (control_.pause(away)) {
      record_.note([](store::Record& job, std::int64_t now) {
        if (!is_stopping(job))
          training_state::enter(job, "Starting", "Launching requested ML instances", now);
      });
    }
    return true;
  }
  const int retries = document_.value("RetryStrategy", json::object()).value("MaximumRetryAttempts", 0);
  if (is_internal_error(attempt.outcome) && !control_.shutting_down() && retries_ < retries) {
    ++retries_;
    spdlog::warn("training job {}: retry {} of {} after {}", name_, retries_, retries,
                 attempt.outcome.failure_reason);
    start_again(attempt, "Starting", "Starting the training job");
    return true;
  }
  finish(attempt);
  return false;
}

// False where the job is being stopped, or the emulator is; the next attempt sees that.
bool TrainingJobRun::start_again(const Attempt& attempt, std::string_view secondary_status,
                                 std::string_view message) {
  bool again = false;
  const bool stored = record_.settle([&](store::Record& job, std::int64_t now) {
    training_state::give_instances_back(job, now);
    training_state::own_notes(job)["retries"] = retries_;
    training_state::add_metrics(job, attempt.metrics);
    note_objective(job);
    again = !is_stopping(job);
    if (again) training_state::enter(job, secondary_status, message, now);
  });
  return stored && again;
}

void TrainingJobRun::finish(const Attempt& attempt) {
  bool keeps = false;
  const bool stored = record_.settle([&](store::Record& job, std::int64_t now) {
    training_state::add_metrics(job, attempt.metrics);
    note_objective(job);
    if (may_go_on_later(attempt.cause) && !is_stopping(job)) {
      training_state::give_instances_back(job, now);
      training_state::enter(job, "Interrupted", "Training job interrupted. Waiting for instances", now);
      return;
    }
    if (attempt.published)
      job.document["ModelArtifacts"] = {{"S3ModelArtifacts", model_artifacts_uri(document_)}};
    // UpdateTrainingJob may have changed for how long.
    const std::int64_t keep_alive = keep_alive_s(job.document);
    keeps = attempt.outcome.kind == Kind::completed && !is_stopping(job) && keep_alive > 0 && !cache_.empty();
    end(job, attempt, keeps, now);
    if (!keeps) return;
    job.document["WarmPoolStatus"] = {{"Status", "Available"}, {"ResourceRetainedBillableTimeInSeconds", 0}};
    site_.warm_pools.keep(name_, document_, keep_alive, cache_);
  });
  if (!keeps) return;
  if (stored)
    cache_.clear();  // it is the pool's now
  else
    site_.warm_pools.forget(name_);
}

void TrainingJobRun::note_objective(store::Record& job) const {
  if (objective_) tuning_job::note_curve(job, objective_->curve());
}

// The last state.
void TrainingJobRun::end(store::Record& job, const Attempt& attempt, bool keeps, std::int64_t now) {
  const TrainingOutcome& outcome = attempt.outcome;
  if (outcome.kind == Kind::failed && !(is_stopping(job) && is_internal_error(outcome))) {
    training_state::fail(job, outcome.failure_reason, now);
  } else if (attempt.cause == Cause::shutdown && !is_stopping(job)) {
    training_state::fail(job, "InternalServerError: sagemaker-local was shut down while the job ran.", now);
  } else if (is_stopping(job) || (outcome.kind == Kind::stopped && attempt.cause != Cause::out_of_time)) {
    training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
  } else if (attempt.cause == Cause::out_of_time) {
    training_state::finish(job, "Stopped", "MaxWaitTimeExceeded", wait_time_exceeded, now);
  } else if (outcome.kind == Kind::max_runtime_exceeded) {
    training_state::finish(job, "Stopped", "MaxRuntimeExceeded",
                           "Training job runtime exceeded MaxRuntimeInSeconds provided", now);
  } else {
    training_state::finish(job, "Completed", "Completed",
                           keeps ? "Resource retained for reuse" : "Training job completed", now);
  }
}

}  // namespace sagemaker::local::services
