#include "emulator/services/sagemaker/training/metric_scanner.hpp"

#include <charconv>

#include <spdlog/spdlog.h>

#include "emulator/services/pattern/pattern.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::size_t line_bytes_max = 64 * 1024;  // a metric stands in a line of text, not in a dump

std::optional<double> number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

}  // namespace

struct MetricScanner::Metric {
  std::string name;
  Pattern pattern;
  std::optional<double> value;
  aws::TimePoint when{};
};

MetricScanner::MetricScanner(const json& definitions, std::shared_ptr<aws::Clock> clock)
    : clock_(std::move(clock)) {
  for (const json& definition : definitions) {
    const std::string name = definition.at("Name");
    try {
      metrics_.push_back(std::unique_ptr<Metric>(
          new Metric{name, Pattern(definition.at("Regex").get<std::string>()), std::nullopt, {}}));
    } catch (const PatternError& error) {
      spdlog::warn("the regular expression of metric {} does not compile and matches nothing: {}", name,
                   error.what());
    }
  }
}

MetricScanner::~MetricScanner() = default;

void MetricScanner::scan(std::string_view line) {
  if (metrics_.empty()) return;
  line = line.substr(0, line_bytes_max);
  std::lock_guard lock(mutex_);
  for (const auto& metric : metrics_) {
    // Several matches in a line: the last one counts, as it does over the whole log.
    std::size_t from = 0;
    while (const auto match = metric->pattern.search(line, from)) {
      if (match->groups.size() > 1 && match->groups[1])
        if (const auto value = number(*match->groups[1])) {
          metric->value = value;
          metric->when = clock_->now();
        }
      if (match->end <= from) break;
      from = match->end;
    }
  }
}

json MetricScanner::final_metrics() const {
  std::lock_guard lock(mutex_);
  json list = json::array();
  for (const auto& metric : metrics_)
    if (metric->value)
      list.push_back({{"MetricName", metric->name},
                      {"Value", *metric->value},
                      {"Timestamp", aws::to_epoch_seconds(metric->when)}});
  return list;
}

}  // namespace sagemaker::local::services
