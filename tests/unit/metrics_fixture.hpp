// A metric service on a store of its own, with a clock that the test moves.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "emulator/services/metrics/metrics.hpp"
#include "emulator/services/service_error.hpp"
#include "tests/unit/logs_fixture.hpp"

namespace sagemaker::tests {

struct MetricService {
  static constexpr std::int64_t now_s = 1'700'000'040;  // the beginning of a minute

  json call(const std::string& operation, const json& input) {
    return operations.find(operation)->second({"000000000000", "us-east-1", "aws", "test", "id"}, input);
  }
  // "Code: message", or "" where the operation succeeds.
  std::string fault(const std::string& operation, const json& input) {
    try {
      call(operation, input);
      return "";
    } catch (const local::ServiceFault& thrown) {
      return thrown.code() + ": " + thrown.message();
    }
  }

  void put(json datum, std::int64_t time_s = now_s) {
    datum.emplace("MetricName", "m");
    datum.emplace("Timestamp", time_s);
    call("PutMetricData", {{"Namespace", "App"}, {"MetricData", json::array({datum})}});
  }
  std::string put_fault(json datum) {
    datum.emplace("MetricName", "m");
    return fault("PutMetricData", {{"Namespace", "App"}, {"MetricData", json::array({datum})}});
  }
  json statistics(json more = json::object()) {
    json input = {{"Namespace", "App"},     {"MetricName", "m"}, {"StartTime", now_s - 600},
                  {"EndTime", now_s + 600}, {"Period", 60},      {"Statistics", {"Sum"}}};
    input.update(more);
    return call("GetMetricStatistics", input).at("Datapoints");
  }
  void move_clock(std::chrono::seconds by) { clock->sleep_for(by); }

  TemporaryDirectory folder;
  local::store::Database database{folder / "metrics.db", local::store::Metrics::schema(),
                                  local::store::Durability::process};
  local::store::Metrics store{database};
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(now_s * 1000);
  local::services::Metrics metrics{store, clock};
  local::OperationTable operations = local::services::metrics_operations(metrics);
};

}  // namespace sagemaker::tests
