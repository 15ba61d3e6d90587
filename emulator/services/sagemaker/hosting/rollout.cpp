#include "emulator/services/sagemaker/hosting/rollout.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "emulator/services/sagemaker/hosting/rolling.hpp"
#include "emulator/services/sagemaker/hosting/rollout_guard.hpp"

namespace sagemaker::local::services::hosting {
namespace {

using std::chrono::seconds;

// A DeploymentConfig, read.
struct Policy {
  std::string routing = "ALL_AT_ONCE";
  json step;  // CanarySize or LinearStepSize
  bool rolling = false;
  json batch, rollback_batch;
  seconds interval{0}, termination_wait{0};
};

Policy read_policy(const json& config) {
  Policy policy;
  if (config.contains("RollingUpdatePolicy")) {
    const json& rolling = config["RollingUpdatePolicy"];
    policy.rolling = true;
    policy.batch = rolling.at("MaximumBatchSize");
    policy.rollback_batch =
        rolling.value("RollbackMaximumBatchSize", json{{"Type", "CAPACITY_PERCENT"}, {"Value", 100}});
    policy.interval = seconds(rolling.at("WaitIntervalInSeconds").get<int>());
  } else if (config.contains("BlueGreenUpdatePolicy")) {
    const json& blue_green = config["BlueGreenUpdatePolicy"];
    const json& routing = blue_green.at("TrafficRoutingConfiguration");
    policy.routing = routing.at("Type");
    policy.interval = seconds(routing.at("WaitIntervalInSeconds").get<int>());
    for (const char* size : {"CanarySize", "LinearStepSize"})
      if (routing.contains(size)) policy.step = routing[size];
    policy.termination_wait = seconds(blue_green.value("TerminationWaitInSeconds", 0));
  }
  return policy;
}

int instances_of(const Deployment& deployment) {
  int total = 0;
  for (const auto& variant : deployment.production()) total += initial_count(variant->plan());
  return total;
}

int size_of(const json& size, int total) {
  return batch_size(size.at("Type"), size.at("Value").get<int>(), total);
}

// The shares of the requests that the new deployment gets, step by step; the last one is 1.
std::vector<double> steps_of(const Policy& policy, int instances) {
  if (policy.routing == "ALL_AT_ONCE") return {1.0};
  const int value = policy.step.at("Value");
  const double step = policy.step.at("Type") == "CAPACITY_PERCENT"
                          ? value / 100.0
                          : static_cast<double>(value) / std::max(1, instances);
  if (policy.routing == "CANARY") return {std::min(1.0, step), 1.0};
  std::vector<double> steps;
  for (int count = 1; count * step < 1.0 - 1e-9; ++count) steps.push_back(count * step);
  steps.push_back(1.0);
  return steps;
}

class Rollout {
 public:
  Rollout(Platform& platform, LiveEndpoint& endpoint, std::shared_ptr<Deployment> next, const json& config,
          const RolloutHooks& hooks)
      : platform_(platform),
        endpoint_(endpoint),
        next_(std::move(next)),
        policy_(read_policy(config)),
        hooks_(hooks),
        before_(endpoint.traffic()),
        guard_(platform, config, hooks.give_up, hooks.in_alarm) {}

  RolloutResult run() {
    stage("Creating", "");
    // Where nothing serves yet there is nothing to move.
    RolloutResult result;
    try {
      result = policy_.rolling && before_.size() == 1 ? rolling() : blue_green();
    } catch (const std::exception& error) {  // the requests must not stay where they were shifted to
      result.failure = error.what();
    }
    if (result.rollback_failed) return result;
    if (!result.failure.empty()) {
      endpoint_.serve(before_);
      end(std::move(next_));
      return result;
    }
    commit();
    return result;
  }

 private:
  void stage(const char* status, const std::string& message, bool committed = false) {
    if (hooks_.on_stage) hooks_.on_stage({status, message, share_, committed}, *next_);
  }

  std::string interruption() const { return guard_.interruption(); }

  std::string start(const std::function<std::string(const Variant::GiveUp&)>& starter) {
    std::string interrupted;
    const std::string failure = starter([&] {
      if (interrupted.empty()) interrupted = interruption();
      return !interrupted.empty();
    });
    return failure.empty() || interrupted.empty() ? failure : interrupted;
  }

  // The new deployment gets this share, and what served before shares the rest as it did.
  void shift(double share) {
    share_ = share;
    Traffic traffic = before_;
    for (Traffic::value_type& part : traffic) part.share *= 1.0 - share;
    traffic.push_back({next_, share});
    endpoint_.serve(std::move(traffic));
  }

  std::string bake() {
    stage("Baking", "");
    endpoint_.wait(policy_.interval, [this] { return !interruption().empty(); });
    return interruption();
  }

  RolloutResult blue_green() {
    std::string failure = start([this](const Variant::GiveUp& give_up) { return next_->start(give_up); });
    if (!failure.empty() || before_.empty()) return {failure};
    for (const double share : steps_of(policy_, instances_of(*next_))) {
      shift(share);
      stage("ActivatingTraffic", "");
      failure = bake();
      if (failure.empty()) continue;
      share_ = 0;
      endpoint_.serve(before_);
      hooks_.on_status("RollingBack");
      stage("Deleting", failure);
      return {failure};
    }
    return {};
  }

  RolloutResult rolling() {
    // Of both there is exactly one variant: see check_deployment_config.
    Variant& going = *before_.front().target->production().front();
    Variant& coming = *next_->production().front();
    for (const auto& variant : next_->shadow()) {
      const std::string failure = start([&](const Variant::GiveUp& give_up) {
        return variant->add(initial_count(variant->plan()), give_up);
      });
      if (!failure.empty()) return {failure};
    }
    RollingSizes sizes;
    sizes.from = going.count();
    sizes.to = instances_of(*next_);
    sizes.batch = size_of(policy_.batch, sizes.to);
    sizes.rollback_batch = size_of(policy_.rollback_batch, sizes.from);
    const auto grace = platform_.limits.runner.serving_stop_grace;
    const auto pool_of = [&](Variant& variant, bool way_back) {
      RollingPool pool;
      pool.count = [&variant] { return variant.count(); };
      // Nothing but the end of the emulator interrupts the way back.
      pool.add = [this, &variant, way_back](int more) {
        if (way_back) return variant.add(more, hooks_.give_up);
        stage("Creating", "");
        return start([&](const Variant::GiveUp& give_up) { return variant.add(more, give_up); });
      };
      pool.remove = [this, &variant, grace](int fewer) { variant.remove(fewer, grace, hooks_.give_up); };
      return pool;
    };
    RollingHooks hooks;
    hooks.shift = [this](double share) {
      shift(share);
      stage("ActivatingTraffic", "");
    };
    hooks.bake = [this] { return bake(); };
    hooks.on_rollback = [this] {
      hooks_.on_status("RollingBack");
      stage("Deleting", "");
    };
    const RollingResult rolled = roll(pool_of(going, true), pool_of(coming, false), sizes, hooks);
    if (rolled.rollback_failure.empty()) return {rolled.failure};
    return {rolled.failure + " The rollback failed: " + rolled.rollback_failure, true};
  }

  void commit() {
    share_ = 1;
    before_.clear();
    Traffic replaced = endpoint_.serve({{next_, 1.0}});
    std::erase_if(replaced, [this](const Traffic::value_type& part) { return part.target == next_; });
    if (replaced.empty()) return;
    stage("ActivatingTraffic", "", true);
    endpoint_.wait(policy_.termination_wait, hooks_.give_up);
    for (Traffic::value_type& part : replaced) end(std::move(part.target));
  }

  void end(std::shared_ptr<Deployment> deployment) {
    const std::chrono::seconds drain_time = deployment->production().front()->plan().drain_time;
    retire(platform_, std::move(deployment), drain_time, hooks_.give_up);
  }

  Platform& platform_;
  LiveEndpoint& endpoint_;
  std::shared_ptr<Deployment> next_;
  const Policy policy_;
  const RolloutHooks& hooks_;
  Traffic before_;
  const RolloutGuard guard_;
  double share_ = 0;
};

}  // namespace

RolloutResult roll_out(Platform& platform, LiveEndpoint& endpoint, std::shared_ptr<Deployment> next,
                       const json& config, const RolloutHooks& hooks) {
  return Rollout(platform, endpoint, std::move(next), config, hooks).run();
}

}  // namespace sagemaker::local::services::hosting
