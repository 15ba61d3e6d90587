#include "emulator/services/sagemaker/hosting/component_fleet.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <spdlog/spdlog.h>

#include "emulator/services/sagemaker/hosting/component_plan.hpp"
#include "emulator/services/sagemaker/hosting/rolling.hpp"
#include "emulator/services/sagemaker/hosting/rollout_guard.hpp"

namespace sagemaker::local::services::hosting {
namespace {

constexpr const char* no_room =
    "There is not enough hardware resources on the instances for this endpoint to create a copy of the "
    "inference component. Update resource requirements for this inference component, remove existing "
    "inference "
    "components, or increase the number of instances for this endpoint.";

struct InstanceRange {
  int least = 0, most = 0;
};

// ManagedInstanceScaling of the variant, where it is enabled.
std::optional<InstanceRange> managed_range(const VariantPlan& plan) {
  const json scaling = plan.document.value("ManagedInstanceScaling", json::object());
  if (scaling.value("Status", "") != "ENABLED") return std::nullopt;
  return InstanceRange{scaling.value("MinInstanceCount", 1),
                       scaling.value("MaxInstanceCount", plan.initial_instances)};
}

int desired_copies(const store::Record& component) {
  return component.document.at("RuntimeConfig").at("DesiredCopyCount");
}

int copies_of(const json& size, int total) {
  return batch_size(size.at("Type"), size.at("Value").get<int>(), total);
}

}  // namespace

void ComponentFleet::shut_down() {
  shutting_down_ = true;
  std::map<std::string, Live> live;
  std::vector<std::thread> stops;
  {
    const std::lock_guard lock(mutex_);
    live.swap(live_);
    for (const auto& started : started_)
      if (auto pool = started.lock())
        stops.emplace_back([pool = std::move(pool)] { pool->stop(std::chrono::milliseconds(2'000)); });
  }
  for (std::thread& stop : stops) stop.join();
  tasks_.join();  // they see the flag
}

std::filesystem::path ComponentFleet::folder(const std::string& component) const {
  return platform_.work_directory / "inference-components" / component;
}

ComponentFleet::Live ComponentFleet::make_live(const store::Record& component) {
  auto live = std::make_shared<LiveComponent>();
  live->name = component.name;
  live->endpoint = component.document.at("EndpointName");
  live->variant = component.document.at("VariantName");
  const std::lock_guard lock(mutex_);
  live_[component.name] = live;
  return live;
}

ComponentPool ComponentFleet::make_pool(const LiveComponent& live, const json& definition) {
  const auto host = hosts_.find(live.endpoint, live.variant);
  if (!host) throw std::runtime_error("The endpoint is not in service.");
  const std::string id = live.name + "/" + std::to_string(++generation_);
  VariantPlan plan = plan_component(platform_, live.name, definition, host->plan(), folder(live.name));
  ComponentPool pool;
  pool.need = copy_need(id, definition.at("Specification"));
  pool.copies = std::make_shared<Variant>(
      platform_, std::move(plan), folder(live.name) / ("copies-" + std::to_string(generation_.load())));
  const std::lock_guard lock(mutex_);
  std::erase_if(started_, [](const auto& started) { return started.expired(); });
  started_.push_back(pool.copies);
  return pool;
}

std::string ComponentFleet::reserve(const LiveComponent& live, const CopyNeed& need, int count) {
  const auto host = hosts_.find(live.endpoint, live.variant);
  if (!host) return "The endpoint is not in service.";
  if (count > platform_.limits.runner.endpoint_instances_max) return no_room;
  const Resources each = capacity_of(host->plan().instance_type);
  const auto range = managed_range(host->plan());
  int placed = 0, added = 0;
  {
    const std::lock_guard lock(mutex_);
    Placement& placement = placements_[{live.endpoint, live.variant}];
    // Instances that have gone are gone with their copies' places only where those fit elsewhere.
    placement.rehost(each, host->count());
    for (; placed < count; ++placed) {
      bool found = placement.place(need);
      while (!found && range && placement.fits_alone(need) && host->count() < range->most) {
        // The instance has no container of its own, so that it is there at once.
        if (!host->add(1, [this] { return shutting_down_.load(); }).empty()) break;
        ++added;
        placement.rehost(each, host->count());
        found = placement.place(need);
      }
      if (!found) break;
    }
    if (placed < count)
      for (; placed > 0; --placed) placement.release(need.component);
  }
  if (added > 0) hosts_.counts_changed(live.endpoint);
  return placed == count ? std::string() : no_room;
}

void ComponentFleet::release(const LiveComponent& live, const CopyNeed& need, int count) {
  const auto host = hosts_.find(live.endpoint, live.variant);
  int surplus = 0;
  {
    const std::lock_guard lock(mutex_);
    Placement& placement = placements_[{live.endpoint, live.variant}];
    for (; count > 0; --count) placement.release(need.component);
    const auto range = host ? managed_range(host->plan()) : std::nullopt;
    if (range) surplus = std::min(placement.idle_instances(), host->count() - range->least);
    if (surplus > 0) {
      host->remove(surplus, std::chrono::milliseconds(0), [] { return true; });
      placement.rehost(capacity_of(host->plan().instance_type), host->count());
    }
  }
  if (surplus > 0) hosts_.counts_changed(live.endpoint);
}

std::string ComponentFleet::add(const LiveComponent& live, const ComponentPool& pool, int more,
                                const Variant::GiveUp& give_up) {
  if (more <= 0) return {};
  if (std::string failure = reserve(live, pool.need, more); !failure.empty()) return failure;
  std::string failure = pool.copies->add(more, give_up);
  if (!failure.empty()) release(live, pool.need, more);
  return failure;
}

void ComponentFleet::remove(const LiveComponent& live, const ComponentPool& pool, int fewer) {
  if (fewer <= 0) return;
  pool.copies->remove(fewer, platform_.limits.runner.serving_stop_grace,
                      [this] { return shutting_down_.load(); });
  release(live, pool.need, fewer);
}

void ComponentFleet::end(const LiveComponent& live, ComponentPool pool) {
  if (!pool.copies) return;
  const int count = pool.copies->count();
  const std::chrono::seconds drain_time = pool.copies->plan().drain_time;
  retire(platform_, std::move(pool.copies), drain_time, [this] { return shutting_down_.load(); });
  release(live, pool.need, count);
}

void ComponentFleet::settle(const std::string& name, const std::string& failure, const json* definition,
                            const std::string& note) {
  const Live live = find(name);
  int copies = 0;
  if (live)
    for (const auto& part : live->split.parts()) copies += part.target->count();
  platform_.records.update(inference_component_kind, name, [&](store::Record& component) {
    json& document = component.document;
    // A component that served goes on with what it has.
    const bool serves = failure.empty() || document.value("_before", "") == "InService";
    component.status = serves ? "InService" : "Failed";
    component.modified_ms = platform_.now_ms();
    document["InferenceComponentStatus"] = component.status;
    document["LastModifiedTime"] = timestamp(component.modified_ms);
    for (const char* member : {"FailureReason", "_before", "_replacing"}) document.erase(member);
    const std::string& reason = failure.empty() ? note : failure;
    if (!reason.empty()) document["FailureReason"] = reason.substr(0, 1024);
    json& runtime = document["RuntimeConfig"];
    runtime["CurrentCopyCount"] = copies;
    if (!failure.empty() && serves) runtime["DesiredCopyCount"] = copies;
    if (!failure.empty() || definition == nullptr) return;
    document["_definition"] = *definition;
    document["Specification"] = specification_summary(platform_, definition->at("Specification"));
  });
}

void ComponentFleet::run(const store::Record& component, std::function<std::string()> work,
                         const json* definition, const std::string& note) {
  tasks_.run([this, name = component.name, arn = component.arn, work = std::move(work),
              next = definition ? std::optional<json>(*definition) : std::nullopt, note] {
    std::string failure;
    try {
      failure = work();
    } catch (const std::exception& error) {
      spdlog::error("{}: {}", arn, error.what());
      failure = error.what();
    }
    if (shutting_down_) return;
    until_done([&] { settle(name, failure, next ? &*next : nullptr, note); },
               [this] { return shutting_down_.load(); });
  });
}

std::string ComponentFleet::bring_up(const store::Record& component) {
  const Live live = make_live(component);
  live->current = make_pool(*live, component.document.at("_definition"));
  live->split.serve({{live->current.copies, 1.0}});
  return add(*live, live->current, desired_copies(component), [this] { return shutting_down_.load(); });
}

void ComponentFleet::create(const store::Record& component) {
  std::error_code ignored;
  std::filesystem::remove_all(folder(component.name), ignored);
  run(component, [this, component] { return bring_up(component); });
}

void ComponentFleet::scale(const store::Record& component) {
  run(component, [this, component]() -> std::string {
    const Live live = find(component.name);
    if (!live || !live->current.copies) return bring_up(component);  // it had failed
    const int more = desired_copies(component) - live->current.copies->count();
    remove(*live, live->current, -more);
    return add(*live, live->current, more, [this] { return shutting_down_.load(); });
  });
}

void ComponentFleet::update(const store::Record& component, const json& definition, const json& config) {
  run(
      component,
      [this, component, definition, config]() -> std::string {
        const Live live = find(component.name);
        if (!live || !live->current.copies) {
          store::Record next = component;
          next.document["_definition"] = definition;
          return bring_up(next);
        }
        return replace(*live, definition, desired_copies(component), config);
      },
      &definition);
}

std::string ComponentFleet::replace(LiveComponent& live, const json& definition, int count,
                                    const json& config) {
  const auto give_up = [this] { return shutting_down_.load(); };
  const RolloutGuard guard(platform_, config, give_up, hosts_.in_alarm);
  ComponentPool next = make_pool(live, definition);
  ComponentPool before = live.current;
  RollingSizes sizes{.from = before.copies->count(), .to = count};
  std::chrono::seconds interval{0};
  if (config.contains("RollingUpdatePolicy")) {
    const json& policy = config["RollingUpdatePolicy"];
    sizes.batch = copies_of(policy.at("MaximumBatchSize"), count);
    sizes.rollback_batch = policy.contains("RollbackMaximumBatchSize")
                               ? copies_of(policy["RollbackMaximumBatchSize"], sizes.from)
                               : std::max(1, sizes.from);
    interval = std::chrono::seconds(policy.at("WaitIntervalInSeconds").get<int>());
  }
  const auto pool_of = [&](const ComponentPool& pool, const Variant::GiveUp& stop) {
    return RollingPool{[&pool] { return pool.copies->count(); },
                       [this, &live, &pool, stop](int more) { return add(live, pool, more, stop); },
                       [this, &live, &pool](int fewer) { remove(live, pool, fewer); }};
  };
  RollingHooks hooks;
  hooks.shift = [&](double share) { live.split.serve({{before.copies, 1.0 - share}, {next.copies, share}}); };
  hooks.bake = [&]() -> std::string {
    live.wait.wait(interval, [&] { return !guard.interruption().empty(); });
    return guard.interruption();
  };
  hooks.on_rollback = [] {};
  const RollingResult result = roll(
      pool_of(before, give_up), pool_of(next, [&] { return !guard.interruption().empty(); }), sizes, hooks);
  if (!result.rollback_failure.empty())
    spdlog::error("inference component {}: the rollback of its update failed: {}", live.name,
                  result.rollback_failure);
  ComponentPool ending = std::move(next);
  if (result.failure.empty()) std::swap(live.current, ending);
  before = {};
  live.split.serve({{live.current.copies, 1.0}});
  end(live, std::move(ending));
  return result.failure;
}

void ComponentFleet::remove(const store::Record& component) {
  tasks_.run([this, name = component.name] {
    Live live;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = live_.find(name); found != live_.end()) {
        live = std::move(found->second);
        live_.erase(found);
      }
    }
    if (live) {
      live->split.serve({});
      end(*live, std::move(live->current));
    }
    if (shutting_down_) return;  // the next start does it
    std::error_code ignored;
    std::filesystem::remove_all(folder(name), ignored);
    until_done([&] { platform_.records.erase(inference_component_kind, name); },
               [this] { return shutting_down_.load(); });
  });
}

void ComponentFleet::recover() {
  for (const store::Record& left : platform_.records.with_status(inference_component_kind, {"Deleting"}))
    remove(left);
  for (const store::Record& left :
       platform_.records.with_status(inference_component_kind, {"Creating", "InService", "Updating"})) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder(left.name), ignored))
      if (entry.path().filename().string().starts_with("copies-"))
        std::filesystem::remove_all(entry.path(), ignored);
    // What it should be by now is what its record says; a new definition that was on its way is not there.
    const std::string note = left.status == "Updating" && left.document.value("_replacing", false)
                                 ? "The update was interrupted by the end of sagemaker-local; the inference "
                                   "component has its previous specification."
                                 : "";
    const auto updated =
        platform_.records.update(inference_component_kind, left.name, [&](store::Record& one) {
          if (one.status == "InService") one.status = "Updating";
          one.document["InferenceComponentStatus"] = one.status;
          one.document.erase("_before");  // where it does not come back, nothing serves
        });
    if (!updated) continue;
    run(
        *updated,
        [this, component = *updated]() -> std::string {
          const std::string endpoint = component.document.at("EndpointName");
          const std::string variant = component.document.at("VariantName");
          while (!hosts_.find(endpoint, variant)) {
            if (shutting_down_) return "stopped";
            if (hosts_.failed(endpoint)) return "The endpoint is not in service.";
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          }
          return bring_up(component);
        },
        nullptr, note);
  }
}

std::shared_ptr<LiveComponent> ComponentFleet::find(const std::string& component) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(component);
  return found == live_.end() ? nullptr : found->second;
}

bool ComponentFleet::fit(const std::string& endpoint, const std::string& variant,
                         const std::string& instance_type, int instances) const {
  const std::lock_guard lock(mutex_);
  const auto found = placements_.find({endpoint, variant});
  return found == placements_.end() || Placement(found->second).rehost(capacity_of(instance_type), instances);
}

std::vector<std::map<std::string, int>> ComponentFleet::placed(const std::string& endpoint,
                                                               const std::string& variant) const {
  const std::lock_guard lock(mutex_);
  const auto found = placements_.find({endpoint, variant});
  return found == placements_.end() ? std::vector<std::map<std::string, int>>() : found->second.copies();
}

}  // namespace sagemaker::local::services::hosting
