#include "emulator/services/sagemaker/hosting/rollout_guard.hpp"

namespace sagemaker::local::services::hosting {

RolloutGuard::RolloutGuard(const Platform& platform, const json& config, std::function<bool()> give_up,
                           std::function<bool(const std::string& name)> in_alarm)
    : platform_(platform), give_up_(std::move(give_up)), in_alarm_(std::move(in_alarm)) {
  const json rollback = config.value("AutoRollbackConfiguration", json::object());
  for (const json& alarm : rollback.value("Alarms", json::array()))
    alarms_.push_back(alarm.value("AlarmName", ""));
  for (const char* policy : {"BlueGreenUpdatePolicy", "RollingUpdatePolicy"}) {
    const json part = config.value(policy, json::object());
    if (part.contains("MaximumExecutionTimeoutInSeconds"))
      deadline_ms_ = platform.now_ms() + part["MaximumExecutionTimeoutInSeconds"].get<std::int64_t>() * 1000;
  }
}

std::string RolloutGuard::interruption() const {
  if (give_up_()) return "stopped";
  std::string alarms;
  for (const std::string& alarm : alarms_)
    if (in_alarm_ && in_alarm_(alarm)) alarms += (alarms.empty() ? "" : ", ") + alarm;
  if (!alarms.empty())
    return "The following CloudWatch alarms configured for automatic rollback are in ALARM state: [" +
           alarms + "]. The deployment was rolled back.";
  if (deadline_ms_ > 0 && platform_.now_ms() > deadline_ms_)
    return "The deployment did not complete within MaximumExecutionTimeoutInSeconds and was rolled back.";
  return {};
}

}  // namespace sagemaker::local::services::hosting
