#include "emulator/services/sagemaker/transform/state.hpp"

#include <algorithm>

#include "emulator/runner/host_tree.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::transform {
namespace {

constexpr std::size_t failure_reason_chars_max = 1024;  // AWS: FailureReason
constexpr const char* own_notes = "_notes";             // what only the emulator keeps with a job

void touch(store::Record& job, std::int64_t now_ms) { job.modified_ms = std::max(now_ms, job.modified_ms); }

}  // namespace

void begin(store::Record& job, std::int64_t now_ms) {
  touch(job, now_ms);
  job.document.emplace("TransformStartTime", timestamp(job.modified_ms));
}

void finish(store::Record& job, std::string_view status, std::int64_t now_ms) {
  touch(job, now_ms);
  job.status = status;
  job.document["TransformJobStatus"] = status;
  job.document["TransformEndTime"] = timestamp(job.modified_ms);
}

void fail(store::Record& job, const std::string& reason, std::int64_t now_ms) {
  finish(job, "Failed", now_ms);
  job.document["FailureReason"] = runner::clean_text(reason, failure_reason_chars_max);
}

bool ended(const store::Record& job) {
  return job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
}

void keep_model_document(store::Record& job, const json& model) {
  job.document[own_notes] = {{"model", model}};
}

const json& model_document(const json& job_document) { return job_document.at(own_notes).at("model"); }

json description(const store::Record& job) {
  json shown = job.document;
  shown.erase(own_notes);
  return shown;
}

json summary(const store::Record& job) {
  json shown = {{"TransformJobName", job.name},
                {"TransformJobArn", job.arn},
                {"CreationTime", timestamp(job.created_ms)},
                {"LastModifiedTime", timestamp(job.modified_ms)},
                {"TransformJobStatus", job.status}};
  for (const char* member : {"TransformEndTime", "FailureReason"})
    if (job.document.contains(member)) shown[member] = job.document[member];
  return shown;
}

}  // namespace sagemaker::local::services::transform
