// The metrics of a training job over time, from CloudWatch: what the SageMaker Python SDK calls
// TrainingJobAnalytics, with rows in place of a data frame.
//   for (const auto& row : estimator.training_job_analytics().rows())
//     std::printf("%s after %.0f s: %g\n", row.metric_name.c_str(), row.timestamp, row.value);
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
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

class TrainingJobAnalytics {
 public:
  // Nothing is asked before rows() or metric_names().
  TrainingJobAnalytics(Session session, std::string training_job_name,
                       TrainingJobAnalyticsOptions options = {})
      : session_(std::move(session)), name_(std::move(training_job_name)), options_(std::move(options)) {}

  const std::string& name() const { return name_; }

  // Metric after metric, each in the order of time. Asked for once; `force_refresh` asks again. A metric
  // without values is mentioned. Throws ConfigError for a job that has not begun to train.
  const std::vector<MetricRow>& rows(bool force_refresh = false) {
    if (force_refresh) clear_cache();
    if (!rows_) rows_ = fetch();
    return *rows_;
  }
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
              csv_field(row.metric_name) + "," + aws::dump_json(row.value) + "\n";
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
  void export_csv(const std::filesystem::path& file) {
    const std::string text = csv();
    std::ofstream out(file, std::ios::binary);
    out << text << std::flush;
    if (!out)
      throw std::system_error(errno, std::generic_category(), "\"" + file.string() + "\" cannot be written");
  }

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

  static std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
  }

  Session session_;
  std::string name_;
  TrainingJobAnalyticsOptions options_;
  std::optional<std::vector<MetricRow>> rows_;
};

}  // namespace sagemaker
