// The live side of endpoints: what serves each of them now, and the work that creates, updates, scales and
// deletes them in the background. Records say what should run; the fleet is what runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "emulator/services/background.hpp"
#include "emulator/services/sagemaker/hosting/component_fleet.hpp"
#include "emulator/services/sagemaker/hosting/live_endpoint.hpp"
#include "emulator/services/sagemaker/hosting/rollout.hpp"
#include "emulator/services/sagemaker/platform.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {

inline constexpr std::string_view endpoint_kind = "endpoint";

namespace hosting {

// Where one request goes; the instance counts it as outstanding while this lives.
struct Route {
  std::shared_ptr<Deployment> deployment;
  std::shared_ptr<Variant> variant;  // or the copies of an inference component, as a variant
  InstanceUse instance;              // empty: none is in service
  std::string component = {};        // InferenceComponentName; empty: the variant has a model of its own
};

// Wanted for a variant by UpdateEndpointWeightsAndCapacities and by scaling policies; absent: as it is.
struct VariantChange {
  std::optional<double> weight;
  std::optional<int> instances;
  std::optional<int> max_concurrency, provisioned_concurrency;  // of a serverless variant
};
using VariantChanges = std::map<std::string, VariantChange>;

class Fleet {
 public:
  // `random`: uniform in [0, 1), thread-safe; chooses variants and instances.
  Fleet(Platform& platform, std::function<double()> random);
  ~Fleet();  // shuts down
  // Stops all instances; the records keep their state, so that the next start brings them back. From any
  // thread: handlers that wait for a container's answer end with it.
  void shut_down();

  // The record's document names the configuration; its "_deployment" holds configuration and models as they
  // were at creation.
  void create(const store::Record& endpoint);
  // Blue/green: the new deployment first, then the requests move, then the old one ends; keeps the old one
  // when the new one fails. The record is Updating.
  void update(const store::Record& endpoint, const json& deployment, const json& deployment_config);
  // Weights at once, then instances more or fewer. The record is Updating.
  void change(const store::Record& endpoint, const VariantChanges& changes);
  void remove(const std::string& endpoint);
  // At start-up: endpoints of an earlier emulator come back as SystemUpdating until they answer.
  void recover();

  // Null where there is no such endpoint, or nothing serves it (yet).
  std::shared_ptr<LiveEndpoint> find(const std::string& endpoint) const;
  // The variant that serves the next request. `target_variant`: empty to choose by weight. `component`: the
  // inference component, on endpoints whose models those are. ServiceFault ValidationError where the
  // endpoint, the variant or the component does not exist.
  Route route(const std::string& endpoint, const std::string& target_variant,
              const std::string& component) const;
  // And its instance, for which this may wait: see Variant::acquire(). `target_model`: an instance that has
  // it loaded comes first.
  void take_instance(Route& route, const std::string& target_model) const;
  // Another instance of the same variant, for a request that the first one has refused to take.
  void take_another(Route& route) const;
  double random() const { return random_(); }
  ComponentFleet& components() { return components_; }
  const ComponentFleet& components() const { return components_; }

  // Told of every request for an inference component that has no copy; may come from any thread.
  void watch_no_capacity(std::function<void(const std::string& component)> told) {
    on_no_capacity_ = std::move(told);
  }
  // Whether the CloudWatch alarm of this name is in ALARM; asked by updates that roll back by themselves.
  void watch_alarms(std::function<bool(const std::string& name)> in_alarm) {
    in_alarm_ = std::move(in_alarm);
  }

 private:
  std::filesystem::path folder(const std::string& endpoint) const;
  // Why an invocation of this endpoint has nowhere to go.
  ServiceFault nothing_serves(const std::string& endpoint) const;
  std::shared_ptr<Deployment> deploy(const LiveEndpoint& endpoint, const json& deployment);
  void bring_up(const std::string& name, const std::string& arn, const json& deployment,
                const json& deployment_config, const std::string& note);
  std::string scale(Deployment& deployment, const VariantChanges& changes);
  RolloutHooks hooks(const std::string& name, const std::shared_ptr<Deployment>& before);
  // The record tells where an update is.
  void note(const std::string& name, const Deployment* before, const RolloutStage& stage,
            const Deployment& next);
  // How what was under way with an endpoint has ended.
  struct Outcome {
    std::string failure = {};  // empty: it went well
    bool mixed = false;        // old and new instances both serve
    std::string note = {};     // FailureReason where nothing failed now
  };
  // `deployed`: what serves the endpoint now; null: nothing does.
  void settle(const std::string& name, const Outcome& outcome, const Deployment* deployed);
  // The record tells how many instances the variants have by now.
  void note_counts(const std::string& name);
  ComponentFleet::Hosts hosts();
  void route_to_component(Route& route, const std::string& endpoint, const std::string& component) const;

  Platform& platform_;
  std::function<double()> random_;
  std::function<bool(const std::string& name)> in_alarm_;
  std::function<void(const std::string& component)> on_no_capacity_ = [](const std::string&) {};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LiveEndpoint>> endpoints_;
  std::vector<std::weak_ptr<Deployment>> started_;  // those that serve, those that start and those that end
  std::atomic<bool> shutting_down_{false};
  std::atomic<std::uint64_t> generation_{0};
  ComponentFleet components_;
  BackgroundTasks tasks_;  // last: joined before the rest goes away
};

}  // namespace hosting
}  // namespace sagemaker::local::services
