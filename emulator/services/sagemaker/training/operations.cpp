#include "emulator/services/sagemaker/training/operations.hpp"

#include <filesystem>

#include "emulator/services/sagemaker/jobs/faults.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/sagemaker/training/creation.hpp"
#include "emulator/services/sagemaker/training/executor.hpp"
#include "emulator/services/sagemaker/training/state.hpp"
#include "emulator/services/sagemaker/training/validation.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

[[noreturn]] void throw_taken(const store::Record& job) {
  throw ServiceFault(
      "ResourceInUse", 400,
      "Training job names must be unique within an AWS account and region, and a training job with this "
      "name already exists (" +
          job.arn + ")");
}

json create(Platform& platform, TrainingExecutor& executor, const json& input) {
  check_training_request(input);
  check_training_image(platform, input);
  const store::Record job = new_training_job(platform, input);
  if (platform.records.find(training_job_kind, job.name)) throw_taken(job);
  require_training_inputs(platform, input);
  if (!executor.jobs().create(job, input.value("Tags", json::array()))) throw_taken(job);
  return {{"TrainingJobArn", job.arn}};
}

// AWS declares ResourceNotFound for this and sends ValidationException.
ServiceFault not_found() { return validation_fault("Requested resource not found."); }

store::Record find(Platform& platform, const json& input) {
  const auto job = platform.records.find(training_job_kind, input.at("TrainingJobName").get<std::string>());
  if (!job) throw not_found();
  return *job;
}

json stop(Platform& platform, TrainingExecutor& executor, const json& input) {
  const std::string name = find(platform, input).name;
  if (!executor.stop(name)) throw validation_fault(rejected_in_status(find(platform, input), "training job"));
  return json::object();
}

// What the service model leaves open: the members that can be changed, and when.
json update(Platform& platform, TrainingExecutor& executor, const json& input) {
  const store::Record found = find(platform, input);
  if (input.contains("RemoteDebugConfig"))
    throw validation_fault("RemoteDebugConfig is not implemented by sagemaker-local yet.");
  const json resources = input.value("ResourceConfig", json::object());
  if (!resources.empty()) {
    if (!found.document.at("ResourceConfig").contains("KeepAlivePeriodInSeconds"))
      throw validation_fault("The training job " + found.name + " does not use a warm pool.");
    const auto status = executor.warm_pools().status(found);
    if (training_state::ended(found) && (!status || status->at("Status") != "Available"))
      throw validation_fault("The warm pool of the training job " + found.name +
                             " is not available any more.");
  }
  if (input.size() == 1) return {{"TrainingJobArn", found.arn}};  // nothing but the name
  platform.records.update(training_job_kind, found.name, [&](store::Record& job) {
    if ((input.contains("ProfilerConfig") || input.contains("ProfilerRuleConfigurations")) &&
        job.status != "InProgress")
      throw validation_fault(rejected_in_status(job, "training job"));
    for (const char* member : {"ProfilerConfig", "ProfilerRuleConfigurations"})
      if (input.contains(member)) job.document[member] = input[member];
    if (!resources.empty()) job.document["ResourceConfig"].update(resources);
    job.modified_ms = platform.now_ms();
    job.document["LastModifiedTime"] = timestamp(job.modified_ms);
  });
  if (!resources.empty()) executor.warm_pools().update(found.name, resources.at("KeepAlivePeriodInSeconds"));
  return {{"TrainingJobArn", found.arn}};
}

json describe(TrainingExecutor& executor, const store::Record& job) {
  json description = training_state::description(job);
  if (const auto pool = executor.warm_pools().status(job)) description["WarmPoolStatus"] = *pool;
  return description;
}

json erase(Platform& platform, TrainingExecutor& executor, const json& input) {
  const store::Record found = find(platform, input);
  std::filesystem::path cache;  // of a warm pool that ended without anybody looking
  // Asked where it is erased: the name may be that of a new job by then.
  const bool erased = erase_tagged(platform, training_job_kind, found, [&](const store::Record& job) {
    if (const auto pool = executor.warm_pools().status(job); pool && pool->at("Status") == "Available")
      throw validation_fault(
          "The request was rejected because the training job retains an available warm pool.");
    if (!training_state::ended(job))
      throw ServiceFault("ResourceInUse", 400, rejected_in_status(job, "training job"));
    cache = executor.warm_pools().forget(job.name);
  });
  if (!erased) throw not_found();
  std::error_code ignored;
  if (!cache.empty()) std::filesystem::remove_all(cache, ignored);
  return json::object();
}

json summary(TrainingExecutor& executor, const store::Record& job) {
  json summary = {{"TrainingJobName", job.name},
                  {"TrainingJobArn", job.arn},
                  {"CreationTime", timestamp(job.created_ms)},
                  {"LastModifiedTime", timestamp(job.modified_ms)},
                  {"TrainingJobStatus", job.status},
                  {"SecondaryStatus", job.document.at("SecondaryStatus")}};
  if (job.document.contains("TrainingEndTime")) summary["TrainingEndTime"] = job.document["TrainingEndTime"];
  if (const auto pool = executor.warm_pools().status(job)) summary["WarmPoolStatus"] = *pool;
  return summary;
}

json list(Platform& platform, TrainingExecutor& executor, const json& input) {
  RecordFilter filter;
  if (const auto wanted = input.find("WarmPoolStatusEquals"); wanted != input.end()) {
    filter = [&executor, wanted = *wanted](const store::Record& job) {
      const auto pool = executor.warm_pools().status(job);
      return pool && pool->at("Status") == wanted;
    };
  }
  if (input.contains("TrainingPlanArnEquals"))  // there are no plans here, so no job has one
    filter = [](const store::Record&) { return false; };
  return list_records(
      platform.records, training_job_kind, input, "TrainingJobSummaries",
      [&executor](const store::Record& job) { return summary(executor, job); }, filter);
}

}  // namespace

void add_training_job_operations(OperationTable& table, Platform& platform, TrainingExecutor& executor) {
  table["CreateTrainingJob"] = [&](const CallContext&, const json& input) {
    return create(platform, executor, input);
  };
  table["DescribeTrainingJob"] = [&](const CallContext& context, const json& input) {
    const auto under_way = [](const store::Record& job) { return !training_state::ended(job); };
    const auto job = find_settled(platform, context, training_job_kind, input.at("TrainingJobName"),
                                  under_way, HoldTimes());
    if (!job) throw not_found();
    return describe(executor, *job);
  };
  table["StopTrainingJob"] = [&](const CallContext&, const json& input) {
    return stop(platform, executor, input);
  };
  table["DeleteTrainingJob"] = [&](const CallContext&, const json& input) {
    return erase(platform, executor, input);
  };
  table["UpdateTrainingJob"] = [&](const CallContext&, const json& input) {
    return update(platform, executor, input);
  };
  table["ListTrainingJobs"] = [&](const CallContext&, const json& input) {
    return list(platform, executor, input);
  };
}

}  // namespace sagemaker::local::services
