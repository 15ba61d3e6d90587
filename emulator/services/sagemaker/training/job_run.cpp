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

namespace sagemaker::local::services {
namespace {

namespace fs = std::filesystem;
using runner::TrainingOutcome;
using Cause = TrainingControl::Cause;
using Kind = TrainingOutcome::Kind;

constexpr std::string_view internal_error =
    "InternalServerError: We encountered an internal error. Please try again.";

bool has_files(const fs::path& directory) { return fs::exists(directory) && !fs::is_empty(directory); }

bool stopping(const store::Record& job) { return job.status == "Stopping"; }

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

}  // namespace

// What came of the instances that were held once.
struct TrainingJobRun::Attempt {
  TrainingOutcome outcome;
  Cause cause = Cause::none;  // what ended it from outside
  bool published = false;     // the model is in S3
  json metrics = json::array();
};

TrainingJobRun::TrainingJobRun(TrainingSite& site, std::string name, json document, TrainingControl& control)
    : site_(site),
      platform_(site.platform),
      name_(std::move(name)),
      document_(std::move(document)),
      control_(control),
      root_(platform_.work_directory / "training" / name_) {
  const json notes = document_.value("_notes", json::object());
  retries_ = notes.value("retries", 0);
}

void TrainingJobRun::run() {
  std::error_code ignored;
  try {
    while (attempt()) continue;
  } catch (const std::exception& error) {
    spdlog::error("training job {}: {}", name_, error.what());
    fs::remove_all(root_, ignored);
    try {
      change([&](store::Record& job, std::int64_t now) {
        training_state::fail(job, std::string("InternalServerError: ") + error.what(), now);
      });
    } catch (const std::exception& second) {
      spdlog::error("training job {}: its state could not be stored: {}", name_, second.what());
    }
  }
}

void TrainingJobRun::change(const Change& apply) {
  platform_.records.update(training_job_kind, name_,
                           [&](store::Record& job) { apply(job, platform_.now_ms()); });
}

bool TrainingJobRun::attempt() {
  Attempt attempt;
  {
    Capacity::Claim claim(site_.capacity, instances_of(document_));
    if (!wait_for_instances(claim)) return false;
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

std::optional<std::int64_t> TrainingJobRun::wait_deadline_ms() const {
  const json& stopping_condition = document_.at("StoppingCondition");
  const auto wait = stopping_condition.find("MaxWaitTimeInSeconds");
  if (wait == stopping_condition.end()) return std::nullopt;
  const double created_s = document_.at("CreationTime");
  return static_cast<std::int64_t>(created_s * 1000.0) + wait->get<std::int64_t>() * 1000;
}

// False where the job has ended, or goes on at the next start.
bool TrainingJobRun::wait_for_instances(Capacity::Claim& claim) {
  const auto wait_deadline = wait_deadline_ms();
  const std::int64_t pending_s =
      document_.at("StoppingCondition").value("MaxPendingTimeInSeconds", std::int64_t{0});
  const std::int64_t pending_deadline = platform_.now_ms() + pending_s * 1000;
  const auto past = [&](std::int64_t deadline) { return platform_.now_ms() >= deadline; };
  const auto give_up = [&] {
    return control_.over() || (wait_deadline && past(*wait_deadline)) ||
           (pending_s > 0 && past(pending_deadline));
  };
  const bool waits = !claim.granted();
  if (waits) {
    change([](store::Record& job, std::int64_t now) {
      if (!stopping(job)) training_state::enter(job, "Pending", "Training job waiting for capacity", now);
    });
  }
  if (!claim.wait(give_up) || give_up()) {
    if (control_.shutting_down()) return false;
    change([&](store::Record& job, std::int64_t now) {
      if (stopping(job) || control_.over())
        training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
      else if (wait_deadline && now >= *wait_deadline)
        training_state::finish(job, "Stopped", "MaxWaitTimeExceeded",
                               "Training job runtime exceeded MaxWaitTimeInSeconds provided", now);
      else
        training_state::finish(job, "Stopped", "Stopped",
                               "Training job was pending for longer than MaxPendingTimeInSeconds provided",
                               now);
    });
    return false;
  }
  if (waits) {
    change([](store::Record& job, std::int64_t now) {
      if (!stopping(job)) training_state::enter(job, "Starting", "Launching requested ML instances", now);
    });
  }
  return true;
}

// Of a warm pool that fits, or a new one where this job will keep its instances.
void TrainingJobRun::find_cache(runner::TrainingSpec& spec) {
  const bool keeps = document_.at("ResourceConfig").value("KeepAlivePeriodInSeconds", 0) > 0;
  if (cache_.empty()) {
    if (auto kept = site_.warm_pools.take(name_, document_))
      cache_ = std::move(*kept);
    else if (keeps)
      cache_ = site_.warm_pools.new_cache(name_);
  }
  spec.warm_pool_cache = cache_;
  if (keeps)
    change([](store::Record& job, std::int64_t) { job.document["WarmPoolStatus"] = {{"Status", "InUse"}}; });
}

// MaxRuntimeInSeconds is for all attempts together.
std::int64_t TrainingJobRun::run_ms_left() {
  std::int64_t held = 0;
  change([&](store::Record& job, std::int64_t now) { held = training_state::held_ms(job, now); });
  return document_.at("StoppingCondition").at("MaxRuntimeInSeconds").get<std::int64_t>() * 1000 - held;
}

std::vector<std::string> TrainingJobRun::open_streams(int hosts) {
  std::vector<std::string> streams;
  const std::string epoch = std::to_string(platform_.now_ms() / 1000);
  for (int host = 1; host <= hosts; ++host) {
    streams.push_back(name_ + "/algo-" + std::to_string(host) + "-" + epoch);
    platform_.logs.open_stream(training_log_group, streams.back());
  }
  return streams;
}

// ---- an attempt -----------------------------------------------------------------------------------

TrainingJobRun::Attempt TrainingJobRun::train(const runner::TrainingSpec& given) {
  runner::TrainingSpec spec = given;
  spec.run_seconds_max = std::chrono::seconds(std::max<std::int64_t>(0, (run_ms_left() + 999) / 1000));
  const std::vector<std::string> streams = open_streams(spec.instance_count);
  const auto say = [&](const std::string& line) {
    platform_.logs.write(training_log_group, streams[0], line);
  };
  // The namespace has the name of the log group.
  MetricPublisher published(platform_.metrics, training_log_group, {{"TrainingJobName", name_}});
  MetricScanner metrics(document_.at("AlgorithmSpecification").value("MetricDefinitions", json::array()),
                        platform_.clock, &published, say);
  TrainingSideWork::Plan plan{.reclaim_after = {}, .deadline_ms = wait_deadline_ms(), .say = {}};
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
  events.on_prepared = [&] { side_work.begin(); };
  events.on_phase = [&](runner::TrainingPhase phase) {
    const Cause cause = control_.cause();
    change([&](store::Record& job, std::int64_t now) {
      if (stopping(job)) return;  // the secondary status stays Stopping until the end
      if (phase == runner::TrainingPhase::downloading)
        training_state::enter(job, "Downloading", "Downloading input data", now);
      else if (phase == runner::TrainingPhase::training)
        training_state::enter(job, "Training", "Training image download completed. Training in progress.",
                              now);
      else if (cause != Cause::reclaimed && cause != Cause::breakdown)
        training_state::enter(job, "Uploading", "Uploading generated training model", now);
    });
  };
  change([&](store::Record& job, std::int64_t now) {
    training_state::take_instances(job, now);
    if (stopping(job))
      control_.stop();  // StopTrainingJob came before there was a job to tell
    else
      training_state::say(job, "Preparing the instances for training", now);
  });

  Attempt attempt;
  const auto signal = control_.begin_attempt();
  attempt.outcome = runner::TrainingRunner(platform_.sandbox, platform_.addresses, platform_.limits.runner)
                        .run(spec, events, *signal);
  attempt.cause = control_.end_attempt();
  side_work.end();
  platform_.logs.flush();
  attempt.metrics = metrics.final_metrics();
  published.flush();
  if (attempt.outcome.kind != Kind::stopped && attempt.cause != Cause::shutdown &&
      attempt.cause != Cause::breakdown)
    attempt.cause = Cause::none;  // it had ended by itself
  publish(attempt);
  return attempt;
}

// What is there is stored, but for an attempt that another one follows, or may follow.
void TrainingJobRun::publish(Attempt& attempt) {
  if (attempt.cause == Cause::reclaimed || attempt.cause == Cause::breakdown || left_for_later(attempt))
    return;
  const auto shut_down = [this] { return control_.shutting_down(); };
  try {
    const bool began = !attempt.outcome.model_directory.empty();  // and was not stopped before
    if (began && attempt.outcome.kind != Kind::failed && !(attempt.cause == Cause::shutdown)) {
      publish_artifacts(platform_, document_, attempt.outcome.model_directory, "model", shut_down);
      attempt.published = true;
    }
    if (attempt.cause != Cause::shutdown && has_files(attempt.outcome.output_directory))
      publish_artifacts(platform_, document_, attempt.outcome.output_directory, "output", shut_down);
  } catch (const runner::ArchiveCancelled&) {
    attempt.cause = Cause::shutdown;
    attempt.outcome.kind = Kind::stopped;
  } catch (const std::exception& error) {
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason = std::string("ClientError: Artifact upload failed: ") + error.what();
  }
}

// ---- after an attempt -----------------------------------------------------------------------------

// Shut down with the emulator, and of a kind that may lose its instances: the next start goes on with it.
bool TrainingJobRun::left_for_later(const Attempt& attempt) const {
  if (attempt.cause != Cause::shutdown || attempt.outcome.kind != Kind::stopped) return false;
  return document_.value("EnableManagedSpotTraining", false) || document_.contains("RetryStrategy");
}

bool TrainingJobRun::conclude(Attempt& attempt) {
  if (attempt.cause == Cause::breakdown) {
    attempt.outcome.kind = Kind::failed;
    attempt.outcome.failure_reason = internal_error;
  }
  if (attempt.cause == Cause::reclaimed) {
    ++interruptions_;
    if (start_again("Interrupted", "Training job interrupted. Waiting for spot instances")) {
      control_.pause(site_.settings.spot.away);
      change([](store::Record& job, std::int64_t now) {
        if (!stopping(job)) training_state::enter(job, "Starting", "Launching requested ML instances", now);
      });
    }
    return true;
  }
  const int retries = document_.value("RetryStrategy", json::object()).value("MaximumRetryAttempts", 0);
  if (is_internal_error(attempt.outcome) && attempt.cause != Cause::shutdown && retries_ < retries) {
    ++retries_;
    spdlog::warn("training job {}: retry {} of {} after {}", name_, retries_, retries,
                 attempt.outcome.failure_reason);
    start_again("Starting", "Starting the training job");
    return true;
  }
  finish(attempt);
  return false;
}

// False where the job is being stopped; the next attempt sees that.
bool TrainingJobRun::start_again(std::string_view secondary_status, std::string_view message) {
  bool again = false;
  change([&](store::Record& job, std::int64_t now) {
    training_state::give_instances_back(job, now);
    training_state::own_notes(job)["retries"] = retries_;
    again = !stopping(job);
    if (again) training_state::enter(job, secondary_status, message, now);
  });
  return again;
}

void TrainingJobRun::finish(const Attempt& attempt) {
  const TrainingOutcome& outcome = attempt.outcome;
  const bool keeps = outcome.kind == Kind::completed &&
                     document_.at("ResourceConfig").value("KeepAlivePeriodInSeconds", 0) > 0;
  std::error_code ignored;
  if (!keeps && !cache_.empty()) fs::remove_all(cache_, ignored);
  if (keeps) site_.warm_pools.keep(name_, document_, cache_);
  change([&](store::Record& job, std::int64_t now) {
    if (attempt.published)
      job.document["ModelArtifacts"] = {{"S3ModelArtifacts", model_artifacts_uri(document_)}};
    if (!attempt.metrics.empty()) job.document["FinalMetricDataList"] = attempt.metrics;
    if (job.document.contains("WarmPoolStatus"))
      job.document["WarmPoolStatus"] = {{"Status", keeps ? "Available" : "Terminated"},
                                        {"ResourceRetainedBillableTimeInSeconds", 0}};
    if (left_for_later(attempt) && !stopping(job)) {
      training_state::give_instances_back(job, now);
      training_state::enter(job, "Interrupted", "Training job interrupted. Waiting for instances", now);
    } else if (attempt.cause == Cause::shutdown && outcome.kind == Kind::stopped && !stopping(job)) {
      training_state::fail(job, "InternalServerError: sagemaker-local was shut down while the job ran.", now);
    } else if (outcome.kind == Kind::failed) {
      training_state::fail(job, outcome.failure_reason, now);
    } else if (attempt.cause == Cause::out_of_time) {
      training_state::finish(job, "Stopped", "MaxWaitTimeExceeded",
                             "Training job runtime exceeded MaxWaitTimeInSeconds provided", now);
    } else if (outcome.kind == Kind::stopped) {
      training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
    } else if (outcome.kind == Kind::max_runtime_exceeded) {
      training_state::finish(job, "Stopped", "MaxRuntimeExceeded",
                             "Training job runtime exceeded MaxRuntimeInSeconds provided", now);
    } else {
      training_state::finish(job, "Completed", "Completed",
                             keeps ? "Resource retained for reuse" : "Training job completed", now);
    }
  });
}

}  // namespace sagemaker::local::services
