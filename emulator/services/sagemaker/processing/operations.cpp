#include "emulator/services/sagemaker/processing/operations.hpp"

#include <memory>

#include "emulator/services/sagemaker/jobs/faults.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/processing/job_run.hpp"
#include "emulator/services/sagemaker/processing/state.hpp"
#include "emulator/services/sagemaker/processing/validation.hpp"
#include "emulator/services/sagemaker/tags.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

// The members that the service fills in where a request leaves them out.
void add_defaults(json& document) {
  if (!document.contains("StoppingCondition"))
    document["StoppingCondition"] = {{"MaxRuntimeInSeconds", 86400}};
  if (const auto inputs = document.find("ProcessingInputs"); inputs != document.end()) {
    for (json& input : *inputs) {
      input.emplace("AppManaged", false);
      if (!input.contains("S3Input")) continue;
      input["S3Input"].emplace("S3InputMode", "File");
      input["S3Input"].emplace("S3DataDistributionType", "FullyReplicated");
      input["S3Input"].emplace("S3CompressionType", "None");
    }
  }
  if (const auto config = document.find("ProcessingOutputConfig"); config != document.end())
    for (json& output : (*config)["Outputs"]) output.emplace("AppManaged", false);
}

store::Record new_job(const json& input, const Platform& platform) {
  const std::int64_t now = platform.now_ms();
  store::Record job;
  job.name = input.at("ProcessingJobName");
  job.arn = platform.arn("processing-job", job.name);
  job.status = "InProgress";
  job.created_ms = job.modified_ms = now;
  job.document = input;
  json& document = job.document;
  document.erase("Tags");
  document["ProcessingJobArn"] = job.arn;
  document["ProcessingJobStatus"] = job.status;
  document["CreationTime"] = document["LastModifiedTime"] = timestamp(now);
  add_defaults(document);
  return job;
}

json create(Platform& platform, JobExecutor& executor, const json& input) {
  check_processing_request(input);
  const std::string image = input["AppSpecification"]["ImageUri"];
  if (!platform.images.resolve(image))
    throw validation_fault("ECR image \"" + image + "\" is invalid. " +
                           platform.images.explain_unknown(image));
  const store::Record job = new_job(input, platform);
  if (!executor.create(job, input.value("Tags", json::array()))) throw job_name_taken(job);
  return {{"ProcessingJobArn", job.arn}};
}

// AWS declares ResourceNotFound for this and sends ValidationException.
ServiceFault not_found(const std::string& name) {
  return validation_fault("Could not find requested job with name: " + name);
}

store::Record find(Platform& platform, const json& input) {
  const std::string name = input.at("ProcessingJobName");
  const auto job = platform.records.find(processing_job_kind, name);
  if (!job) throw not_found(name);
  return *job;
}

json stop(Platform& platform, JobExecutor& executor, const json& input) {
  const std::string name = find(platform, input).name;
  platform.records.update(processing_job_kind, name, [&](store::Record& job) {
    if (job.status != "InProgress") throw validation_fault(rejected_in_status(job, "processing job"));
    processing_state::stopping(job, platform.now_ms());
  });
  executor.stop(name);
  return json::object();
}

json erase(Platform& platform, const json& input) {
  const store::Record found = find(platform, input);
  // Asked where it is erased: the name may be that of a new job by then.
  const bool erased = erase_tagged(platform, processing_job_kind, found, [](const store::Record& job) {
    if (!processing_state::ended(job))
      throw ServiceFault("ResourceInUse", 400, rejected_in_status(job, "processing job"));
  });
  if (!erased) throw not_found(found.name);
  return json::object();
}

json summary(const store::Record& job) {
  json summary = {{"ProcessingJobName", job.name},
                  {"ProcessingJobArn", job.arn},
                  {"CreationTime", timestamp(job.created_ms)},
                  {"LastModifiedTime", timestamp(job.modified_ms)},
                  {"ProcessingJobStatus", job.status}};
  for (const char* member : {"ProcessingEndTime", "FailureReason", "ExitMessage"})
    if (job.document.contains(member)) summary[member] = job.document[member];
  return summary;
}

// At a start. A job that no container has run for goes on as if nothing had happened.
bool resume(store::Record& job, std::int64_t now) {
  if (job.status == "Stopping") {
    processing_state::finish(job, "Stopped", "", now);
    return false;
  }
  if (!processing_state::begun(job)) return true;
  processing_state::fail(
      job, "InternalServerError: sagemaker-local ended while the job ran. Please try again.", "", now);
  return false;
}

}  // namespace

JobKind processing_jobs(Platform& platform, Capacity& capacity) {
  return {.records = processing_job_kind,
          .noun = "processing job",
          .folder = "processing",
          .begin = [&](const store::Record& job, JobControl& control) -> std::function<void()> {
            const auto run =
                std::make_shared<ProcessingJobRun>(platform, capacity, job.name, job.document, control);
            return [run] { run->run(); };
          },
          .resume = resume};
}

void add_processing_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor) {
  table["CreateProcessingJob"] = [&](const CallContext&, const json& input) {
    return create(platform, executor, input);
  };
  table["DescribeProcessingJob"] = [&](const CallContext& context, const json& input) {
    const std::string name = input.at("ProcessingJobName");
    const auto under_way = [](const store::Record& job) { return !processing_state::ended(job); };
    const auto job = find_settled(platform, context, processing_job_kind, name, under_way, HoldTimes());
    if (!job) throw not_found(name);
    return job->document;
  };
  table["StopProcessingJob"] = [&](const CallContext&, const json& input) {
    return stop(platform, executor, input);
  };
  table["DeleteProcessingJob"] = [&](const CallContext&, const json& input) {
    return erase(platform, input);
  };
  table["ListProcessingJobs"] = [&](const CallContext&, const json& input) {
    return list_records(platform.records, processing_job_kind, input, "ProcessingJobSummaries", summary);
  };
}

}  // namespace sagemaker::local::services
