// What a client is told when a model's container did not answer as it should: AWS's ModelError, HTTP 424.
#pragma once

#include <string>
#include <string_view>

#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::hosting {

// `group`: of the container's log. `container`: "primary", or the name of one of several. `status`: of the
// container's answer; 0: there was none. `original`: its body, or what happened instead.
ServiceFault model_error(const Platform& platform, const std::string& group, const std::string& container,
                         int status, std::string_view original);

// The container did not answer in time.
ServiceFault model_timeout(const Platform& platform, const std::string& group, const std::string& container);

}  // namespace sagemaker::local::services::hosting
