// SageMaker Runtime: everything that invokes endpoints, put together.
#pragma once

#include "emulator/services/runtime/async_invocations.hpp"
#include "emulator/services/runtime/data_capture.hpp"
#include "emulator/services/runtime/gateway.hpp"
#include "emulator/services/runtime/invocation_metrics.hpp"
#include "emulator/services/runtime/response_stream.hpp"
#include "emulator/services/runtime/shadow_traffic.hpp"
#include "emulator/services/sagemaker/hosting/fleet.hpp"
#include "emulator/services/sagemaker/platform.hpp"

namespace sagemaker::local::services::runtime {

class Service {
 public:
  Service(Platform& platform, hosting::Fleet& fleet);

  Gateway& gateway() { return gateway_; }
  ResponseStreams& streams() { return streams_; }
  InvocationMetrics& metrics() { return metrics_; }
  DataCapture& capture() { return capture_; }
  AsyncInvocations& async() { return async_; }

  // At start, after the fleet's recovery.
  void recover() { async_.recover(); }
  // A record of this kind and name has changed or is gone.
  void record_changed(std::string_view kind, std::string_view name) {
    if (kind == endpoint_kind) async_.endpoint_changed(std::string(name));
  }
  void add_local_operations(LocalOperations& table) { async_.add_local_operations(table); }

  // Takes on nothing more that no client waits for. To be called before the fleet is shut down; what is
  // under way ends with its containers.
  void stop();

 private:
  InvocationMetrics metrics_;
  DataCapture capture_;
  ShadowTraffic shadows_;
  Gateway gateway_;
  ResponseStreams streams_;
  AsyncInvocations async_;
};

}  // namespace sagemaker::local::services::runtime
