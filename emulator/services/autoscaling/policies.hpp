// Scaling policies: the alarms that watch for them, and the capacity that they ask for.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
#pragma once

#include <optional>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/services/metrics/alarms.hpp"

namespace sagemaker::local::services::autoscaling {

// The capacity that brings a metric of `value` to its target, where it falls as the capacity grows.
int tracked_capacity(int current, double value, double target);

// What a step policy makes of `current` when the metric of its alarm has this distance to the threshold;
// nullopt: no step is for it. `config`: StepScalingPolicyConfiguration.
std::optional<int> stepped_capacity(const json& config, int current, double value, double threshold);

// ValidationException where the policy's parts do not fit together, or by name for what is not implemented.
void check_policy(const json& policy);

// Makes the alarms of a target tracking policy: of `policy` ResourceId, PolicyARN and the configuration
// count. The answer is Alarms, as PutScalingPolicy gives it: high first.
json put_tracking_alarms(Alarms& alarms, const json& policy);

}  // namespace sagemaker::local::services::autoscaling
