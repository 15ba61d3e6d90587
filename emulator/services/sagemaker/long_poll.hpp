// Describe operations whose answer waits for news, for clients that ask again and again only to hear that a
// job is still under way. The pipeline says in CallContext::patience who is such a client; others see no
// change.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "emulator/services/operation.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

// For how long to wait for the end of something: SageMaker Python SDK v2 shows no log lines while it waits
// for a description, so a job that runs on gets a description soon once it is `young_for` old.
struct HoldTimes {
  std::chrono::milliseconds young_for{55'000};
  std::chrono::milliseconds later{10'000};
};

// The record as it is when nothing is under way with it any more, or when this client's patience or the time
// of `times` has passed; nullopt where there is no such record (any more). `times`: nullopt where the
// client's patience alone counts, because there is nothing else to show meanwhile.
std::optional<store::Record> find_settled(Platform& platform, const CallContext& context,
                                          std::string_view kind, const std::string& name,
                                          const std::function<bool(const store::Record&)>& under_way,
                                          const std::optional<HoldTimes>& times = std::nullopt);

}  // namespace sagemaker::local::services
