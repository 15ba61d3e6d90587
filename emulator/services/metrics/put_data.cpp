// PutMetricData: what a datum may hold, and what becomes of it.
#include <cmath>
#include <utility>
#include <vector>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

constexpr std::size_t data_max = 1'000;  // of one request
constexpr std::size_t values_max = 150;  // of one datum
constexpr std::int64_t age_max_s = 14 * 86'400, future_max_s = 2 * 3'600;

// What the several members with values are checked against: AWS takes -2^360 to 2^360, no NaN, no infinity.
double value_of(const json& value, const std::string& path) {
  const double number = value.get<double>();
  if (std::isnan(number)) throw invalid_value("The value NaN for parameter " + path + " is invalid.");
  if (!(std::abs(number) <= std::ldexp(1.0, 360)))
    throw invalid_value(
        "The value " +
        (std::isinf(number) ? std::string(number < 0 ? "-Infinity" : "Infinity") : aws::dump_json(value)) +
        " for parameter " + path + " is invalid.");
  return number;
}

double positive(const json& value, const std::string& path) {
  const double number = value_of(value, path);
  if (number <= 0)
    throw invalid_value("The value " + aws::dump_json(value) + " for parameter " + path + " is invalid.");
  return number;
}

store::MetricSummary statistic_set(const json& set, const std::string& path) {
  const double minimum = value_of(set.at("Minimum"), path + "Minimum");
  const double maximum = value_of(set.at("Maximum"), path + "Maximum");
  if (minimum > maximum)
    throw invalid_combination("The parameter " + path + "Maximum must be greater than or equal to " + path +
                              "Minimum.");
  return store::MetricSummary::of_set(positive(set.at("SampleCount"), path + "SampleCount"),
                                      value_of(set.at("Sum"), path + "Sum"), minimum, maximum);
}

store::MetricSummary value_array(const json& datum, const std::string& path) {
  const json& values = datum.at("Values");
  const auto counts = datum.find("Counts");
  if (values.size() > values_max)
    throw invalid_value("The collection " + path + "Values must not have a size greater than " +
                        std::to_string(values_max) + ".");
  if (values.empty()) throw missing_parameter("The parameter " + path + "Values is required.");
  if (counts != datum.end() && counts->size() != values.size())
    throw invalid_value("The parameters " + path + "Values and " + path + "Counts must be of the same size.");
  store::MetricSummary summary;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double times = counts == datum.end() ? 1 : positive((*counts)[i], member_path(path + "Counts", i));
    summary.add(store::MetricSummary::of(value_of(values[i], member_path(path + "Values", i)), times));
  }
  return summary;
}

store::MetricSummary summary_of(const json& datum, const std::string& path) {
  std::vector<std::string> given;
  for (const char* name : {"Value", "Values", "StatisticValues"})
    if (datum.contains(name)) given.emplace_back(name);
  if (given.empty()) throw missing_parameter("The parameter " + path + "Value is required.");
  if (given.size() > 1)
    throw invalid_combination("The parameters " + path + given[0] + " and " + path + given[1] +
                              " are mutually exclusive and you have specified both.");
  if (datum.contains("Counts") && given[0] != "Values")
    throw invalid_combination("The parameter " + path + "Counts requires the parameter " + path + "Values.");
  if (given[0] == "Value") return store::MetricSummary::of(value_of(datum.at("Value"), path + "Value"));
  if (given[0] == "Values") return value_array(datum, path);
  return statistic_set(datum.at("StatisticValues"), path + "StatisticValues.");
}

std::int64_t timestamp_of(const json& datum, const std::string& path, std::int64_t now_s) {
  if (!datum.contains("Timestamp")) return now_s;
  const std::int64_t time_s = time_of(datum, "Timestamp", path + "Timestamp");
  if (time_s < now_s - age_max_s)
    throw invalid_value("The parameter " + path +
                        "Timestamp must specify a time no more than two weeks in the past.");
  if (time_s > now_s + future_max_s)
    throw invalid_value("The parameter " + path +
                        "Timestamp must specify a time no more than two hours in the future.");
  return time_s;
}

store::MetricSample sample_of(const std::string& space, const json& datum, const std::string& path,
                              std::int64_t now_s) {
  store::MetricSample sample;
  sample.key = {space, datum.at("MetricName").get<std::string>(), dimensions_of(datum, path)};
  sample.unit = unit_of(datum).value_or("None");
  sample.time_s = timestamp_of(datum, path, now_s);
  sample.resolution_s = datum.value("StorageResolution", 60);
  if (sample.resolution_s != 1 && sample.resolution_s != 60)
    throw invalid_value("The value " + std::to_string(sample.resolution_s) + " for parameter " + path +
                        "StorageResolution is invalid.");
  sample.summary = summary_of(datum, path);
  return sample;
}

}  // namespace

json put_metric_data(Metrics& metrics, const json& input) {
  const std::string space = input.at("Namespace").get<std::string>();
  if (space.starts_with("AWS/")) throw invalid_value("The value AWS/ for parameter Namespace is invalid.");
  const auto data = input.find("MetricData");
  if (data == input.end() || data->empty()) throw missing_parameter("The parameter MetricData is required.");
  if (data->size() > data_max)
    throw invalid_value("The collection MetricData must not have a size greater than " +
                        std::to_string(data_max) + ".");
  const std::int64_t now_s = metrics.now_s();
  std::vector<store::MetricSample> samples;
  for (const json& datum : *data)
    samples.push_back(sample_of(space, datum, member_path("MetricData", samples.size()) + ".", now_s));
  metrics.put(samples);
  return json::object();
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
