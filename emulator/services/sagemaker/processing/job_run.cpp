#include "emulator/services/sagemaker/processing/job_run.hpp"

#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/processing/operations.hpp"
#include "emulator/services/sagemaker/processing/outputs.hpp"
#include "emulator/services/sagemaker/processing/request.hpp"
#include "emulator/services/sagemaker/processing/state.hpp"

namespace sagemaker::local::services {
namespace {

namespace fs = std::filesystem;
using Cause = JobControl::Cause;
using Kind = runner::ProcessingOutcome::Kind;

bool is_internal_error(const runner::ProcessingOutcome& outcome) {
  return outcome.kind == Kind::failed && outcome.failure_reason.starts_with("InternalServerError");
}

}  // namespace

struct ProcessingJobRun::Result {
  runner::ProcessingOutcome outcome;
  Cause cause = Cause::none;  // what ended it from outside

  // Nothing of it has run yet: the next start can do as if nothing had happened.
  bool goes_on_later() const { return cause == Cause::shutdown && !outcome.started; }
};

ProcessingJobRun::ProcessingJobRun(Platform& platform, Capacity& capacity, std::string name, json document,
                                   JobControl& control)
    : platform_(platform),
      name_(std::move(name)),
      document_(std::move(document)),
      control_(control),
      record_(platform, processing_job_kind, "processing job", name_, control),
      claim_(std::make_unique<Capacity::Claim>(
          capacity, document_.at("ProcessingResources").at("ClusterConfig").at("InstanceCount"), &control)),
      root_(platform.work_directory / "processing" / name_) {}

void ProcessingJobRun::run() {
  try {
    work();
  } catch (const std::exception& error) {
    spdlog::error("processing job {}: {}", name_, error.what());
    std::error_code ignored;
    fs::remove_all(root_, ignored);
    claim_.reset();
    const std::string reason = std::string("InternalServerError: ") + error.what();
    try {
      record_.settle([&](store::Record& job, std::int64_t now) {
        if (!processing_state::ended(job)) processing_state::fail(job, reason, "", now);
      });
    } catch (const std::exception& second) {
      spdlog::error("processing job {}: its state could not be stored: {}", name_, second.what());
    }
  }
}

void ProcessingJobRun::work() {
  // It may have been stopped before there was anybody to tell.
  record_.note([](store::Record&, std::int64_t) {});
  if (!claim_->wait([this] { return control_.over(); }) || control_.over()) {
    if (control_.shutting_down()) return;
    record_.settle([](store::Record& job, std::int64_t now) {
      if (!processing_state::ended(job)) processing_state::finish(job, "Stopped", "", now);
    });
    return;
  }
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  const Result result = process();
  // Before the last state: from then on the job may be deleted and its name be taken again, folder and all.
  fs::remove_all(root_, ignored);
  claim_.reset();
  record_.settle([&](store::Record& job, std::int64_t now) {
    if (!result.goes_on_later() || is_stopping(job)) end(job, result, now);
  });
}

ProcessingJobRun::Result ProcessingJobRun::process() {
  const runner::ProcessingSpec spec = processing_spec(document_, platform_);
  const std::vector<std::string> streams =
      open_host_streams(platform_, processing_log_group, name_, spec.instance_count);
  const auto say = [&](const std::string& line) {
    platform_.logs.write(processing_log_group, streams[0], line);
  };
  ProcessingOutputs outputs(platform_, document_, spec, say);

  runner::ProcessingEvents events;
  events.on_line = [&](int host, std::string_view line) {
    platform_.logs.write(processing_log_group, streams[static_cast<std::size_t>(host)], line);
  };
  events.on_prepared = [&] {
    // Before any container runs: a job that has begun is not begun once more by the next emulator.
    record_.note([](store::Record& job, std::int64_t now) { processing_state::begin(job, now); });
    outputs.begin();
  };
  Result result;
  const auto signal = control_.begin_attempt();
  result.outcome = runner::ProcessingRunner(platform_.sandbox, platform_.addresses, platform_.limits.runner)
                       .run(spec, events, *signal);
  result.cause = control_.end_attempt();
  if (result.outcome.kind == Kind::max_runtime_exceeded)
    say("sagemaker-local: the job was stopped because it ran for longer than MaxRuntimeInSeconds (" +
        std::to_string(spec.run_seconds_max.count()) + ")");
  if (result.outcome.kind != Kind::stopped) result.cause = Cause::none;  // it had ended by itself
  if (result.outcome.started && result.cause != Cause::shutdown) store(outputs, result);
  platform_.logs.flush();
  return result;
}

// Whatever became of the job: what it has written is its owner's.
void ProcessingJobRun::store(ProcessingOutputs& outputs, Result& result) {
  const auto stored = outputs.finish([this] { return control_.shutting_down(); });
  if (result.outcome.kind == Kind::failed) return;  // for a reason of its own
  if (stored.reason) {
    result.outcome.kind = Kind::failed;
    result.outcome.failure_reason = *stored.reason;
  } else if (!stored.all) {
    result.outcome.kind = Kind::stopped;
    result.cause = Cause::shutdown;
  }
}

// The last state.
void ProcessingJobRun::end(store::Record& job, const Result& result, std::int64_t now) {
  const runner::ProcessingOutcome& outcome = result.outcome;
  if (outcome.kind == Kind::failed && !(is_stopping(job) && is_internal_error(outcome))) {
    processing_state::fail(job, outcome.failure_reason, outcome.exit_message, now);
  } else if (result.cause == Cause::shutdown && !is_stopping(job)) {
    processing_state::fail(job, "InternalServerError: sagemaker-local was shut down while the job ran.",
                           outcome.exit_message, now);
  } else if (is_stopping(job) || outcome.kind != Kind::completed) {
    processing_state::finish(job, "Stopped", outcome.exit_message, now);
  } else {
    processing_state::finish(job, "Completed", outcome.exit_message, now);
  }
}

}  // namespace sagemaker::local::services
