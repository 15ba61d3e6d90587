// GetMetricStatistics: the statistics of one metric, period by period.
#include <vector>

#include "emulator/services/metrics/service.hpp"

namespace sagemaker::local::services::cloudwatch_metrics {
namespace {

constexpr std::int64_t datapoints_max = 1'440;

std::vector<Statistic> statistics_of(const json& input, const char* list) {
  std::vector<Statistic> statistics;
  const auto names = input.find(list);
  if (names == input.end()) return statistics;
  for (const json& name : *names)
    statistics.emplace_back(name.get<std::string>(), member_path(list, statistics.size()));
  return statistics;
}

}  // namespace

json get_metric_statistics(const Metrics& metrics, const json& input) {
  const std::vector<Statistic> plain = statistics_of(input, "Statistics");
  const std::vector<Statistic> extended = statistics_of(input, "ExtendedStatistics");
  if (plain.empty() && extended.empty())
    throw invalid_combination("Must specify either Statistics or ExtendedStatistics.");
  const Window window = window_of(input, input.at("Period").get<std::int64_t>(), metrics.now_s());
  if (window.periods() > datapoints_max)
    throw invalid_combination("You have requested up to " + grouped_digits(window.periods()) +
                              " datapoints, which exceeds the limit of " + grouped_digits(datapoints_max) +
                              ". You may reduce the datapoints requested by increasing Period, or decreasing "
                              "the time range.");
  const store::MetricKey key{input.at("Namespace").get<std::string>(),
                             input.at("MetricName").get<std::string>(), dimensions_of(input, "")};
  json datapoints = json::array();
  each_period(metrics.store(), key, unit_of(input), window, true,
              [&](std::int64_t start_s, const std::string& unit, const store::MetricSummary& summary) {
                json datapoint = {{"Timestamp", start_s}, {"Unit", unit}};
                for (const Statistic& statistic : plain) datapoint[statistic.name()] = *statistic.of(summary);
                for (const Statistic& statistic : extended)
                  if (const auto value = statistic.of(summary))
                    datapoint["ExtendedStatistics"][statistic.name()] = *value;
                datapoints.push_back(std::move(datapoint));
              });
  return {{"Label", key.name}, {"Datapoints", std::move(datapoints)}};
}

}  // namespace sagemaker::local::services::cloudwatch_metrics
