// Which clients are ready to wait for news, and for how long, by what they say about themselves.
#pragma once

#include <chrono>
#include <string_view>

#include "emulator/options.hpp"

namespace sagemaker::local::wire {

// `user_agent`: the header as sent. The SageMaker Python SDK names itself
// lib/AWS-SageMaker-Python-SDK#VERSION (v3 also lib/AWS-SageMakerCore#VERSION); v2 asks once and then not for
// half a minute, v3 every five seconds and shows the log in between.
std::chrono::milliseconds patience_of(std::string_view user_agent, const LongPollOptions& options);

}  // namespace sagemaker::local::wire
