// Describe operations whose answer waits for news, for clients that ask again and again only to hear that a
// job is still under way. The pipeline says in CallContext::patience who is such a client; others see no
// change.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// For how long to wait for the end of something: SageMaker Python SDK v2 shows no log lines while it waits
// for a description, so a job that runs on gets a description soon once it is `young_for` old.
struct HoldTimes {
  std::chrono::milliseconds young_for{55'000};
  std::chrono::milliseconds later{10'000};
};

// Tells a client that waits for the end of something from one that wants to know what is: who waits pauses
// for the same time before each of its requests, the first one included. For clients that ask for
// descriptions for other reasons, too, and would be kept waiting for them: HyperparameterTuner.attach() and
// its analytics.
class Pauses {
 public:
  // `pause`: of who waits; a request that comes up to `slack` later than that is one of the same kind.
  explicit Pauses(std::chrono::milliseconds pause, std::chrono::milliseconds slack)
      : pause_(pause), slack_(slack) {}
  // Whether a request now comes a pause after the last answer, or after the creation where there was none.
  bool waits(const std::string& name, std::int64_t created_ms, std::int64_t now_ms);
  void answered(const std::string& name, std::int64_t now_ms);

 private:
  bool is_pause(std::int64_t time_ms) const;

  const std::chrono::milliseconds pause_, slack_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> answered_ms_;  // the last ones, as long as they matter
};

// The record as it is when nothing is under way with it any more, or when this client's patience or the time
// of `times` has passed; nullopt where there is no such record (any more). `times`: nullopt where the
// client's patience alone counts, because there is nothing else to show meanwhile.
std::optional<store::Record> find_settled(Platform& platform, const CallContext& context,
                                          std::string_view kind, const std::string& name,
                                          const std::function<bool(const store::Record&)>& under_way,
                                          const std::optional<HoldTimes>& times = std::nullopt);

}  // namespace sagemaker::local::services
