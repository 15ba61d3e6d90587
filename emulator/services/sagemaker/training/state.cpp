#include "emulator/services/sagemaker/training/state.hpp"

#include <algorithm>
#include <cmath>

#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::training_state {
namespace {

constexpr std::size_t failure_reason_bytes_max = 1024;  // AWS: FailureReason

void touch(store::Record& job, std::int64_t now_ms) {
  job.modified_ms = now_ms;
  job.document["LastModifiedTime"] = timestamp(now_ms);
}

}  // namespace

void enter(store::Record& job, std::string_view secondary_status, std::string_view message,
           std::int64_t now_ms) {
  json& transitions = job.document["SecondaryStatusTransitions"];
  if (!transitions.is_array()) transitions = json::array();
  if (!transitions.empty() && !transitions.back().contains("EndTime"))
    transitions.back()["EndTime"] = timestamp(now_ms);
  transitions.push_back(
      {{"Status", secondary_status}, {"StartTime", timestamp(now_ms)}, {"StatusMessage", message}});
  job.document["SecondaryStatus"] = secondary_status;
  touch(job, now_ms);
}

void say(store::Record& job, std::string_view message, std::int64_t now_ms) {
  json& transitions = job.document["SecondaryStatusTransitions"];
  if (transitions.is_array() && !transitions.empty()) transitions.back()["StatusMessage"] = message;
  touch(job, now_ms);
}

void finish(store::Record& job, std::string_view status, std::string_view secondary_status,
            std::string_view message, std::int64_t now_ms) {
  enter(job, secondary_status, message, now_ms);
  job.document["SecondaryStatusTransitions"].back()["EndTime"] = timestamp(now_ms);
  job.status = status;
  job.document["TrainingJobStatus"] = status;
  job.document["TrainingEndTime"] = timestamp(now_ms);
  if (const auto start = job.document.find("TrainingStartTime");
      start != job.document.end() && start->is_number()) {
    // Billed by the second, a started one counts; the same for every instance.
    const double seconds = static_cast<double>(now_ms) / 1000.0 - start->get<double>();
    const auto billed = static_cast<std::int64_t>(std::max(1.0, std::ceil(seconds)));
    job.document["TrainingTimeInSeconds"] = billed;
    job.document["BillableTimeInSeconds"] = billed;
  }
}

void fail(store::Record& job, const std::string& reason, std::int64_t now_ms) {
  finish(job, "Failed", "Failed", "Training job failed", now_ms);
  job.document["FailureReason"] = reason.substr(0, failure_reason_bytes_max);
}

bool ended(const store::Record& job) {
  return job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
}

}  // namespace sagemaker::local::services::training_state
