// The metrics of a training job over time, from CloudWatch, and the training jobs of a tuning job: what the
// SageMaker Python SDK calls TrainingJobAnalytics and HyperparameterTuningJobAnalytics, with rows in place of
// a data frame.
//   for (const auto& row : estimator.training_job_analytics().rows())
//     std::printf("%s after %.0f s: %g\n", row.metric_name.c_str(), row.timestamp, row.value);
//   tuner.analytics().export_csv("trials.csv");
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/detail/documents.hpp>
#include <sagemaker/detail/job_progress.hpp>
#include <sagemaker/session.hpp>

namespace sagemaker {

struct TrainingJobAnalyticsOptions {
  std::vector<std::string> metric_names = {};     // empty: those that the job defines
  std::optional<aws::TimePoint> start_time = {};  // absent: when training started
  std::optional<aws::TimePoint> end_time = {};    // absent: a minute after it ended, or after now
  std::chrono::seconds period{60};                // a row is the average over this time
};

struct MetricRow {
  double timestamp = 0;  // seconds since the first row of the metric
  std::string metric_name;
  double value = 0;
};

namespace detail {

inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

// Throws std::system_error where the file cannot be written.
inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  if (!out)
    throw std::system_error(errno, std::generic_category(), "\"" + file.string() + "\" cannot be written");
}

}  // namespace detail

class TrainingJobAnalytics {
 public:
  // Nothing is asked before rows() or metric_names().
  TrainingJobAnalytics(Session session, std::string training_job_name,
                       TrainingJobAnalyticsOptions options = {})
      : session_(std::move(session)), name_(std::move(training_job_name)), options_(std::move(options)) {}

  const std::string& name() const { return name_; }

  // Metric after metric, each in the order of time. Asked for once; `force_refresh` asks again. A metric
  // without values is mentioned. Throws ConfigError for a job that has not begun to train.
  const std::vector<MetricRow>& rows(bool force_refresh = false) & {
    if (force_refresh) clear_cache();
    if (!rows_) rows_ = fetch();
    return *rows_;
  }
  // Of a temporary, as in a loop over estimator.training_job_analytics().rows(): they outlive it.
  std::vector<MetricRow> rows(bool force_refresh = false) && { return rows(force_refresh); }
  void clear_cache() { rows_.reset(); }

  std::vector<std::string> metric_names() const {
    return options_.metric_names.empty() ? defined_metrics(session_.describe_training_job(name_))
                                         : options_.metric_names;
  }

  // As pandas writes the SDK's data frame: ",timestamp,metric_name,value", then "0,0.0,loss,0.5".
  std::string csv() {
    std::string text = ",timestamp,metric_name,value\n";
    std::size_t index = 0;
    for (const MetricRow& row : rows()) {
      text += std::to_string(index++) + "," + aws::dump_json(row.timestamp) + "," +
              detail::csv_field(row.metric_name) + "," + aws::dump_json(row.value) + "\n";
    }
    return text;
  }
  // [{"timestamp": 0.0, "metric_name": "loss", "value": 0.5}, ...]
  json to_json() {
    json documents = json::array();
    for (const MetricRow& row : rows()) {
      documents.push_back(detail::object(
          {{"timestamp", row.timestamp}, {"metric_name", row.metric_name}, {"value", row.value}}));
    }
    return documents;
  }
  // Throws std::system_error where the file cannot be written.
  void export_csv(const std::filesystem::path& file) { detail::write_text(file, csv()); }

 private:
  static std::vector<std::string> defined_metrics(const json& job) {
    std::vector<std::string> names;
    for (const json& metric :
         detail::array_of(detail::object_of(job, "AlgorithmSpecification"), "MetricDefinitions")) {
      names.push_back(detail::text_of(metric, "Name"));
    }
    return names;
  }

  std::vector<MetricRow> fetch() const {
    const json job = session_.describe_training_job(name_);
    const auto start = options_.start_time ? options_.start_time : detail::time_of(job, "TrainingStartTime");
    if (!start) throw ConfigError("Training job " + name_ + " has not begun to train: it has no metrics yet");
    // CloudWatch drops the seconds of the end, and the last values with them.
    const auto end = options_.end_time.value_or(
        detail::time_of(job, "TrainingEndTime").value_or(session_.clock().now()) + std::chrono::minutes(1));
    std::vector<MetricRow> rows;
    for (const std::string& name :
         options_.metric_names.empty() ? defined_metrics(job) : options_.metric_names) {
      fetch_metric(name, *start, end, rows);
    }
    return rows;
  }

  // One request is for 1,440 values at most: a day at a value a minute.
  void fetch_metric(const std::string& metric, aws::TimePoint start, aws::TimePoint end,
                    std::vector<MetricRow>& rows) const {
    const auto window = options_.period * 1'440;
    std::vector<std::pair<double, double>> points;
    for (aws::TimePoint from = start; from < end; from += window) {
      const json answer = session_.metrics().get_metric_statistics(
          detail::object({{"Namespace", "/aws/sagemaker/TrainingJobs"},
                          {"MetricName", metric},
                          {"Dimensions", dimensions()},
                          {"StartTime", aws::to_epoch_seconds(from)},
                          {"EndTime", aws::to_epoch_seconds(std::min(from + window, end))},
                          {"Period", options_.period.count()},
                          {"Statistics", detail::text_array({"Average"})}}));
      for (const json& point : detail::array_of(answer, "Datapoints")) {
        points.emplace_back(point.value("Timestamp", 0.0), point.value("Average", 0.0));
      }
    }
    if (points.empty()) return session_.print("Warning: No metrics called " + metric + " found");
    std::sort(points.begin(), points.end());
    for (const auto& [time, value] : points) rows.push_back({time - points.front().first, metric, value});
  }

  json dimensions() const {
    json dimensions = json::array();
    dimensions.push_back(detail::object({{"Name", "TrainingJobName"}, {"Value", name_}}));
    return dimensions;
  }

  Session session_;
  std::string name_;
  TrainingJobAnalyticsOptions options_;
  std::optional<std::vector<MetricRow>> rows_;
};

// One training job of a tuning job.
struct TuningJobRow {
  // The values of its own, a number where the text is one. Those of frameworks' scripts are JSON: "\"adam\"".
  std::map<std::string, json> parameters;
  std::string training_job_name;
  std::string training_job_status;
  std::optional<double> final_objective_value = {};  // absent: none yet, or the job failed
  std::optional<aws::TimePoint> training_start_time = {};
  std::optional<aws::TimePoint> training_end_time = {};
  std::optional<double> training_elapsed_time_seconds = {};
  std::string training_job_definition_name = {};  // of several estimators
};

class HyperparameterTuningJobAnalytics {
 public:
  // Nothing is asked before the first of the methods below. What was asked for once is kept until
  // clear_cache(), or a `force_refresh`. Throws ServiceError where there is no such job.
  HyperparameterTuningJobAnalytics(Session session, std::string tuning_job_name)
      : session_(std::move(session)), name_(std::move(tuning_job_name)) {}

  const std::string& name() const { return name_; }

  // The training jobs in the order in which the service lists them: the latest first.
  const std::vector<TuningJobRow>& rows(bool force_refresh = false) & {
    if (force_refresh) clear_cache();
    if (rows_) return *rows_;
    std::vector<TuningJobRow> rows;
    for (const json& summary : training_job_summaries()) rows.push_back(row_of(summary));
    rows_ = std::move(rows);
    return *rows_;
  }
  // Of a temporary, as in a loop over tuner.analytics().rows(): they outlive it. So do the next two.
  std::vector<TuningJobRow> rows(bool force_refresh = false) && { return rows(force_refresh); }
  // HyperParameterTrainingJobSummary documents of all pages.
  const std::vector<json>& training_job_summaries(bool force_refresh = false) & {
    if (force_refresh) clear_cache();
    if (summaries_) return *summaries_;
    std::vector<json> summaries;
    for (const json& summary : session_.sagemaker().items(
             "ListTrainingJobsForHyperParameterTuningJob",
             detail::object({{"HyperParameterTuningJobName", name_}, {"MaxResults", 100}})))
      summaries.push_back(summary);
    summaries_ = std::move(summaries);
    return *summaries_;
  }
  std::vector<json> training_job_summaries(bool force_refresh = false) && {
    return training_job_summaries(force_refresh);
  }
  // DescribeHyperParameterTuningJob.
  const json& description(bool force_refresh = false) & {
    if (force_refresh) clear_cache();
    if (description_.is_null()) description_ = session_.describe_tuning_job(name_);
    return description_;
  }
  json description(bool force_refresh = false) && { return description(force_refresh); }
  // By the names of the hyperparameters: {"lr": {"Name": "lr", "MinValue": "0.1", ...}}; of several
  // estimators by their names first.
  json tuning_ranges() {
    const json& job = description();
    if (job.contains("TrainingJobDefinition"))
      return by_name(
          detail::object_of(detail::object_of(job, "HyperParameterTuningJobConfig"), "ParameterRanges"));
    json ranges = json::object();
    for (const json& definition : detail::array_of(job, "TrainingJobDefinitions"))
      ranges[detail::text_of(definition, "DefinitionName")] =
          by_name(detail::object_of(definition, "HyperParameterRanges"));
    return ranges;
  }
  void clear_cache() {
    rows_.reset();
    summaries_.reset();
    description_ = nullptr;
  }

  // As pandas writes the SDK's data frame: the number of the row, the hyperparameters, and then
  // TrainingJobName, TrainingJobStatus, FinalObjectiveValue, TrainingStartTime, TrainingEndTime,
  // TrainingElapsedTimeSeconds and, of several estimators, TrainingJobDefinitionName.
  std::string csv() {
    const std::vector<std::string> columns = this->columns();
    std::string text;
    for (const std::string& column : columns) text += "," + detail::csv_field(column);
    text += "\n";
    std::size_t index = 0;
    for (const TuningJobRow& row : rows()) {
      const json document = document_of(row);
      text += std::to_string(index++);
      for (const std::string& column : columns) text += "," + csv_value(document, column);
      text += "\n";
    }
    return text;
  }
  // [{"lr": 0.1, "TrainingJobName": "...", "FinalObjectiveValue": 0.9, ...}, ...]; null where there is none.
  json to_json() {
    json documents = json::array();
    for (const TuningJobRow& row : rows()) documents.push_back(document_of(row));
    return documents;
  }
  // Both throw std::system_error where the file cannot be written.
  void export_csv(const std::filesystem::path& file) { detail::write_text(file, csv()); }
  void export_json(const std::filesystem::path& file) {
    detail::write_text(file, aws::dump_json(to_json(), 2) + "\n");
  }

 private:
  static json number_or_text(const json& value) {
    if (!value.is_string()) return value;
    const auto& text = value.get_ref<const std::string&>();
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == '\0' && std::isfinite(number) ? json(number) : value;
  }

  static TuningJobRow row_of(const json& summary) {
    TuningJobRow row;
    const json& values = detail::object_of(summary, "TunedHyperParameters");
    for (auto value = values.begin(); value != values.end(); ++value)
      row.parameters[value.key()] = number_or_text(*value);
    row.training_job_name = detail::text_of(summary, "TrainingJobName");
    row.training_job_status = detail::text_of(summary, "TrainingJobStatus");
    const json& objective = detail::object_of(summary, "FinalHyperParameterTuningJobObjectiveMetric");
    if (const auto value = objective.find("Value"); value != objective.end() && value->is_number())
      row.final_objective_value = value->get<double>();
    row.training_start_time = detail::time_of(summary, "TrainingStartTime");
    row.training_end_time = detail::time_of(summary, "TrainingEndTime");
    if (row.training_start_time && row.training_end_time)
      row.training_elapsed_time_seconds =
          std::chrono::duration<double>(*row.training_end_time - *row.training_start_time).count();
    row.training_job_definition_name = detail::text_of(summary, "TrainingJobDefinitionName");
    return row;
  }

  static json by_name(const json& ranges) {
    json found = json::object();
    for (const json& list : ranges) {
      for (const json& range : list) found[detail::text_of(range, "Name")] = range;
    }
    return found;
  }

  std::vector<std::string> columns() {
    std::set<std::string> parameters;
    bool definitions = false;
    for (const TuningJobRow& row : rows()) {
      for (const auto& [name, value] : row.parameters) parameters.insert(name);
      definitions = definitions || !row.training_job_definition_name.empty();
    }
    std::vector<std::string> columns(parameters.begin(), parameters.end());
    for (const char* column : {"TrainingJobName", "TrainingJobStatus", "FinalObjectiveValue",
                               "TrainingStartTime", "TrainingEndTime", "TrainingElapsedTimeSeconds"})
      columns.emplace_back(column);
    if (definitions) columns.emplace_back("TrainingJobDefinitionName");
    return columns;
  }

  static json document_of(const TuningJobRow& row) {
    json document = json::object();
    for (const auto& [name, value] : row.parameters) document[name] = value;
    const auto optional = [&](const char* member, const auto& value, const auto& shown) {
      document[member] = value ? json(shown(*value)) : json(nullptr);
    };
    const auto same = [](double number) { return number; };
    const auto date = [](aws::TimePoint time) { return detail::format_utc(time) + "+00:00"; };
    document["TrainingJobName"] = row.training_job_name;
    document["TrainingJobStatus"] = row.training_job_status;
    optional("FinalObjectiveValue", row.final_objective_value, same);
    optional("TrainingStartTime", row.training_start_time, date);
    optional("TrainingEndTime", row.training_end_time, date);
    optional("TrainingElapsedTimeSeconds", row.training_elapsed_time_seconds, same);
    if (!row.training_job_definition_name.empty())
      document["TrainingJobDefinitionName"] = row.training_job_definition_name;
    return document;
  }
  static std::string csv_value(const json& document, const std::string& column) {
    const auto value = document.find(column);
    if (value == document.end() || value->is_null()) return "";
    return value->is_string() ? detail::csv_field(value->get<std::string>()) : aws::dump_json(*value);
  }

  Session session_;
  std::string name_;
  json description_;
  std::optional<std::vector<json>> summaries_;
  std::optional<std::vector<TuningJobRow>> rows_;
};

}  // namespace sagemaker
