// The states that a processing job takes, and what its description shows of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/store/records.hpp"

namespace sagemaker::local::services::processing_state {

// Its data is there, its containers start now.
void begin(store::Record& job, std::int64_t now_ms);
void stopping(store::Record& job, std::int64_t now_ms);
// Completed, Stopped or Failed. `exit_message`: what the job said, at most 1024 characters are shown.
void finish(store::Record& job, std::string_view status, std::string_view exit_message, std::int64_t now_ms);
void fail(store::Record& job, std::string_view reason, std::string_view exit_message, std::int64_t now_ms);

bool begun(const store::Record& job);
bool ended(const store::Record& job);

}  // namespace sagemaker::local::services::processing_state
