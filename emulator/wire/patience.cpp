#include "emulator/wire/patience.hpp"

#include <algorithm>

namespace sagemaker::local::wire {
namespace {

constexpr std::chrono::seconds between_log_lines{10};  // what SDK v2 sleeps between two looks at the log

bool has(std::string_view user_agent, std::string_view product) {
  return user_agent.find(product) != std::string_view::npos;
}

}  // namespace

std::chrono::milliseconds patience_of(std::string_view user_agent, const LongPollOptions& options) {
  using Who = LongPollOptions::Who;
  if (options.who == Who::nobody) return {};
  const bool v2 = has(user_agent, "lib/AWS-SageMaker-Python-SDK#2.");
  const bool v3 =
      !v2 && (has(user_agent, "lib/AWS-SageMaker-Python-SDK#") || has(user_agent, "lib/AWS-SageMakerCore#"));
  if (v3) return std::min(options.longest, between_log_lines);
  return v2 || options.who == Who::everybody ? options.longest : std::chrono::seconds(0);
}

}  // namespace sagemaker::local::wire
