// What is known of the values of one metric in one period: count, sum, minimum, maximum, and how the values
// are spread, which percentiles are read from. Summaries of neighbouring periods add up to that of a longer
// one. Of constant size: beyond some hundred different values, near ones are taken together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sagemaker::local::store {

struct MetricSummary {
  double count = 0, sum = 0, minimum = 0, maximum = 0;
  // Value -> how often. Empty in a summary that somebody else made: it has no percentiles, unless all of its
  // values are the same.
  std::map<double, double> spread;
  bool spread_known = true;

  static MetricSummary of(double value, double times = 1);
  // A statistic set as PutMetricData takes it.
  static MetricSummary of_set(double count, double sum, double minimum, double maximum);

  void add(const MetricSummary& other);
  double average() const { return sum / count; }
  // The smallest value that `percent` of all are not above; nullopt where the spread is not known.
  std::optional<double> percentile(double percent) const;

  // The spread as text, and back; empty where minimum and maximum say it all.
  std::string spread_text() const;
  void set_spread(std::string_view text);
};

}  // namespace sagemaker::local::store
