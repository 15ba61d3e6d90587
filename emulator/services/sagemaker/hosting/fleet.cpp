#include "emulator/services/sagemaker/hosting/fleet.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/hosting/deployment_progress.hpp"
#include "emulator/services/sagemaker/hosting/rollout.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::hosting {
namespace {

constexpr std::chrono::milliseconds shutdown_grace{2'000};  // the user waits for the emulator to end

// What DescribeEndpoint tells of a configuration beside its variants.
void describe_settings(json& document, const json& config) {
  document["EndpointConfigName"] = config.at("EndpointConfigName");
  for (const char* member : {"AsyncInferenceConfig", "MetricsConfig", "ExplainerConfig"}) {
    document.erase(member);
    if (config.contains(member)) document[member] = config[member];
  }
  document.erase("DataCaptureConfig");
  if (!config.contains("DataCaptureConfig")) return;
  const json& capture = config["DataCaptureConfig"];
  const bool enabled = capture.value("EnableCapture", false);
  document["DataCaptureConfig"] = {{"EnableCapture", enabled},
                                   {"CaptureStatus", enabled ? "Started" : "Stopped"},
                                   {"CurrentSamplingPercentage", capture.at("InitialSamplingPercentage")},
                                   {"DestinationS3Uri", capture.at("DestinationS3Uri")},
                                   {"KmsKeyId", capture.value("KmsKeyId", "")}};
}

// The stored configuration begins with what the variants have now: so the endpoint comes back after a
// restart.
void keep_counts(json& config, const Deployment& deployment) {
  for (json& document : config.at("ProductionVariants")) {
    const auto variant = deployment.find(document.at("VariantName").get<std::string>());
    if (!variant) continue;
    document["InitialVariantWeight"] = variant->weight();
    if (const auto serverless = variant->serverless_plan())
      document["ServerlessConfig"] = serverless_document(*serverless);
    else
      document["InitialInstanceCount"] = variant->count();
  }
}

}  // namespace

Fleet::Fleet(Platform& platform, std::function<double()> random)
    : platform_(platform),
      random_(std::move(random)),
      in_alarm_([](const std::string&) { return false; }),
      components_(platform, hosts()) {}

Fleet::~Fleet() { shut_down(); }

void Fleet::shut_down() {
  shutting_down_ = true;
  std::map<std::string, std::shared_ptr<LiveEndpoint>> endpoints;
  std::vector<std::thread> stops;
  {
    std::lock_guard lock(mutex_);
    endpoints.swap(endpoints_);
    for (const auto& started : started_)
      if (auto deployment = started.lock())
        stops.emplace_back([deployment = std::move(deployment)] { deployment->stop(shutdown_grace); });
  }
  components_.shut_down();
  for (std::thread& stop : stops) stop.join();
  tasks_.join();  // they see the flag; what they had begun to stop has just ended
}

std::filesystem::path Fleet::folder(const std::string& endpoint) const {
  return platform_.work_directory / "endpoints" / endpoint;
}

std::shared_ptr<Deployment> Fleet::deploy(const LiveEndpoint& endpoint, const json& deployment) {
  const std::filesystem::path kept = folder(endpoint.name());
  auto made = std::make_shared<Deployment>(platform_, endpoint.name(), deployment, kept,
                                           kept / ("deployment-" + std::to_string(++generation_)));
  std::lock_guard lock(mutex_);
  std::erase_if(started_, [](const auto& started) { return started.expired(); });
  started_.push_back(made);
  return made;
}

void Fleet::settle(const std::string& name, const Outcome& outcome, const Deployment* deployed) {
  platform_.records.update(endpoint_kind, name, [&](store::Record& endpoint) {
    json& document = endpoint.document;
    const bool serves = outcome.failure.empty() || deployed != nullptr;
    endpoint.status = !serves ? "Failed" : outcome.mixed ? "UpdateRollbackFailed" : "InService";
    endpoint.modified_ms = platform_.now_ms();
    document["EndpointStatus"] = endpoint.status;
    document["LastModifiedTime"] = timestamp(endpoint.modified_ms);
    for (const char* member : {"FailureReason", "PendingDeploymentSummary", "_committed"})
      document.erase(member);
    const std::string& reason = outcome.failure.empty() ? outcome.note : outcome.failure;
    if (!reason.empty()) document["FailureReason"] = reason.substr(0, 1024);
    if (!deployed) return;
    document["_deployment"] = deployed->document();
    if (!outcome.mixed) keep_counts(document["_deployment"]["Config"], *deployed);
    describe_settings(document, deployed->config());
    document["ProductionVariants"] = Deployment::summary(deployed->production());
    document.erase("ShadowProductionVariants");
    if (!deployed->shadow().empty())
      document["ShadowProductionVariants"] = Deployment::summary(deployed->shadow());
  });
}

void Fleet::note_counts(const std::string& name) {
  const auto live = find(name);
  const auto deployment = live ? live->current() : nullptr;
  if (!deployment) return;
  platform_.records.update(endpoint_kind, name, [&](store::Record& endpoint) {
    json& document = endpoint.document;
    if (document.contains("PendingDeploymentSummary")) return;  // told when that has ended
    keep_counts(document["_deployment"]["Config"], *deployment);
    document["ProductionVariants"] = Deployment::summary(deployment->production());
  });
}

ComponentFleet::Hosts Fleet::hosts() {
  ComponentFleet::Hosts hosts;
  hosts.find = [this](const std::string& endpoint, const std::string& variant) -> std::shared_ptr<Variant> {
    const auto live = find(endpoint);
    const auto deployment = live ? live->current() : nullptr;
    return deployment ? deployment->find(variant) : nullptr;
  };
  hosts.failed = [this](const std::string& endpoint) {
    const auto record = platform_.records.find(endpoint_kind, endpoint);
    return !record || record->status == "Failed";
  };
  hosts.counts_changed = [this](const std::string& endpoint) { note_counts(endpoint); };
  hosts.in_alarm = [this](const std::string& alarm) { return in_alarm_(alarm); };
  return hosts;
}

void Fleet::note(const std::string& name, const Deployment* before, const RolloutStage& stage,
                 const Deployment& next) {
  platform_.records.update(endpoint_kind, name, [&](store::Record& endpoint) {
    note_stage(endpoint.document, stage, next, before, platform_.now_ms());
    if (!stage.committed) return;
    // From here on a restart of the emulator brings the new deployment up.
    endpoint.document["_deployment"] = next.document();
    endpoint.document["_committed"] = true;
  });
}

RolloutHooks Fleet::hooks(const std::string& name, const std::shared_ptr<Deployment>& before) {
  RolloutHooks hooks;
  hooks.give_up = [this] { return shutting_down_.load(); };
  hooks.in_alarm = in_alarm_;
  hooks.on_status = [this, name](const std::string& status) {
    platform_.records.update(endpoint_kind, name, [&](store::Record& endpoint) {
      endpoint.status = status;
      endpoint.document["EndpointStatus"] = status;
    });
  };
  // Weakly: what is held cannot be retired.
  hooks.on_stage = [this, name, weak = std::weak_ptr<Deployment>(before)](const RolloutStage& stage,
                                                                          const Deployment& next) {
    if (shutting_down_) return;
    note(name, weak.lock().get(), stage, next);
  };
  return hooks;
}

void Fleet::bring_up(const std::string& name, const std::string& arn, const json& deployment,
                     const json& deployment_config, const std::string& note) {
  tasks_.run([this, name, arn, deployment, deployment_config, note] {
    std::shared_ptr<LiveEndpoint> live;
    {
      std::lock_guard lock(mutex_);
      auto& slot = endpoints_[name];
      if (!slot) slot = std::make_shared<LiveEndpoint>(name, arn);
      live = slot;
    }
    Outcome outcome;
    outcome.note = note;
    try {
      const RolloutHooks told = hooks(name, live->current());
      const RolloutResult result =
          roll_out(platform_, *live, deploy(*live, deployment), deployment_config, told);
      outcome.failure = result.failure;
      outcome.mixed = result.rollback_failed;
    } catch (const std::exception& error) {
      spdlog::error("{}: {}", arn, error.what());
      outcome.failure = error.what();
    }
    if (shutting_down_) return;  // the record keeps its state: the next start brings the endpoint up
    until_done([&] { settle(name, outcome, live->current().get()); },
               [this] { return shutting_down_.load(); });
  });
}

void Fleet::create(const store::Record& endpoint) {
  std::error_code ignored;
  std::filesystem::remove_all(folder(endpoint.name), ignored);
  bring_up(endpoint.name, endpoint.arn, endpoint.document.at("_deployment"), json::object(), {});
}

void Fleet::update(const store::Record& endpoint, const json& deployment, const json& deployment_config) {
  bring_up(endpoint.name, endpoint.arn, deployment, deployment_config, {});
}

std::string Fleet::scale(Deployment& deployment, const VariantChanges& changes) {
  const auto give_up = [this] { return shutting_down_.load(); };
  for (const auto& [name, change] : changes)
    if (const auto variant = deployment.find(name); variant && change.weight)
      variant->set_weight(*change.weight);
  for (const auto& [name, change] : changes) {
    const auto variant = deployment.find(name);
    if (!variant) continue;
    if (change.max_concurrency || change.provisioned_concurrency)
      if (std::string failure = variant->resize(change.max_concurrency, change.provisioned_concurrency);
          !failure.empty())
        return failure;
    if (!change.instances) continue;
    const int more = *change.instances - variant->count();
    if (more > 0) {
      if (std::string failure = variant->add(more, give_up); !failure.empty()) return failure;
    } else if (more < 0) {
      variant->remove(-more, platform_.limits.runner.serving_stop_grace, give_up);
    }
  }
  return {};
}

void Fleet::change(const store::Record& endpoint, const VariantChanges& changes) {
  tasks_.run([this, name = endpoint.name, arn = endpoint.arn, changes] {
    std::string failure = "The endpoint is not in service.";
    const auto live = find(name);
    const auto deployment = live ? live->current() : nullptr;
    try {
      if (deployment) failure = scale(*deployment, changes);
    } catch (const std::exception& error) {
      spdlog::error("{}: {}", arn, error.what());
      failure = error.what();
    }
    if (shutting_down_) return;
    until_done([&] { settle(name, {.failure = failure}, deployment.get()); },
               [this] { return shutting_down_.load(); });
  });
}

void Fleet::remove(const std::string& name) {
  tasks_.run([this, name] {
    std::shared_ptr<LiveEndpoint> live;
    {
      std::lock_guard lock(mutex_);
      if (const auto found = endpoints_.find(name); found != endpoints_.end()) {
        live = std::move(found->second);
        endpoints_.erase(found);
      }
    }
    const auto grace = shutting_down_ ? shutdown_grace
                                      : std::chrono::milliseconds(platform_.limits.runner.serving_stop_grace);
    if (live)
      for (const auto& part : live->serve({})) part.target->stop(grace);
    std::error_code ignored;
    std::filesystem::remove_all(folder(name), ignored);
    until_done([&] { platform_.records.erase(endpoint_kind, name); },
               [this] { return shutting_down_.load(); });
  });
}

void Fleet::recover() {
  for (const store::Record& left : platform_.records.with_status(endpoint_kind, {"Deleting"}))
    remove(left.name);
  for (const store::Record& left : platform_.records.with_status(
           endpoint_kind,
           {"Creating", "InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})) {
    std::error_code ignored;  // an endpoint that was only just created has no folder yet
    for (const auto& entry : std::filesystem::directory_iterator(folder(left.name), ignored))
      if (entry.path().filename().string().starts_with("deployment-"))
        std::filesystem::remove_all(entry.path(), ignored);
    const bool undone = left.status != "Creating" && left.document.contains("PendingDeploymentSummary") &&
                        !left.document.value("_committed", false);
    platform_.records.update(endpoint_kind, left.name, [&](store::Record& endpoint) {
      endpoint.status = "SystemUpdating";
      endpoint.modified_ms = platform_.now_ms();
      endpoint.document["EndpointStatus"] = endpoint.status;
      endpoint.document["LastModifiedTime"] = timestamp(endpoint.modified_ms);
      endpoint.document.erase("PendingDeploymentSummary");
    });
    spdlog::info("endpoint {} is started again", left.name);
    // Where it is missing the endpoint fails, and the emulator starts.
    bring_up(left.name, left.arn, left.document.value("_deployment", json::object()), json::object(),
             undone ? "The update was interrupted by the end of sagemaker-local; the endpoint has its "
                      "previous configuration."
                    : "");
  }
  components_.recover();
}

std::shared_ptr<LiveEndpoint> Fleet::find(const std::string& endpoint) const {
  std::lock_guard lock(mutex_);
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? nullptr : found->second;
}

void Fleet::route_to_component(Route& route, const std::string& endpoint,
                               const std::string& component) const {
  const auto refuse = [](const std::string& message) { throw ServiceFault("ValidationError", 400, message); };
  const auto& variants = route.deployment->production();
  const bool takes_components = std::any_of(variants.begin(), variants.end(),
                                            [](const auto& one) { return for_components(one->plan()); });
  if (!takes_components && component.empty()) return;
  if (component.empty())
    refuse(
        "Inference Component Name header is required for endpoints to which you plan to deploy inference "
        "components. Please include Inference Component Name header or consider using SageMaker models.");
  if (!takes_components)
    refuse(
        "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy "
        "inference components. Please remove the Inference Component Name header and try again.");
  const auto live = components_.find(component);
  if (!live || live->endpoint != endpoint)
    refuse("Inference Component " + component + " not found for endpoint " + endpoint + ".");
  route.variant = live->split.route(random_());
  if (!route.variant || route.variant->count() == 0) {
    on_no_capacity_(component);
    refuse(
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
        "in-progress (if configured) or try to increase the capacity by invoking "
        "UpdateInferenceComponentRuntimeConfig API.");
  }
  route.component = component;
}

ServiceFault Fleet::nothing_serves(const std::string& endpoint) const {
  const auto record = platform_.records.find(endpoint_kind, endpoint);
  if (record && record->status == "SystemUpdating")  // which clients try again
    return ServiceFault("ServiceUnavailable", 503,
                        "Endpoint " + endpoint + " is being started again, as sagemaker-local was.");
  return ServiceFault("ValidationError", 400,
                      "Endpoint " + endpoint + " of account " + platform_.account + " not found.");
}

Route Fleet::route(const std::string& endpoint, const std::string& target_variant,
                   const std::string& component) const {
  Route route;
  if (const auto live = find(endpoint)) route.deployment = live->route(random_());
  if (!route.deployment) throw nothing_serves(endpoint);
  route_to_component(route, endpoint, component);
  if (route.variant) {
    // The copies of a component are on one variant.
  } else if (target_variant.empty()) {
    route.variant = route.deployment->choose(random_());
  } else {
    route.variant = route.deployment->find(target_variant);
    if (!route.variant)
      throw ServiceFault("ValidationError", 400,
                         "Variant " + target_variant + " not found for endpoint " + endpoint + ".");
  }
  return route;
}

void Fleet::take_instance(Route& route, const std::string& target_model) const {
  route.instance = route.variant->acquire(random_(), target_model);
}

void Fleet::take_another(Route& route) const {
  route.instance = route.variant->acquire_other(random_(), std::move(route.instance));
}

}  // namespace sagemaker::local::services::hosting
