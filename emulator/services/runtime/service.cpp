#include "emulator/services/runtime/service.hpp"

namespace sagemaker::local::services::runtime {

Service::Service(Platform& platform, hosting::Fleet& fleet)
    : metrics_(platform.metrics, platform.clock, platform.limits.invocation_metrics_s),
      capture_(platform.objects, platform.clock, [&fleet] { return fleet.random(); }, {}),
      shadows_(
          platform,
          [this](const InvocationEvent& event) {
            metrics_.note(event);
            capture_.note(event);
          },
          [&fleet] { return fleet.random(); }, {}),
      gateway_(platform, fleet),
      streams_(gateway_),
      async_(gateway_, metrics_) {
  gateway_.watch([this](const InvocationEvent& event) { metrics_.note(event); });
  fleet.watch_no_capacity([this](const std::string& component) { metrics_.note_no_capacity(component); });
  gateway_.watch([this](const InvocationEvent& event) { capture_.note(event); });
  gateway_.watch([this](const InvocationEvent& event) { shadows_.note(event); });
}

void Service::stop() {
  shadows_.stop();
  async_.stop();
}

}  // namespace sagemaker::local::services::runtime
