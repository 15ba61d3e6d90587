#include "emulator/services/sagemaker/hosting/local_operations.hpp"

#include <memory>
#include <string>

#include "emulator/services/sagemaker/hosting/model_cache.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services {
namespace {

const char* state_of(const hosting::Instance& instance) {
  switch (instance.state()) {
    case hosting::Instance::State::starting:
      return "Starting";
    case hosting::Instance::State::in_service:
      return instance.ready() ? "InService" : "Restarting";
    case hosting::Instance::State::failed:
      return "Failed";
    case hosting::Instance::State::stopped:
      return "Stopped";
  }
  return "";
}

json instance_document(const hosting::Instance& instance) {
  json containers = json::array();
  for (std::size_t index = 0; index < instance.container_count(); ++index) {
    const runner::ServingInstance& container = instance.container(index);
    json one = {{"Name", instance.plan(index).name}, {"Restarts", container.restarts()}};
    if (!container.last_exit().empty()) one["LastExit"] = container.last_exit();
    if (const hosting::ModelCache* models = instance.models(index))
      one["LoadedModelCount"] = models->loaded();
    containers.push_back(std::move(one));
  }
  return {{"InstanceId", instance.id()},
          {"State", state_of(instance)},
          {"OutstandingRequests", instance.outstanding()},
          {"Containers", containers}};
}

json live_document(const hosting::LiveEndpoint& live) {
  json variants = json::array();
  if (const auto deployment = live.current())
    for (const auto& variant : deployment->variants()) {
      json instances = json::array();
      const auto running = variant->instances();  // the loop does not keep the snapshot
      for (const auto& instance : *running) instances.push_back(instance_document(*instance));
      variants.push_back({{"VariantName", variant->name()},
                          {"Shadow", variant->plan().shadow},
                          {"Weight", variant->weight()},
                          {"Instances", instances}});
    }
  return {{"EndpointName", live.name()}, {"Variants", variants}};
}

std::shared_ptr<hosting::LiveEndpoint> find(hosting::Fleet& fleet, const std::string& name) {
  auto live = fleet.find(name);
  if (!live) throw ServiceFault("NotFound", 404, "There is no endpoint " + name + ".");
  return live;
}

}  // namespace

void add_hosting_local_operations(LocalOperations& table, hosting::Fleet& fleet) {
  table["GET /_local/endpoints/*"] = [&fleet](const auto& names, const json&) {
    return live_document(*find(fleet, names.at(0)));
  };
  table["POST /_local/endpoints/*/proceed"] = [&fleet](const auto& names, const json&) {
    const auto live = find(fleet, names.at(0));
    if (!live->proceed())
      throw ServiceFault("Conflict", 409, "The endpoint " + names.at(0) + " does not wait for anything now.");
    return json{{"EndpointName", names.at(0)}};
  };
  table["GET /_local/endpoints/*/copies"] = [&fleet](const auto& names, const json&) {
    json copies = json::object();
    if (const auto deployment = find(fleet, names.at(0))->current())
      for (const auto& variant : deployment->production())
        copies[variant->name()] = fleet.components().placed(names.at(0), variant->name());
    return json{{"EndpointName", names.at(0)}, {"Copies", copies}};
  };
  table["POST /_local/inference-components/*/proceed"] = [&fleet](const auto& names, const json&) {
    const auto live = fleet.components().find(names.at(0));
    if (!live) throw ServiceFault("NotFound", 404, "There is no inference component " + names.at(0) + ".");
    if (!live->wait.proceed())
      throw ServiceFault("Conflict", 409,
                         "The inference component " + names.at(0) + " does not wait for anything now.");
    return json{{"InferenceComponentName", names.at(0)}};
  };
}

}  // namespace sagemaker::local::services
