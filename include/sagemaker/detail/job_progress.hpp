// The progress lines of a job, as the SageMaker Python SDK prints them
// (utils.secondary_training_status_message), and how often a waiting program looks.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/detail/console.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_kinds.hpp>

namespace sagemaker::detail {

// Of a job of any kind. A heterogeneous cluster has the instances of all its groups.
inline int instance_count_of(const json& description) {
  if (const json& cluster = object_of(object_of(description, "ProcessingResources"), "ClusterConfig");
      !cluster.empty())
    return number_of(cluster, "InstanceCount", 1);
  if (const json& transform = object_of(description, "TransformResources"); !transform.empty())
    return number_of(transform, "InstanceCount", 1);
  const json& resources = object_of(description, "ResourceConfig");
  int count = 0;
  for (const json& group : array_of(resources, "InstanceGroups"))
    count += number_of(group, "InstanceCount", 0);
  return count > 0 ? count : number_of(resources, "InstanceCount", 1);
}

// Times in answers are seconds since 1970.
inline std::optional<aws::TimePoint> time_of(const json& document, const char* member) {
  const auto found = document.find(member);
  if (found == document.end() || !found->is_number()) return std::nullopt;
  return aws::from_epoch_seconds(found->get<double>());
}

inline std::string format_utc(aws::TimePoint time) {
  std::string text = aws::format_iso8601(time).substr(0, 19);  // 2013-05-24T00:00:00
  text[10] = ' ';
  return text;
}

// What a terminal shows while a job runs: "Training, 24 billable seconds". Seconds are billed for every
// instance from the moment when training starts; a spot job is billed for less in the end.
inline std::string live_status(const json& description, std::string status, aws::TimePoint now,
                               const JobKind& kind = training_jobs) {
  const auto start = time_of(description, kind.start_member);
  if (!start) return status;
  const auto end = time_of(description, kind.end_member).value_or(now);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(end - *start).count();
  if (seconds <= 0) return status;
  return status + ", " + std::to_string(seconds * instance_count_of(description)) + " billable seconds";
}

// Prints each secondary status once: "2026-11-21 07:00:00 Starting - Starting the training job...". A status
// whose message has changed is printed again. Rules of the debugger and profiler follow as
// "LossNotDecreasing: InProgress" whenever one of them has changed. Jobs that have no secondary statuses:
// "2026-11-21 07:00:00 InProgress - Processing job NAME" whenever the status has changed.
class JobProgress {
 public:
  explicit JobProgress(Console& console, const JobKind& kind = training_jobs)
      : console_(console), kind_(kind), status_(kind.transitions ? "Starting" : "InProgress") {}

  void update(const json& description) {
    if (!kind_.transitions) return show_status(description);
    const json& transitions = array_of(description, "SecondaryStatusTransitions");
    for (std::size_t index = shown_ > 0 ? shown_ - 1 : 0; index < transitions.size(); ++index) {
      const json& transition = transitions[index];
      const std::string status = text_of(transition, "Status");
      const std::string message = text_of(transition, "StatusMessage");
      if (index < shown_ && message == last_message_) continue;
      shown_ = index + 1;
      last_message_ = message;
      status_ = status;
      auto time = index + 1 == transitions.size() ? time_of(description, "LastModifiedTime") : std::nullopt;
      if (!time) time = time_of(transition, "StartTime");
      const bool final_status = status == "Completed" || status == "Failed" || status == "Stopped";
      console_.line((time ? format_utc(*time) + " " : std::string()) + status +
                    (message.empty() ? "" : " - " + message) +
                    (final_status             ? ""
                     : message.ends_with('.') ? ".."
                                              : "..."));
    }
    show_rules(array_of(description, "DebugRuleEvaluationStatuses"), debugger_rules_);
    show_rules(array_of(description, "ProfilerRuleEvaluationStatuses"), profiler_rules_);
  }

  const std::string& status() const { return status_; }  // the last one printed

 private:
  void show_status(const json& description) {
    const std::string status = text_of(description, kind_.status_member);
    if (shown_ > 0 && status == status_) return;
    shown_ = 1;
    status_ = status;
    const bool over = status == "Completed" || status == "Failed" || status == "Stopped";
    auto time = time_of(description, "LastModifiedTime");  // transform jobs have none
    if (!time && over) time = time_of(description, kind_.end_member);
    if (!time) time = time_of(description, "CreationTime");
    console_.line((time ? format_utc(*time) + " " : std::string()) + status + " - " + kind_.title +
                  text_of(description, kind_.name_member));
  }

  void show_rules(const json& rules, std::string& shown) {
    const auto text = [](const json& rule) {
      return text_of(rule, "RuleConfigurationName") + ": " + text_of(rule, "RuleEvaluationStatus");
    };
    std::string now;
    for (const json& rule : rules) now += text(rule) + "\n";
    if (now == std::exchange(shown, now)) return;
    for (const json& rule : rules) console_.line(text(rule));
  }

  Console& console_;
  const JobKind& kind_;
  std::size_t shown_ = 0;
  std::string last_message_;
  std::string status_;
  std::string debugger_rules_;
  std::string profiler_rules_;
};

// The pause between two looks: from `first` it grows by half until `longest`, and starts anew where something
// happened.
class PollPace {
 public:
  PollPace(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(std::min(first, longest)), longest_(longest), next_(first_) {}

  void something_happened() { next_ = first_; }

  std::chrono::milliseconds next() {
    return std::exchange(next_, std::min(next_ * 3 / 2 + std::chrono::milliseconds(1), longest_));
  }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_;
};

}  // namespace sagemaker::detail
