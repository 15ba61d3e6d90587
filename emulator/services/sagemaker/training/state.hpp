// The states of a training job and the changes between them, applied to the job's document. Texts as AWS was
// seen to send. Times that are shown never go back, whatever the clock does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/records.hpp"

namespace sagemaker::local::services::training_state {

// Closes the current secondary status and opens the next one.
void enter(store::Record& job, std::string_view secondary_status, std::string_view message,
           std::int64_t now_ms);
// The current secondary status goes on with another message.
void say(store::Record& job, std::string_view message, std::int64_t now_ms);
// The job holds instances from here on, and gives them back: what it is billed for. Giving back what it does
// not hold changes nothing.
void take_instances(store::Record& job, std::int64_t now_ms);
void give_instances_back(store::Record& job, std::int64_t now_ms);
// How long it has held instances so far.
std::int64_t held_ms(const store::Record& job, std::int64_t now_ms);

// Completed, Failed, Stopped or Stopped/MaxRuntimeExceeded: times, billing and the last transition. `reason`
// is cut to what AWS shows.
void finish(store::Record& job, std::string_view status, std::string_view secondary_status,
            std::string_view message, std::int64_t now_ms);
void fail(store::Record& job, const std::string& reason, std::int64_t now_ms);
bool ended(const store::Record& job);

// What an attempt has measured, [{"MetricName", "Value", "Timestamp"}], in place of what earlier ones have.
void add_metrics(store::Record& job, const json& metrics);

// What only the emulator keeps with a job, and the document without it, as clients see it.
json& own_notes(store::Record& job);
json description(const store::Record& job);

}  // namespace sagemaker::local::services::training_state
