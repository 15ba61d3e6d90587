// What the SageMaker operations share: the stores, the images, the runner, the clock, and where this emulator
// "is".
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <sagemaker/aws/time.hpp>

#include "emulator/images/catalog.hpp"
#include "emulator/limits.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/services/changes.hpp"
#include "emulator/services/log_writer.hpp"
#include "emulator/services/metrics/metrics.hpp"
#include "emulator/store/objects.hpp"
#include "emulator/store/records.hpp"

namespace sagemaker::local::services {

struct Platform {
  store::Records& records;
  store::Objects& objects;
  LogWriter& logs;
  Metrics& metrics;
  Changes& changes;
  const images::Catalog& images;
  const runner::Sandbox& sandbox;
  runner::AddressPool& addresses;
  const Limits& limits;
  std::shared_ptr<aws::Clock> clock;
  std::string account;
  std::string region;
  std::filesystem::path
      work_directory;  // of jobs and endpoint instances, on the same file system as the store
  // What a container needs to call this emulator: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ...; nothing of the
  // host's own keys.
  std::map<std::string, std::string> container_environment;

  std::int64_t now_ms() const { return aws::to_epoch_ms(clock->now()); }
  std::string arn(std::string_view kind, std::string_view name) const {
    return "arn:aws:sagemaker:" + region + ":" + account + ":" + std::string(kind) + "/" + std::string(name);
  }
};

// The environment of every container: the platform's, then PATH and locale, never the emulator's own.
std::map<std::string, std::string> base_container_environment(const Platform& platform);

// Epoch milliseconds as AWS's JSON timestamps: seconds with a fraction.
inline double timestamp(std::int64_t epoch_ms) { return static_cast<double>(epoch_ms) / 1000.0; }

}  // namespace sagemaker::local::services
