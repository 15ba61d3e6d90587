// Metrics as CloudWatch keeps them: not single values but summaries of a minute (or of a second, where that
// was asked for), which become coarser with age and are gone in the end. So many values of one metric cost no
// more than one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "emulator/store/database.hpp"
#include "emulator/store/metric_summary.hpp"

namespace sagemaker::local::store {

// What a metric is: the same name with other dimensions is another metric.
struct MetricKey {
  std::string space;  // the namespace
  std::string name;
  std::vector<std::pair<std::string, std::string>> dimensions;  // by name

  auto members() const { return std::tie(space, name, dimensions); }
  bool operator==(const MetricKey& other) const { return members() == other.members(); }
};

struct MetricSample {
  MetricKey key;
  std::string unit;
  std::int64_t time_s = 0;
  int resolution_s = 60;  // 60 or 1
  MetricSummary summary;
};

struct MetricPoint {
  std::int64_t start_s = 0;
  std::string unit;
  MetricSummary summary;
};

class Metrics {
 public:
  explicit Metrics(Database& database) : database_(database) {}
  static std::string_view schema();

  // All of them or none.
  void put(std::span<const MetricSample> samples, std::int64_t now_s);

  // The summaries that begin in [from, until), in order of time, whatever their resolution.
  void read(const MetricKey& key, const std::optional<std::string>& unit, std::int64_t from_s,
            std::int64_t until_s, const std::function<void(const MetricPoint&)>& visit) const;

  // Metrics in the order of namespace, name and dimensions, those behind `behind` only, until `visit` says
  // false.
  struct Selection {
    std::optional<std::string> space, name;
    std::optional<MetricKey> behind;
    std::int64_t updated_since_s = 0;  // when something was put last
    std::int64_t value_since_s = 0;    // the time of the latest value
  };
  void list(const Selection& selection, const std::function<bool(const MetricKey&)>& visit) const;

  // Makes old summaries coarser and deletes the oldest, as CloudWatch does: seconds are kept for 3 hours,
  // minutes for 15 days, 5 minutes for 63 days, hours for 455 days.
  void compact(std::int64_t now_s);

 private:
  Database& database_;
};

}  // namespace sagemaker::local::store
