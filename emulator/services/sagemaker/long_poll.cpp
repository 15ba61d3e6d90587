#include "emulator/services/sagemaker/long_poll.hpp"

#include <algorithm>

#include "emulator/services/changes.hpp"

namespace sagemaker::local::services {
namespace {

std::chrono::milliseconds longest_wait(const Platform& platform, const CallContext& context,
                                       const store::Record& record, const std::optional<HoldTimes>& times) {
  if (!times) return context.patience;
  const std::chrono::milliseconds age{platform.now_ms() - record.created_ms};
  return std::min(context.patience, std::max(times->young_for - age, times->later));
}

}  // namespace

bool Pauses::is_pause(std::int64_t time_ms) const {
  return time_ms >= pause_.count() && time_ms <= (pause_ + slack_).count();
}

bool Pauses::waits(const std::string& name, std::int64_t created_ms, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto answered = answered_ms_.find(name);
  return is_pause(now_ms - (answered == answered_ms_.end() ? created_ms : answered->second));
}

void Pauses::answered(const std::string& name, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  std::erase_if(answered_ms_,
                [&](const auto& answer) { return now_ms - answer.second > (pause_ + slack_).count(); });
  answered_ms_[name] = now_ms;
}

std::optional<store::Record> find_settled(Platform& platform, const CallContext& context,
                                          std::string_view kind, const std::string& name,
                                          const std::function<bool(const store::Record&)>& under_way,
                                          const std::optional<HoldTimes>& times) {
  auto record = platform.records.find(kind, name);
  if (context.patience <= context.patience.zero() || !record || !under_way(*record)) return record;
  platform.changes.wait(kind, name, longest_wait(platform, context, *record, times), [&] {
    record = platform.records.find(kind, name);
    return !record || !under_way(*record);
  });
  return record;
}

}  // namespace sagemaker::local::services
