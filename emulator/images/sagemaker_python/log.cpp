// See log.hpp.
#include "emulator/images/sagemaker_python/log.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace sagemaker::local::images {
namespace {

int shown_from = log_info;
std::string log_name = "sagemaker-training-toolkit";

}  // namespace

void set_log_level(int level) { shown_from = level; }

void set_log_name(const std::string& name) { log_name = name; }

void log_line(int level, const std::string& text) {
  if (level < shown_from) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char time[32];
  std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &utc);
  std::printf("%s,%03d %s %-8s %s\n", time, static_cast<int>(milliseconds % 1000), log_name.c_str(),
              level >= log_error ? "ERROR" : "INFO", text.c_str());
  std::fflush(stdout);
}

}  // namespace sagemaker::local::images
