#include "emulator/services/sagemaker/prices.hpp"

#include <algorithm>
#include <array>

namespace sagemaker::local::services {
namespace {

struct Price {
  std::string_view instance_type;
  double per_hour;
};

constexpr std::array prices = {
    Price{"ml.m4.xlarge", 0.24},       Price{"ml.m4.2xlarge", 0.48},     Price{"ml.m4.4xlarge", 0.96},
    Price{"ml.m4.10xlarge", 2.4},      Price{"ml.m4.16xlarge", 3.84},    Price{"ml.m5.large", 0.115},
    Price{"ml.m5.xlarge", 0.23},       Price{"ml.m5.2xlarge", 0.461},    Price{"ml.m5.4xlarge", 0.922},
    Price{"ml.m5.12xlarge", 2.765},    Price{"ml.m5.24xlarge", 5.53},    Price{"ml.c4.xlarge", 0.239},
    Price{"ml.c4.2xlarge", 0.478},     Price{"ml.c4.4xlarge", 0.955},    Price{"ml.c4.8xlarge", 1.909},
    Price{"ml.c5.xlarge", 0.204},      Price{"ml.c5.2xlarge", 0.408},    Price{"ml.c5.4xlarge", 0.816},
    Price{"ml.c5.9xlarge", 1.836},     Price{"ml.c5.18xlarge", 3.672},   Price{"ml.t3.medium", 0.05},
    Price{"ml.t3.large", 0.1},         Price{"ml.t3.xlarge", 0.2},       Price{"ml.t3.2xlarge", 0.399},
    Price{"ml.r5.large", 0.151},       Price{"ml.r5.xlarge", 0.302},     Price{"ml.r5.2xlarge", 0.605},
    Price{"ml.r5.4xlarge", 1.21},      Price{"ml.r5.8xlarge", 2.419},    Price{"ml.r5.16xlarge", 4.838},
    Price{"ml.p2.xlarge", 1.125},      Price{"ml.p2.8xlarge", 9.0},      Price{"ml.p2.16xlarge", 18.0},
    Price{"ml.p3.2xlarge", 3.825},     Price{"ml.p3.8xlarge", 14.688},   Price{"ml.p3.16xlarge", 28.152},
    Price{"ml.p3dn.24xlarge", 35.894}, Price{"ml.p4d.24xlarge", 37.688}, Price{"ml.g4dn.xlarge", 0.7364},
    Price{"ml.g4dn.2xlarge", 0.94},    Price{"ml.g4dn.4xlarge", 1.505},  Price{"ml.g4dn.8xlarge", 2.72},
    Price{"ml.g4dn.12xlarge", 4.89},   Price{"ml.g4dn.16xlarge", 5.44},  Price{"ml.g5.xlarge", 1.408},
    Price{"ml.g5.2xlarge", 1.515},     Price{"ml.g5.4xlarge", 2.03},     Price{"ml.g5.8xlarge", 3.06},
    Price{"ml.g5.12xlarge", 7.09},     Price{"ml.g5.16xlarge", 5.12},    Price{"ml.g5.24xlarge", 10.18},
    Price{"ml.g5.48xlarge", 20.36}};

}  // namespace

std::optional<double> training_price_per_hour(std::string_view instance_type) {
  const auto found = std::find_if(prices.begin(), prices.end(),
                                  [&](const Price& price) { return price.instance_type == instance_type; });
  if (found == prices.end()) return std::nullopt;
  return found->per_hour;
}

}  // namespace sagemaker::local::services
