#include "emulator/services/sagemaker/transform/operations.hpp"

#include <memory>

#include "emulator/services/sagemaker/hosting/models.hpp"
#include "emulator/services/sagemaker/jobs/faults.hpp"
#include "emulator/services/sagemaker/listing.hpp"
#include "emulator/services/sagemaker/long_poll.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/services/sagemaker/transform/job_run.hpp"
#include "emulator/services/sagemaker/transform/state.hpp"
#include "emulator/services/sagemaker/transform/validation.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

store::Record new_job(const json& input, const json& model, const Platform& platform) {
  store::Record job;
  job.name = input.at("TransformJobName");
  job.arn = platform.arn(transform_job_kind, job.name);
  job.status = "InProgress";
  job.created_ms = job.modified_ms = platform.now_ms();
  job.document = input;
  json& document = job.document;
  document.erase("Tags");
  document["TransformJobArn"] = job.arn;
  document["TransformJobStatus"] = "InProgress";
  document["CreationTime"] = timestamp(job.created_ms);
  // Clients of AWS index these without asking, so the service fills them in.
  document["TransformInput"].emplace("CompressionType", "None");
  document["TransformInput"].emplace("SplitType", "None");
  document["TransformOutput"].emplace("AssembleWith", "None");
  document["TransformOutput"].emplace("KmsKeyId", "");
  json& processing = document["DataProcessing"];
  if (!processing.is_object()) processing = json::object();
  processing.emplace("InputFilter", "$");
  processing.emplace("OutputFilter", "$");
  processing.emplace("JoinSource", "None");
  transform::keep_model_document(job, model);
  return job;
}

json create(Platform& platform, JobExecutor& executor, const json& input) {
  transform::check_request(platform, input);
  const std::string model_name = input.at("ModelName");
  const auto model = platform.records.find(model_kind, model_name);
  if (!model) throw validation_fault("Could not find model \"" + platform.arn("model", model_name) + "\".");
  transform::check_model(model->document);
  const store::Record job = new_job(input, model->document, platform);
  if (platform.records.find(transform_job_kind, job.name)) throw job_name_taken(job);
  require_objects(platform.objects, input["TransformInput"]["DataSource"]["S3DataSource"], platform.region,
                  model->document.at("ExecutionRoleArn"));
  if (!executor.create(job, input.value("Tags", json::array()))) throw job_name_taken(job);
  return {{"TransformJobArn", job.arn}};
}

// AWS declares ResourceNotFound for this and sends ValidationException.
ServiceFault not_found() { return validation_fault("Requested resource not found."); }

json stop(Platform& platform, JobExecutor& executor, const json& input) {
  const std::string name = input.at("TransformJobName");
  const auto job = platform.records.update(transform_job_kind, name, [&](store::Record& found) {
    if (found.status != "InProgress") throw validation_fault(rejected_in_status(found, "transform job"));
    found.status = "Stopping";
    found.document["TransformJobStatus"] = "Stopping";
    found.modified_ms = std::max(found.modified_ms, platform.now_ms());
  });
  if (!job) throw not_found();
  executor.stop(name);
  return json::object();
}

// A job that never ran to its end has stored nothing, so it can run again from its start.
bool resume(store::Record& job, std::int64_t now_ms) {
  if (!is_stopping(job)) return true;
  transform::finish(job, "Stopped", now_ms);
  return false;
}

}  // namespace

JobKind transform_jobs(Platform& platform, Capacity& capacity) {
  return {.records = transform_job_kind,
          .noun = "transform job",
          .folder = transform::work_folder,
          .begin = [&](const store::Record& job, JobControl& control) -> std::function<void()> {
            const auto run =
                std::make_shared<transform::JobRun>(platform, capacity, job.name, job.document, control);
            return [run] { run->run(); };
          },
          .resume = resume};
}

void add_transform_job_operations(OperationTable& table, Platform& platform, JobExecutor& executor) {
  table["CreateTransformJob"] = [&](const CallContext&, const json& input) {
    return create(platform, executor, input);
  };
  table["DescribeTransformJob"] = [&](const CallContext& context, const json& input) {
    const auto under_way = [](const store::Record& job) { return !transform::ended(job); };
    const auto job = find_settled(platform, context, transform_job_kind, input.at("TransformJobName"),
                                  under_way, HoldTimes());
    if (!job) throw not_found();
    return transform::description(*job);
  };
  table["StopTransformJob"] = [&](const CallContext&, const json& input) {
    return stop(platform, executor, input);
  };
  table["ListTransformJobs"] = [&](const CallContext&, const json& input) {
    return list_records(platform.records, transform_job_kind, input, "TransformJobSummaries",
                        transform::summary);
  };
}

}  // namespace sagemaker::local::services
