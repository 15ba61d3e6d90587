#include "emulator/services/sagemaker/jobs/record.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "emulator/runner/host_group.hpp"

namespace sagemaker::local::services {
namespace {

constexpr std::chrono::milliseconds settle_wait_max{5'000};

}  // namespace

JobRecord::JobRecord(Platform& platform, std::string_view kind, std::string_view noun, std::string name,
                     JobControl& control)
    : platform_(platform), kind_(kind), noun_(noun), name_(std::move(name)), control_(control) {}

void JobRecord::change(const Change& apply) {
  bool stopped = false;
  platform_.records.update(kind_, name_, [&](store::Record& job) {
    apply(job, platform_.now_ms());
    stopped = is_stopping(job);
  });
  if (stopped) control_.stop();
}

void JobRecord::note(const Change& apply) {
  try {
    change(apply);
  } catch (const store::DatabaseError& error) {
    spdlog::warn("{} {}: {}", noun_, name_, error.what());
  }
}

bool JobRecord::settle(const Change& apply) {
  for (std::chrono::milliseconds wait{100};; wait = std::min(2 * wait, settle_wait_max)) {
    try {
      change(apply);
      return true;
    } catch (const store::DatabaseError& error) {
      spdlog::error("{} {}: its state could not be stored, it is tried again: {}", noun_, name_,
                    error.what());
    }
    if (!control_.pause_until_shutdown(wait)) return false;
  }
}

std::vector<std::string> open_host_streams(const Platform& platform, const std::string& group,
                                           const std::string& job_name, int hosts) {
  const auto name = [&job_name](int host, std::int64_t epoch) {
    return job_name + "/" + runner::host_name(host - 1) + "-" + std::to_string(epoch);
  };
  std::int64_t epoch = platform.now_ms() / 1000;
  while (!platform.logs.open_stream(group, name(1, epoch))) ++epoch;
  std::vector<std::string> streams = {name(1, epoch)};
  for (int host = 2; host <= hosts; ++host) {
    streams.push_back(name(host, epoch));
    platform.logs.open_stream(group, streams.back());
  }
  return streams;
}

}  // namespace sagemaker::local::services
