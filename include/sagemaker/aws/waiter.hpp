// Waiting for a job or an endpoint: describe it again and again until a decision can be made. The time
// between two looks grows from short to the given interval, so that quick local jobs are noticed quickly and
// slow ones cost few requests.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker {

struct WaitOptions {
  std::chrono::milliseconds poll_interval{5'000};  // the longest time between two looks
  std::chrono::milliseconds first_interval{100};   // the first one; each further is half as long again
  std::chrono::milliseconds timeout{std::chrono::hours(24)};
  std::function<void(const json& description)> on_poll = {};  // sees every description, the last one included
};

namespace aws {

// What a waiter waits for. `describe` asks the service; nullopt from it means that the resource is not there.
// `done` says whether this answer ends the wait; it throws (UnexpectedStatus) for an answer that can never
// become the awaited one.
struct WaitSpec {
  std::string resource;  // "Training job my-job", for messages
  std::function<std::optional<json>()> describe;
  std::function<bool(const std::optional<json>& description)> done;
};

// Returns the last description, null where the resource is gone. Throws WaitTimeout, and what describe and
// done throw.
inline json wait(const WaitSpec& spec, const WaitOptions& options, Clock& clock) {
  using Milliseconds = std::chrono::milliseconds;
  const auto deadline = clock.steady() + options.timeout;
  Milliseconds interval = std::min(options.first_interval, options.poll_interval);
  while (true) {
    const std::optional<json> description = spec.describe();
    if (description && options.on_poll) options.on_poll(*description);
    if (spec.done(description)) return description.value_or(json());
    const auto left = std::chrono::ceil<Milliseconds>(deadline - clock.steady());
    if (left <= Milliseconds(0)) {
      throw WaitTimeout("Gave up waiting for " + spec.resource + " after " +
                        std::to_string(options.timeout.count() / 1000) +
                        " seconds; it was not stopped and goes on");
    }
    clock.sleep_for(std::min(interval, left));
    interval = std::min(std::max(Milliseconds(1), interval * 3 / 2), options.poll_interval);
  }
}

}  // namespace aws
}  // namespace sagemaker
