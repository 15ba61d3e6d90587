#include "emulator/services/sagemaker/processing/state.hpp"

#include <algorithm>

#include "emulator/runner/host_tree.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::processing_state {
namespace {

constexpr std::size_t text_chars_max = 1024;  // AWS: FailureReason and ExitMessage

// A clock that was set back does not turn the story of a job around.
void touch(store::Record& job, std::int64_t now_ms) {
  job.modified_ms = std::max(now_ms, job.modified_ms);
  job.document["LastModifiedTime"] = timestamp(job.modified_ms);
}

void enter(store::Record& job, std::string_view status, std::int64_t now_ms) {
  job.status = status;
  job.document["ProcessingJobStatus"] = status;
  touch(job, now_ms);
}

}  // namespace

void begin(store::Record& job, std::int64_t now_ms) {
  touch(job, now_ms);
  job.document["ProcessingStartTime"] = timestamp(job.modified_ms);
}

void stopping(store::Record& job, std::int64_t now_ms) { enter(job, "Stopping", now_ms); }

void finish(store::Record& job, std::string_view status, std::string_view exit_message, std::int64_t now_ms) {
  enter(job, status, now_ms);
  job.document["ProcessingEndTime"] = timestamp(job.modified_ms);
  if (!exit_message.empty()) job.document["ExitMessage"] = runner::clean_text(exit_message, text_chars_max);
}

void fail(store::Record& job, std::string_view reason, std::string_view exit_message, std::int64_t now_ms) {
  finish(job, "Failed", exit_message, now_ms);
  job.document["FailureReason"] = runner::clean_text(reason, text_chars_max);
}

bool begun(const store::Record& job) { return job.document.contains("ProcessingStartTime"); }

bool ended(const store::Record& job) {
  return job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
}

}  // namespace sagemaker::local::services::processing_state
