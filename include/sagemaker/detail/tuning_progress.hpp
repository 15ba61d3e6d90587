// What a program that follows a tuning job shows: a line for each training job that ends, the best one, and
// on a terminal a table with those that run and a line of blocks for the objective over time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/detail/console.hpp>
#include <sagemaker/detail/documents.hpp>

namespace sagemaker::detail {

inline std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// "learning-rate=0.0123457 optimizer=sgd": numbers with six digits, texts without the quotation marks that
// they have as JSON.
inline std::string parameters_text(const json& values) {
  std::string text;
  for (auto entry = values.begin(); entry != values.end(); ++entry) {
    std::string value = entry->is_string() ? entry->get<std::string>() : entry->dump();
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (!value.empty() && *end == '\0' && value.find_first_of(".e") != std::string::npos)
      value = short_number(number);
    else if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    text += (text.empty() ? "" : " ") + entry.key() + "=" + value;
  }
  return text;
}

// One block for each value, from the lowest to the highest; values beyond `width` leave at the front.
inline std::string sparkline(const std::vector<double>& values, std::size_t width = 40) {
  if (values.empty()) return "";
  constexpr const char* blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                    "\u2585", "\u2586", "\u2587", "\u2588"};
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  const double range = *highest - *lowest;
  std::string line;
  for (std::size_t index = values.size() > width ? values.size() - width : 0; index < values.size();
       ++index) {
    const double part = range > 0 && std::isfinite(range) ? (values[index] - *lowest) / range : 0.5;
    line += blocks[std::min<std::size_t>(7, static_cast<std::size_t>(part * 8))];
  }
  return line;
}

class TuningProgress {
 public:
  TuningProgress(Console& console, std::string name) : console_(console), name_(std::move(name)) {}

  // The request for the training jobs, in the order that update() reads.
  static json newest_first(const std::string& name) {
    return object({{"HyperParameterTuningJobName", name},
                   {"SortBy", "CreationTime"},
                   {"SortOrder", "Descending"},
                   {"MaxResults", 100}});
  }

  // Takes a description; whether training jobs have begun or ended since the last one.
  bool wants_jobs(const json& description) {
    status_ = text_of(description, "HyperParameterTuningJobStatus");
    const json& config = object_of(description, "HyperParameterTuningJobConfig");
    jobs_in_all_ = number_of(object_of(config, "ResourceLimits"), "MaxNumberOfTrainingJobs", 0);
    const json& objective = object_of(config, "HyperParameterTuningJobObjective");
    const json& definitions = array_of(description, "TrainingJobDefinitions");
    const json& chosen = objective.empty() && !definitions.empty()
                             ? object_of(definitions.front(), "TuningObjective")
                             : objective;
    minimize_ = text_of(chosen, "Type") == "Minimize";
    metric_ = text_of(chosen, "MetricName");
    for (const json& definition : definitions)
      metrics_[text_of(definition, "DefinitionName")] =
          text_of(object_of(definition, "TuningObjective"), "MetricName");
    json counters = object({{"jobs", object_of(description, "TrainingJobStatusCounters")},
                            {"objectives", object_of(description, "ObjectiveStatusCounters")},
                            {"over", status_ != "InProgress" && status_ != "Stopping"}});
    if (counters == counters_) return false;
    counters_ = std::move(counters);
    return true;
  }

  // Takes the pages of training jobs, the newest first, and prints those that have ended since. Pages with
  // nothing but what is known to have ended are not asked for. Those that ran and are not listed any more
  // were deleted, and are forgotten.
  void update(const Pages& pages) {
    std::set<std::string> open;
    for (const Trial& trial : trials_) {
      if (!trial.ended) open.insert(trial.name);
    }
    for (const json& page : pages) {
      bool known = false;
      for (const json& summary : array_of(page, "TrainingJobSummaries")) {
        open.erase(text_of(summary, "TrainingJobName"));
        known = take(summary) || known;
      }
      if (known && open.empty()) break;
    }
    std::erase_if(trials_, [&](const Trial& trial) { return open.contains(trial.name); });
    std::stable_sort(trials_.begin(), trials_.end(), [](const Trial& one, const Trial& other) {
      return one.created != other.created ? one.created < other.created : one.name < other.name;
    });
    for (Trial& trial : trials_) {
      if (!trial.ended || std::exchange(trial.told, true)) continue;
      console_.line(text_of_ended(trial));
    }
  }

  // The running training jobs that the table has room for.
  std::vector<std::string> shown_running() const {
    std::vector<std::string> names;
    const std::size_t room = std::clamp<std::size_t>(console_.height() / 3, 1, 8);
    for (const Trial& trial : trials_) {
      if (!trial.ended && names.size() < room) names.push_back(trial.name);
    }
    return names;
  }
  // The request for CloudWatch's values of a training job's objective up to now, as averages of a period. A
  // description of a training job has values when it has ended.
  json values_so_far(const std::string& name, aws::TimePoint now, std::chrono::seconds period) const {
    constexpr int points = 1'000;  // of 1,440 that CloudWatch gives in one answer
    const Trial* trial = find(name);
    return object({{"Namespace", "/aws/sagemaker/TrainingJobs"},
                   {"MetricName", trial == nullptr ? metric_ : trial->metric},
                   {"Dimensions", json::array({object({{"Name", "TrainingJobName"}, {"Value", name}})})},
                   {"StartTime", aws::to_epoch_seconds(now - points * period)},
                   {"EndTime", aws::to_epoch_seconds(now)},
                   {"Period", period.count()},
                   {"Statistics", text_array({"Average"})}});
  }
  // Takes the answer, whose values are in no order.
  void set_latest(const std::string& name, const json& answer) {
    const auto trial =
        std::find_if(trials_.begin(), trials_.end(), [&](const Trial& known) { return known.name == name; });
    if (trial == trials_.end()) return;
    double latest = 0;
    for (const json& point : array_of(answer, "Datapoints")) {
      const double time = point.value("Timestamp", 0.0);
      if (const auto value = point.find("Average");
          time >= latest && value != point.end() && value->is_number()) {
        trial->value = value->get<double>();
        latest = time;
      }
    }
  }

  // What a terminal shows while the job runs.
  std::vector<std::string> table(std::chrono::seconds elapsed) const {
    char time[32];
    std::snprintf(time, sizeof time, "%02lld:%02lld ", static_cast<long long>(elapsed.count() / 60),
                  static_cast<long long>(elapsed.count() % 60));
    std::vector<std::string> lines{time + name_ + " " + status_ + ": " + counts()};
    const std::vector<std::string> running = shown_running();
    for (const Trial& trial : trials_) {
      if (std::find(running.begin(), running.end(), trial.name) != running.end())
        lines.push_back("  running  " + row(trial));
    }
    if (const std::size_t all = running_count(); all > running.size())
      lines.push_back("           and " + std::to_string(all - running.size()) + " more");
    if (!best_.empty()) lines.push_back("  best     " + row(*find(best_)));
    const std::vector<double> values = objectives();
    if (values.size() < 2) return lines;
    const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
    lines.push_back("  " + (one_metric() ? metric_ : "objective") + " " + sparkline(values) + " " +
                    short_number(*lowest) + " to " + short_number(*highest));
    return lines;
  }

  // "Best training job: ...", where there is one.
  void summary() const {
    if (best_.empty()) return;
    const Trial& best = *find(best_);
    console_.line("Best training job: " + best.name + ", " + best.metric + " " + short_number(*best.value) +
                  " (" + what_of(best) + ")");
  }

 private:
  struct Trial {
    std::string name;
    std::string status = {};
    std::string definition = {};  // its name, where there are several
    std::string parameters = {};
    std::string reason = {};
    std::string metric = {};  // what the objective of its definition is called
    double created = 0;
    bool succeeded = false;            // with an objective
    std::optional<double> value = {};  // while it runs the last one so far
    bool ended = false;
    bool told = false;
  };

  const Trial* find(const std::string& name) const {
    for (const Trial& trial : trials_) {
      if (trial.name == name) return &trial;
    }
    return nullptr;
  }

  // Whether it was known.
  bool take(const json& summary) {
    const std::string name = text_of(summary, "TrainingJobName");
    auto known =
        std::find_if(trials_.begin(), trials_.end(), [&](const Trial& trial) { return trial.name == name; });
    const bool before = known != trials_.end();
    if (before && known->ended) return true;
    if (!before) {
      known = trials_.insert(trials_.end(), Trial{.name = name});
      known->parameters = parameters_text(object_of(summary, "TunedHyperParameters"));
      known->created = summary.value("CreationTime", 0.0);
      if (metrics_.size() > 1) known->definition = text_of(summary, "TrainingJobDefinitionName");
      const auto metric = metrics_.find(text_of(summary, "TrainingJobDefinitionName"));
      known->metric = metric != metrics_.end() ? metric->second : metric_;
    }
    known->status = text_of(summary, "TrainingJobStatus");
    known->reason = text_of(summary, "FailureReason");
    const std::string objective = text_of(summary, "ObjectiveStatus");
    // A job that was stopped may still get its objective.
    known->ended =
        (known->status == "Completed" || known->status == "Failed" || known->status == "Stopped") &&
        objective != "Pending";
    known->succeeded = objective == "Succeeded";
    const json& final_metric = object_of(summary, "FinalHyperParameterTuningJobObjectiveMetric");
    if (const auto value = final_metric.find("Value"); value != final_metric.end() && value->is_number())
      known->value = value->get<double>();
    return before;
  }

  std::string text_of_ended(const Trial& trial) {
    std::string text = "Training job " + trial.name + " " + trial.status;
    if (trial.succeeded && trial.value) {
      text += ": " + trial.metric + " " + short_number(*trial.value);
      const Trial* best = find(best_);
      if (best == nullptr || (minimize_ ? *trial.value < *best->value : *trial.value > *best->value)) {
        text += ", the best so far";
        best_ = trial.name;
      }
    } else if (!trial.reason.empty()) {
      text += ": " + trial.reason;
    } else {
      text += " without an objective";
    }
    return text + " (" + what_of(trial) + ")";
  }

  // Of several definitions the training job's one goes before its parameters: "forest: depth=3".
  static std::string what_of(const Trial& trial) {
    return trial.definition.empty() ? trial.parameters : trial.definition + ": " + trial.parameters;
  }
  bool one_metric() const {
    return std::all_of(metrics_.begin(), metrics_.end(),
                       [&](const auto& metric) { return metric.second == metric_; });
  }

  // "017-ab12cd34 learning-rate=0.1 optimizer=sgd  0.93": names of training jobs begin with the tuning job's.
  std::string row(const Trial& trial) const {
    const std::string_view name = trial.name.starts_with(name_ + "-")
                                      ? std::string_view(trial.name).substr(name_.size() + 1)
                                      : trial.name;
    return std::string(name) + "  " + what_of(trial) +
           (trial.value ? "  " + trial.metric + " " + short_number(*trial.value) : "");
  }

  std::size_t running_count() const {
    return static_cast<std::size_t>(
        std::count_if(trials_.begin(), trials_.end(), [](const Trial& trial) { return !trial.ended; }));
  }

  // "7 of 20 jobs, 5 completed, 1 stopped, 1 in progress".
  std::string counts() const {
    const json& jobs = object_of(counters_, "jobs");
    std::string text;
    int all = 0;
    const auto add = [&](const char* member, const char* what) {
      const int count = number_of(jobs, member, 0);
      all += count;
      if (count > 0) text += ", " + std::to_string(count) + " " + what;
    };
    add("Completed", "completed");
    add("Stopped", "stopped");
    add("NonRetryableError", "failed");
    add("RetryableError", "failed for now");
    add("InProgress", "in progress");
    return std::to_string(all) + (jobs_in_all_ > 0 ? " of " + std::to_string(jobs_in_all_) : std::string()) +
           " training jobs" + text;
  }

  std::vector<double> objectives() const {
    std::vector<double> values;
    for (const Trial& trial : trials_) {
      if (trial.ended && trial.succeeded && trial.value && std::isfinite(*trial.value))
        values.push_back(*trial.value);
    }
    return values;
  }

  Console& console_;
  std::string name_;
  std::string status_;
  std::string metric_;                          // of the first definition
  std::map<std::string, std::string> metrics_;  // of several definitions, by their names
  bool minimize_ = false;
  int jobs_in_all_ = 0;
  json counters_;
  std::vector<Trial> trials_;  // in the order of their creation
  std::string best_;           // the name of the best one that was told of
};

}  // namespace sagemaker::detail
