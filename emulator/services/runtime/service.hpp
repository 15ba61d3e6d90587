// SageMaker Runtime: everything that invokes endpoints, put together.
#pragma once

#include "emulator/services/runtime/gateway.hpp"
#include "emulator/services/runtime/response_stream.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::runtime {

class Service {
 public:
  Service(Platform& platform, hosting::Fleet& fleet) : gateway_(platform, fleet), streams_(gateway_) {}

  Gateway& gateway() { return gateway_; }
  ResponseStreams& streams() { return streams_; }

 private:
  Gateway gateway_;
  ResponseStreams streams_;
};

}  // namespace sagemaker::local::services::runtime
