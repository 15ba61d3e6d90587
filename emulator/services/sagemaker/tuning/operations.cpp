#include "emulator/services/sagemaker/tuning/operations.hpp"

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "emulator/services/sagemaker/jobs/faults.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/sagemaker/training/operations.hpp"
#include "emulator/services/sagemaker/tuning/autotune.hpp"
#include "emulator/services/sagemaker/tuning/job_run.hpp"
#include "emulator/services/sagemaker/tuning/state.hpp"
#include "emulator/services/sagemaker/tuning/trial_listing.hpp"
#include "emulator/services/sagemaker/tuning/validation.hpp"
#include "emulator/services/sagemaker/tuning/warm_start.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::string_view noun = "hyperparameter tuning job";
// The SDK's, before each description that it waits for the end with (wait_for_tuning_job(), poll=5); clocks
// may be set a little meanwhile.
constexpr std::chrono::milliseconds sdk_pause{4'900}, sdk_slack{1'600};

ServiceFault name_taken(const store::Record& job) {
  return ServiceFault("ResourceInUse", 400,
                      "A hyperparameter tuning job with the name, " + job.name +
                          ", already exists. Choose a different name.");
}

ServiceFault not_found(const std::string& name) {
  return ServiceFault("ResourceNotFound", 400,
                      "Amazon SageMaker can't find a tuning job with the name, " + name +
                          ". Check that the name is correct and try again.");
}

std::string name_in(const json& input) { return input.at("HyperParameterTuningJobName"); }

json create(Platform& platform, JobExecutor& executor, const json& input) {
  tuning_job::check_request(platform, input);
  const json request = tuning_job::with_autotune(input);
  tuning_job::check_warm_start(platform.records, request);
  std::random_device random;
  const store::Record job = tuning_job::new_tuning_job(platform, request, random());
  if (platform.records.find(tuning_job_kind, job.name)) throw name_taken(job);
  tuning_job::check_surroundings(platform, request);
  if (!executor.create(job, input.value("Tags", json::array()))) throw name_taken(job);
  return {{"HyperParameterTuningJobArn", job.arn}};
}

json describe(Platform& platform, Pauses& pauses, const CallContext& context, const json& input) {
  const std::string name = name_in(input);
  CallContext caller = context;
  const bool patient = context.patience.count() > 0;
  if (patient) {
    const auto job = platform.records.find(tuning_job_kind, name);
    if (job && !pauses.waits(name, job->created_ms, platform.now_ms())) caller.patience = {};
  }
  const auto under_way = [](const store::Record& job) { return !tuning_job::ended(job); };
  const auto job = find_settled(platform, caller, tuning_job_kind, name, under_way, HoldTimes());
  if (!job) throw not_found(name);
  if (patient) pauses.answered(name, platform.now_ms());
  return tuning_job::description(*job, tuning_job::best_of_parents(platform.records, job->document));
}

json stop(Platform& platform, JobExecutor& executor, const json& input) {
  const std::string name = name_in(input);
  const auto job = platform.records.update(tuning_job_kind, name, [&](store::Record& found) {
    if (found.status != "InProgress") throw validation_fault(rejected_in_status(found, noun));
    tuning_job::stop(found, platform.now_ms());
  });
  if (!job) throw not_found(name);
  executor.stop(name);
  return json::object();
}

json erase(Platform& platform, const json& input) {
  const std::string name = name_in(input);
  const auto job = platform.records.find(tuning_job_kind, name);
  if (!job) throw not_found(name);
  const auto check = [](const store::Record& found) {
    if (!tuning_job::ended(found)) throw ServiceFault("ResourceInUse", 400, rejected_in_status(found, noun));
  };
  check(*job);
  tuning_job::release_trials(platform.records, job->arn);
  if (!erase_tagged(platform, tuning_job_kind, *job, check)) throw not_found(name);
  return json::object();
}

json list_trials(Platform& platform, const json& input) {
  const auto job = platform.records.find(tuning_job_kind, name_in(input));
  if (!job) throw not_found(name_in(input));
  return tuning_job::list_trials(platform.records, *job, input);
}

json list(Platform& platform, json input) {
  input.emplace("SortBy", "Name");
  input.emplace("SortOrder", "Ascending");
  return list_records(platform.records, tuning_job_kind, input, "HyperParameterTuningJobSummaries",
                      [](const store::Record& job) { return tuning_job::summary(job); });
}

}  // namespace

JobKind tuning_jobs(Platform& platform, TrainingExecutor& training) {
  return {.records = tuning_job_kind,
          .noun = noun,
          .folder = "tuning",
          .begin = [&](const store::Record& job, JobControl& control) -> std::function<void()> {
            const auto run = std::make_shared<tuning_job::TuningJobRun>(platform, training, job.name,
                                                                        job.document, control);
            return [run] { run->run(); };
          },
          // Whether it was being stopped or not: its run ends what is left of it.
          .resume = [](store::Record&, std::int64_t) { return true; }};
}

void add_tuning_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor) {
  table["CreateHyperParameterTuningJob"] = [&](const CallContext&, const json& input) {
    return create(platform, executor, input);
  };
  const auto pauses = std::make_shared<Pauses>(sdk_pause, sdk_slack);
  table["DescribeHyperParameterTuningJob"] = [&, pauses](const CallContext& context, const json& input) {
    return describe(platform, *pauses, context, input);
  };
  table["ListHyperParameterTuningJobs"] = [&](const CallContext&, const json& input) {
    return list(platform, input);
  };
  table["ListTrainingJobsForHyperParameterTuningJob"] = [&](const CallContext&, const json& input) {
    return list_trials(platform, input);
  };
  table["DeleteHyperParameterTuningJob"] = [&](const CallContext&, const json& input) {
    return erase(platform, input);
  };
  table["StopHyperParameterTuningJob"] = [&](const CallContext&, const json& input) {
    return stop(platform, executor, input);
  };
}

}  // namespace sagemaker::local::services
