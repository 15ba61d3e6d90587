#include "emulator/services/sagemaker/training/executor.hpp"

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/training/artifacts.hpp"
#include "emulator/services/sagemaker/training/metric_scanner.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/training/request.hpp"
#include "emulator/services/sagemaker/training/state.hpp"

namespace sagemaker::local::services {
namespace {

using runner::TrainingOutcome;

bool has_files(const std::filesystem::path& directory) {
  return std::filesystem::exists(directory) && !std::filesystem::is_empty(directory);
}

}  // namespace

TrainingExecutor::~TrainingExecutor() {
  interrupt();
  tasks_.join();
}

void TrainingExecutor::interrupt() {
  std::lock_guard lock(mutex_);
  shutting_down_ = true;
  for (auto& [name, stop] : running_) stop->request_now();
}

void TrainingExecutor::start(const store::Record& record) {
  auto stop = std::make_shared<runner::StopSignal>();
  {
    std::lock_guard lock(mutex_);
    if (shutting_down_) return;  // recovery at the next start gives the job its end
    running_[record.name] = stop;
  }
  // Only its own entry: a new job may have taken the name of one that has ended and was deleted.
  const auto forget = [this, stop, name = record.name] {
    std::lock_guard lock(mutex_);
    if (const auto found = running_.find(name); found != running_.end() && found->second == stop)
      running_.erase(found);
  };
  try {
    tasks_.run([this, stop, forget, name = record.name, document = record.document] {
      run(name, document, *stop);
      forget();
    });
  } catch (...) {
    forget();
    throw;
  }
}

void TrainingExecutor::stop(const std::string& job_name) {
  std::lock_guard lock(mutex_);
  if (const auto found = running_.find(job_name); found != running_.end()) found->second->request();
}

void TrainingExecutor::run(const std::string& name, const json& document, runner::StopSignal& stop) {
  const auto change = [&](const std::function<void(store::Record&, std::int64_t)>& apply) {
    platform_.records.update(training_job_kind, name,
                             [&](store::Record& job) { apply(job, platform_.now_ms()); });
  };
  const auto stopping = [](const store::Record& job) { return job.status == "Stopping"; };
  std::error_code ignored;
  const std::filesystem::path root = platform_.work_directory / "training" / name;
  try {
    std::filesystem::remove_all(root, ignored);
    const runner::TrainingSpec spec = training_spec(document, platform_);
    std::vector<std::string> streams;
    const std::string epoch = std::to_string(platform_.now_ms() / 1000);
    for (int host = 1; host <= spec.instance_count; ++host) {
      streams.push_back(name + "/algo-" + std::to_string(host) + "-" + epoch);
      platform_.logs.open_stream(training_log_group, streams.back());
    }
    MetricScanner metrics(document.at("AlgorithmSpecification").value("MetricDefinitions", json::array()),
                          platform_.clock);
    runner::TrainingEvents events;
    events.on_line = [&](int host, std::string_view line) {
      platform_.logs.write(training_log_group, streams[static_cast<std::size_t>(host)], line);
      metrics.scan(line);
    };
    events.on_phase = [&](runner::TrainingPhase phase) {
      change([&](store::Record& job, std::int64_t now) {
        if (!job.document.contains("TrainingStartTime")) job.document["TrainingStartTime"] = timestamp(now);
        if (stopping(job)) return;  // the secondary status stays Stopping until the end
        if (phase == runner::TrainingPhase::downloading)
          training_state::enter(job, "Downloading", "Downloading input data", now);
        else if (phase == runner::TrainingPhase::training)
          training_state::enter(job, "Training", "Training image download completed. Training in progress.",
                                now);
        else
          training_state::enter(job, "Uploading", "Uploading generated training model", now);
      });
    };
    change([&](store::Record& job, std::int64_t now) {
      if (stopping(job))
        stop.request();  // StopTrainingJob came before there was a job to tell
      else
        training_state::say(job, "Preparing the instances for training", now);
    });
    runner::TrainingRunner training(platform_.sandbox, platform_.addresses, platform_.limits.runner);
    TrainingOutcome outcome = training.run(spec, events, stop);
    platform_.logs.flush();

    bool interrupted = false;
    {
      std::lock_guard lock(mutex_);
      interrupted = shutting_down_ && outcome.kind == TrainingOutcome::Kind::stopped;
    }
    bool published = false;
    const auto shut_down = [&stop] { return stop.urgent(); };
    try {
      if (outcome.kind != TrainingOutcome::Kind::failed && !interrupted) {
        publish_artifacts(platform_, document, outcome.model_directory, "model", shut_down);
        published = true;
      }
      if (!interrupted && has_files(outcome.output_directory))
        publish_artifacts(platform_, document, outcome.output_directory, "output", shut_down);
    } catch (const runner::ArchiveCancelled&) {
      interrupted = true;
    } catch (const std::exception& error) {
      outcome.kind = TrainingOutcome::Kind::failed;
      outcome.failure_reason = std::string("ClientError: Artifact upload failed: ") + error.what();
    }
    // Before the last state: from then on the job may be deleted and its name be taken again, folder and all.
    std::filesystem::remove_all(root, ignored);
    change([&](store::Record& job, std::int64_t now) {
      if (published) job.document["ModelArtifacts"] = {{"S3ModelArtifacts", model_artifacts_uri(document)}};
      if (json found = metrics.final_metrics(); !found.empty())
        job.document["FinalMetricDataList"] = std::move(found);
      if (interrupted && !stopping(job)) {
        training_state::fail(job, "InternalServerError: sagemaker-local was shut down while the job ran.",
                             now);
      } else if (outcome.kind == TrainingOutcome::Kind::failed) {
        training_state::fail(job, outcome.failure_reason, now);
      } else if (outcome.kind == TrainingOutcome::Kind::stopped) {
        training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
      } else if (outcome.kind == TrainingOutcome::Kind::max_runtime_exceeded) {
        training_state::finish(job, "Stopped", "MaxRuntimeExceeded",
                               "Training job runtime exceeded MaxRuntimeInSeconds provided", now);
      } else {
        training_state::finish(job, "Completed", "Completed", "Training job completed", now);
      }
    });
  } catch (const std::exception& error) {
    spdlog::error("training job {}: {}", name, error.what());
    std::filesystem::remove_all(root, ignored);
    try {
      change([&](store::Record& job, std::int64_t now) {
        training_state::fail(job, std::string("InternalServerError: ") + error.what(), now);
      });
    } catch (const std::exception& second) {
      spdlog::error("training job {}: its state could not be stored: {}", name, second.what());
    }
  }
}

void TrainingExecutor::recover() {
  for (const store::Record& left :
       platform_.records.with_status(training_job_kind, {"InProgress", "Stopping"})) {
    try {
      platform_.records.update(training_job_kind, left.name, [&](store::Record& job) {
        const std::int64_t now = platform_.now_ms();
        if (job.status == "Stopping")
          training_state::finish(job, "Stopped", "Stopped", "Training job stopped", now);
        else
          training_state::fail(
              job, "InternalServerError: sagemaker-local ended while the job ran. Please try again.", now);
      });
    } catch (const std::exception&
                 error) {  // one record that cannot be read must not keep the emulator from starting
      spdlog::error("training job {} cannot be given an end: {}", left.name, error.what());
      continue;
    }
    spdlog::warn("training job {} was running when the last sagemaker-local ended: it is {} now", left.name,
                 left.status == "Stopping" ? "Stopped" : "Failed");
  }
  std::error_code ignored;
  std::filesystem::remove_all(platform_.work_directory / "training", ignored);
}

}  // namespace sagemaker::local::services
