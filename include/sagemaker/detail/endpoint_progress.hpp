// What is told of an endpoint while a program waits for it: its states with their times, how many instances
// of each variant are up, and what the containers write.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/detail/console.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/job_logs.hpp>

namespace sagemaker::detail {

// "AllTraffic: 0 of 2 instances", with what a variant is just going through. Of an update the variants to
// come are told, since those are what is waited for.
inline std::string variants_text(const json& description) {
  const json& pending = array_of(object_of(description, "PendingDeploymentSummary"), "ProductionVariants");
  const json& variants = pending.empty() ? array_of(description, "ProductionVariants") : pending;
  std::string text;
  for (const json& variant : variants) {
    text += (text.empty() ? "" : "; ") + text_of(variant, "VariantName");
    const int desired = number_of(variant, "DesiredInstanceCount", 0);
    if (desired > 0) {
      text += ": " + std::to_string(number_of(variant, "CurrentInstanceCount", 0)) + " of " +
              std::to_string(desired) + (desired == 1 ? " instance" : " instances");
    }
    const json& states = array_of(variant, "VariantStatus");
    if (states.empty()) continue;
    text += ", " + text_of(states.back(), "Status");
    if (const std::string message = text_of(states.back(), "StatusMessage"); !message.empty())
      text += " - " + message;
  }
  return text;
}

// Prints each status once: "2026-11-21 07:00:00 Creating - Endpoint my-endpoint...".
class EndpointProgress {
 public:
  EndpointProgress(Console& console, std::string name) : console_(console), name_(std::move(name)) {}

  // Says whether anything has changed.
  bool update(const json& description, aws::TimePoint now) {
    const std::string status = text_of(description, "EndpointStatus");
    const std::string variants = variants_text(description);
    const bool news = status != status_ || variants != variants_;
    if (status != std::exchange(status_, status)) {
      const auto time = time_of(description, "LastModifiedTime").value_or(now);
      console_.line(format_utc(time) + " " + status + " - Endpoint " + name_ + (pending() ? "..." : ""));
    }
    variants_ = variants;
    return news;
  }

  bool pending() const {
    return status_ == "Creating" || status_ == "Updating" || status_ == "SystemUpdating" ||
           status_ == "RollingBack";
  }
  std::string live_status() const {
    return "Endpoint " + name_ + ": " + status_ + (variants_.empty() ? "" : " (" + variants_ + ")");
  }
  // The description of an endpoint that came to be InService; throws for any other.
  json result(const json& description) const {
    if (status_ == "InService") return description;
    throw_unexpected_status({"Endpoint " + name_, status_, text_of(description, "FailureReason")});
  }

 private:
  Console& console_;
  std::string name_;
  std::string status_;
  std::string variants_;
};

// The output of an endpoint's containers, from the log streams VARIANT/INSTANCE of its log group. Lines of
// several instances come with the name of theirs.
class EndpointLog {
 public:
  EndpointLog(LogsClient logs, const std::string& endpoint)
      : logs_(std::move(logs)), group_("/aws/sagemaker/Endpoints/" + endpoint) {}

  // Delivers what is new and says whether anything was.
  bool poll(const json& description,
            const std::function<void(const std::string& host, const std::string& text)>& deliver) {
    // An endpoint that is being created has only variants to come.
    for (const json* variants :
         {&array_of(description, "ProductionVariants"),
          &array_of(object_of(description, "PendingDeploymentSummary"), "ProductionVariants")}) {
      for (const json& variant : *variants) {
        const std::string name = text_of(variant, "VariantName");
        const int instances = std::max(1, number_of(variant, "DesiredInstanceCount", 1));
        tails_.try_emplace(name, logs_, JobLogTailOptions{group_, name, instances});
      }
    }
    bool any = false;
    for (auto& [variant, tail] : tails_) {
      any = tail.poll([&](const LogLine& line) {
        const bool several = tails_.size() > 1 || tail.stream_count() > 1;
        deliver(several ? variant + "/" + line.host : "", line.text);
      }) || any;
    }
    return any;
  }

 private:
  LogsClient logs_;
  std::string group_;
  std::map<std::string, JobLogTail> tails_;  // by variant
};

}  // namespace sagemaker::detail
