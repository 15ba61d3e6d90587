#include "emulator/services/sagemaker/training/state.hpp"

#include <algorithm>
#include <cmath>

#include "emulator/runner/host_tree.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/sagemaker/prices.hpp"

namespace sagemaker::local::services::training_state {
namespace {

constexpr std::size_t failure_reason_chars_max = 1024;  // AWS: FailureReason

// A clock that was set back does not turn the story of a job around.
std::int64_t not_before_the_last(const store::Record& job, std::int64_t now_ms) {
  return std::max(now_ms, job.modified_ms);
}

void touch(store::Record& job, std::int64_t now_ms) {
  job.modified_ms = now_ms;
  job.document["LastModifiedTime"] = timestamp(now_ms);
}

}  // namespace

void enter(store::Record& job, std::string_view secondary_status, std::string_view message,
           std::int64_t now) {
  const std::int64_t now_ms = not_before_the_last(job, now);
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
  touch(job, not_before_the_last(job, now_ms));
}

void finish(store::Record& job, std::string_view status, std::string_view secondary_status,
            std::string_view message, std::int64_t now_ms) {
  enter(job, secondary_status, message, now_ms);
  const double end = timestamp(job.modified_ms);
  job.document["SecondaryStatusTransitions"].back()["EndTime"] = end;
  job.status = status;
  job.document["TrainingJobStatus"] = status;
  job.document["TrainingEndTime"] = end;
  // Whoever keeps the instances for the next job says so after this.
  if (const auto pool = job.document.find("WarmPoolStatus"); pool != job.document.end())
    *pool = {{"Status", "Terminated"}, {"ResourceRetainedBillableTimeInSeconds", 0}};
  give_instances_back(job, now_ms);
  if (const std::int64_t held = held_ms(job, now_ms); held > 0) {
    // Billed by the second, a started one counts; the same for every instance.
    const double share = job.document.value("EnableManagedSpotTraining", false) ? spot_price_ratio : 1.0;
    const double seconds = static_cast<double>(held) / 1000.0;
    job.document["TrainingTimeInSeconds"] = static_cast<std::int64_t>(std::ceil(seconds));
    job.document["BillableTimeInSeconds"] =
        static_cast<std::int64_t>(std::max(1.0, std::ceil(seconds * share)));
  }
}

void fail(store::Record& job, const std::string& reason, std::int64_t now_ms) {
  finish(job, "Failed", "Failed", "Training job failed", now_ms);
  job.document["FailureReason"] = runner::clean_text(reason, failure_reason_chars_max);
}

void take_instances(store::Record& job, std::int64_t now_ms) {
  const std::int64_t shown = not_before_the_last(job, now_ms);
  if (!job.document.contains("TrainingStartTime")) job.document["TrainingStartTime"] = timestamp(shown);
  own_notes(job)["held_since_ms"] = now_ms;
  touch(job, shown);
}

void give_instances_back(store::Record& job, std::int64_t now_ms) {
  const std::int64_t held = held_ms(job, now_ms);
  own_notes(job)["held_ms"] = held;
  own_notes(job).erase("held_since_ms");
}

std::int64_t held_ms(const store::Record& job, std::int64_t now_ms) {
  const json notes = job.document.value("_notes", json::object());
  std::int64_t held = notes.value("held_ms", std::int64_t{0});
  if (const auto since = notes.find("held_since_ms"); since != notes.end())
    held += std::max<std::int64_t>(1, now_ms - since->get<std::int64_t>());  // it held them, however briefly
  return held;
}

void add_metrics(store::Record& job, const json& metrics) {
  if (metrics.empty()) return;
  json& all = job.document["FinalMetricDataList"];
  if (!all.is_array()) all = json::array();
  for (const json& metric : metrics) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const json& known) {
      return known.at("MetricName") == metric.at("MetricName");
    });
    if (same == all.end())
      all.push_back(metric);
    else
      *same = metric;
  }
}

json& own_notes(store::Record& job) {
  json& notes = job.document["_notes"];
  if (!notes.is_object()) notes = json::object();
  return notes;
}

json description(const store::Record& job) {
  json shown = job.document;
  shown.erase("_notes");
  return shown;
}

bool ended(const store::Record& job) {
  return job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
}

}  // namespace sagemaker::local::services::training_state
