// Services on stores of their own, with a clock that the test moves; no container is started.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "emulator/services/runtime/gateway.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/store/file.hpp"
#include "emulator/store/logs.hpp"
#include "tests/support/support.hpp"

namespace sagemaker::tests {

// Read by threads of services while the test moves it.
class MovedClock final : public aws::Clock {
 public:
  aws::TimePoint now() const override { return aws::from_epoch_ms(now_ms_); }
  void sleep_for(std::chrono::milliseconds duration) override { now_ms_ += duration.count(); }
  std::chrono::steady_clock::time_point steady() const override { return {}; }

 private:
  std::atomic<std::int64_t> now_ms_{1'700'000'040'123};  // 2023-11-14T22:14:00.123Z
};

inline bool soon(const std::function<bool()>& ask) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ask()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct RuntimeServices {
  static std::string schema() {
    return std::string(local::store::Records::schema()) + std::string(local::store::Objects::schema()) +
           std::string(local::store::BucketSettings::schema());
  }

  RuntimeServices() { objects.create_bucket({.name = "bucket", .region = "us-east-1"}); }

  // What an object holds; "" where there is none.
  std::string text_of(const std::string& key) const {
    const auto info = objects.find("bucket", key);
    if (!info) return {};
    std::string text;
    local::store::File::open_to_read(objects.blob_path(*info))
        .read(0, info->size, [&](std::string_view piece) { text += piece; });
    return text;
  }

  // The values of a metric of an endpoint, or of a variant of it.
  local::store::MetricSummary metric(const std::string& name, const std::string& variant = "") {
    local::store::MetricKey key{"AWS/SageMaker", name, {{"EndpointName", "e"}}};
    if (!variant.empty()) key.dimensions.emplace_back("VariantName", variant);
    local::store::MetricSummary all;
    stored_metrics.read(key, std::nullopt, 0, 2'000'000'000,
                        [&](const local::store::MetricPoint& point) { all.add(point.summary); });
    return all;
  }

  TemporaryDirectory folder;
  std::shared_ptr<MovedClock> clock = std::make_shared<MovedClock>();
  local::store::Database database{folder / "records.db", schema(), local::store::Durability::process};
  local::store::Database log_database{folder / "logs.db", local::store::Logs::schema(),
                                      local::store::Durability::process};
  local::store::Database metric_database{folder / "metrics.db", local::store::Metrics::schema(),
                                         local::store::Durability::process};
  local::store::Records records{database};
  local::store::Objects objects{database, folder / "objects", local::store::Durability::process};
  local::store::Logs logs{log_database};
  local::store::Metrics stored_metrics{metric_database};
  local::runner::Sandbox sandbox{local::runner::Sandbox::Mode::none};
  local::images::Catalog catalog{{.programs = folder.path(), .cache = folder.path(), .mapping_file = {}}};
  local::runner::AddressPool addresses;
  local::services::LogWriter log_writer{logs, clock};
  local::services::Metrics metrics{stored_metrics, clock};
  local::services::Changes changes{1};
  local::Limits limits;
  local::services::Platform platform{records,        objects,     log_writer,      metrics, changes,
                                     catalog,        sandbox,     addresses,       limits,  clock,
                                     "000000000000", "us-east-1", folder / "work", {}};
  local::services::hosting::Fleet fleet{platform, [] { return 0.5; }};
};

}  // namespace sagemaker::tests
