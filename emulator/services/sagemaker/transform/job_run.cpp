#include "emulator/services/sagemaker/transform/job_run.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/transform/data_processing.hpp"
#include "emulator/services/sagemaker/transform/instance_work.hpp"
#include "emulator/services/sagemaker/transform/instances.hpp"
#include "emulator/services/sagemaker/transform/operations.hpp"
#include "emulator/services/sagemaker/transform/outputs.hpp"
#include "emulator/services/sagemaker/transform/state.hpp"

namespace sagemaker::local::services::transform {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds look_interval{20};  // at whether the job is to end

std::string internal_error(const std::string& what) { return "InternalServerError: " + what; }

int instances_of(const json& job) { return job.at("TransformResources").at("InstanceCount"); }

}  // namespace

// What came of the objects.
struct JobRun::Result {
  std::vector<std::size_t> transformed;  // in the order of the objects
  std::string failure_reason;            // empty: none
  bool upload_failed = false;            // which is the failure_reason then
  bool concluded = false;                // nothing ended it before it was done
};

JobRun::JobRun(Platform& platform, Capacity& capacity, std::string name, json document, JobControl& control)
    : platform_(platform),
      name_(std::move(name)),
      document_(std::move(document)),
      control_(control),
      record_(platform_, transform_job_kind, "transform job", name_, control),
      claim_(std::make_unique<Capacity::Claim>(capacity, instances_of(document_), &control)),
      root_(platform_.work_directory / work_folder / name_) {}

void JobRun::run() {
  std::string failure;
  try {
    // It may have been stopped before there was anybody to tell.
    record_.note([](store::Record&, std::int64_t) {});
    if (claim_->wait([this] { return control_.over(); }) && !control_.over())
      attempt();
    else
      settle({});
  } catch (const std::system_error& error) {
    failure = internal_error(error.what());
  } catch (const store::DatabaseError& error) {
    failure = internal_error(error.what());
  } catch (const std::bad_alloc& error) {
    failure = internal_error(error.what());
  } catch (const std::exception& error) {  // the model's data, the image or an object is not there
    failure = std::string("ClientError: ") + error.what();
  }
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  claim_.reset();
  if (failure.empty()) return;
  spdlog::warn("transform job {}: {}", name_, failure);
  try {
    settle(failure);
  } catch (const std::exception& error) {
    spdlog::error("transform job {}: its state could not be stored: {}", name_, error.what());
  }
}

void JobRun::attempt() {
  const auto stop = control_.begin_attempt();
  record_.change([this](store::Record& job, std::int64_t now) {
    begin(job, now);
    document_ = job.document;
  });
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  const fs::path staging = root_ / "output";
  fs::create_directories(staging);
  require_output_buckets(platform_.objects, document_);
  const std::vector<InputObject> objects = input_objects(platform_.objects, document_);
  const hosting::VariantPlan plan = instance_plan(platform_, document_, root_ / "model");
  Instances instances(platform_, plan, root_ / "instances", instances_of(document_));
  Result result;
  if (instances.wait_started([&] { return stop->requested(); })) {
    result = work(instances, objects, *stop);
  } else {
    result.failure_reason = instances.failure_reason();
    if (result.failure_reason.empty()) result.failure_reason = internal_error("the instances did not start");
  }
  platform_.logs.flush();
  Outputs outputs(platform_, document_);
  if (!stop->requested()) publish(result, objects, outputs);
  conclude(result, outputs);
  // The job has ended; what its containers do at their end is nobody's wait, but that of the next job for the
  // instances.
  const bool stopped = stop->requested();
  instances.stop(stopped ? std::chrono::milliseconds(0) : platform_.limits.runner.serving_stop_grace,
                 [this] { return control_.shutting_down(); });
}

// Every instance takes the objects whose turn is its own.
JobRun::Result JobRun::work(Instances& instances, const std::vector<InputObject>& objects,
                            const runner::StopSignal& stop) const {
  const std::optional<DataProcessing> processing = DataProcessing::of(document_);
  const JobSite site{platform_,        document_, objects, processing ? &*processing : nullptr,
                     root_ / "output", stop};
  std::vector<std::unique_ptr<InstanceWork>> works;
  for (std::size_t index = 0; index < instances.size(); ++index) {
    std::vector<std::size_t> share;
    for (std::size_t object = index; object < objects.size(); object += instances.size())
      share.push_back(object);
    works.push_back(std::make_unique<InstanceWork>(site, instances.at(index), std::move(share)));
  }
  {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t left = works.size();
    std::vector<std::jthread> threads;
    for (const auto& work : works) {
      threads.emplace_back([&, one = work.get()] {
        one->run();
        const std::lock_guard lock(mutex);
        --left;
        changed.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, look_interval, [&] { return left == 0 || stop.requested(); })) continue;
    lock.unlock();
    // Requests that are under way end with their containers.
    if (stop.requested()) instances.stop(std::chrono::milliseconds(0), [] { return false; });
  }
  Result result;
  bool data_failed = false, algorithm_failed = false;
  std::string trouble;
  for (const auto& work : works) {
    result.transformed.insert(result.transformed.end(), work->transformed().begin(),
                              work->transformed().end());
    data_failed = data_failed || work->data_failed();
    algorithm_failed = algorithm_failed || work->algorithm_failed();
    if (trouble.empty()) trouble = work->trouble();
  }
  std::sort(result.transformed.begin(), result.transformed.end());
  if (!trouble.empty())
    result.failure_reason = internal_error(trouble);
  else if (algorithm_failed)
    result.failure_reason = "AlgorithmError: See job logs for more information";
  else if (data_failed)
    result.failure_reason = "ClientError: See job logs for more information";
  return result;
}

// The objects that were transformed wholly are stored, whatever became of the others.
void JobRun::publish(Result& result, const std::vector<InputObject>& objects, Outputs& outputs) const {
  const auto fail = [&result](const std::string& kind, const std::exception& error) {
    if (!result.upload_failed) result.failure_reason = kind + ": Output upload failed: " + error.what();
    result.upload_failed = true;
  };
  try {
    for (const std::size_t index : result.transformed) {
      if (control_.over()) return;
      try {
        outputs.publish(objects[index], staged_output(root_ / "output", index));
      } catch (const InvalidKey& error) {
        fail("ClientError", error);
      }
    }
    outputs.flush();
    outputs.publish_capture(root_);
  } catch (const std::system_error& error) {
    fail("InternalServerError", error);
  } catch (const store::DatabaseError& error) {
    fail("InternalServerError", error);
  } catch (const std::exception& error) {  // the bucket is gone
    fail("ClientError", error);
  }
  result.concluded = true;
}

void JobRun::conclude(const Result& result, Outputs& outputs) {
  control_.end_attempt();
  // A stop may come as long as the job has not ended: then what it has stored goes again before it is
  // Stopped.
  bool stopping = false;
  const bool stored = record_.settle([&](store::Record& job, std::int64_t now) {
    stopping = is_stopping(job);
    if (stopping || (!result.concluded && control_.shutting_down())) return;
    if (result.failure_reason.empty())
      finish(job, "Completed", now);
    else
      fail(job, result.failure_reason, now);
  });
  if (!stored || !stopping) return;
  outputs.withdraw();
  settle({});
}

// The end of a job that has stored nothing. One that is shut down runs again at the next start.
void JobRun::settle(const std::string& failure_reason) {
  record_.settle([&](store::Record& job, std::int64_t now) {
    if (ended(job)) return;
    if (is_stopping(job))
      finish(job, "Stopped", now);
    else if (!failure_reason.empty())
      fail(job, failure_reason, now);
  });
}

}  // namespace sagemaker::local::services::transform
