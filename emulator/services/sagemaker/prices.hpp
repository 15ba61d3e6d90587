// What AWS would have charged: list prices of training instances.
#pragma once

#include <optional>
#include <string_view>

namespace sagemaker::local::services {

// US dollars for an hour of one instance of a training job in us-east-1, on demand; nullopt where the type is
// not in the table. Source: https://aws.amazon.com/sagemaker/pricing, as published in 2024 and 2025: good for
// an estimate, not for a bill.
std::optional<double> training_price_per_hour(std::string_view instance_type);

// Spot instances cost what the market says; SageMaker's documentation promises up to 90 % less. The emulator
// bills this share of the time.
inline constexpr double spot_price_ratio = 0.3;

}  // namespace sagemaker::local::services
