#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services {

std::map<std::string, std::string> base_container_environment(const Platform& platform) {
  std::map<std::string, std::string> environment = platform.container_environment;
  environment.try_emplace("AWS_REGION", platform.region);
  environment.try_emplace("AWS_DEFAULT_REGION", platform.region);
  return environment;
}

}  // namespace sagemaker::local::services
