#include "emulator/services/autoscaling/scaler.hpp"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/autoscaling/policies.hpp"
#include "emulator/services/autoscaling/schedule.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::autoscaling {
namespace {

constexpr int everything = 1'000'000;
constexpr std::int64_t default_cooldown_s = 300;
constexpr int looks_a_minute = 6;

// What a policy wants now, and through which alarm.
struct Proposal {
  std::string policy;
  int capacity = 0;
  std::string cause;
};

bool cooled_down(const World& world, const json& policy, const char* since, std::int64_t cooldown_s) {
  return world.now_ms() - policy.value(since, std::int64_t{0}) >= world.scaled_ms(cooldown_s);
}

std::string cause_of(const std::string& alarm, const std::string& state, const json& policy) {
  return "monitor alarm " + alarm + " in state " + state + " triggered policy " +
         policy.at("PolicyName").get<std::string>();
}

// What one policy says: what it wants, if anything, and whether it is against fewer.
struct Opinion {
  std::optional<Proposal> out, in;
  bool keeps = false;  // its metric does not allow that the capacity shrinks
};

Opinion tracking_opinion(World& world, const store::Record& record, const json& target, int current) {
  const json& policy = record.document;
  const json& config = policy.at("TargetTrackingScalingPolicyConfiguration");
  const double target_value = config.at("TargetValue");
  Opinion opinion;
  const json alarms = policy.value("Alarms", json::array());
  for (std::size_t i = 0; i < alarms.size(); ++i) {
    const bool high = i == 0;
    const std::string name = alarms[i].at("AlarmName");
    const bool alarmed = world.alarms.in_alarm(name);
    const auto value = alarmed ? world.alarms.value(name) : std::nullopt;
    if (!high && !alarmed) opinion.keeps = true;
    if (!value) continue;
    const int wanted = std::clamp(tracked_capacity(current, *value, target_value),
                                  target.at("MinCapacity").get<int>(), target.at("MaxCapacity").get<int>());
    const Proposal proposal{record.name, wanted, cause_of(name, "ALARM", policy)};
    const std::int64_t cooldown_s =
        config.value(high ? "ScaleOutCooldown" : "ScaleInCooldown", default_cooldown_s);
    if (high && wanted > current && cooled_down(world, policy, "_scaled_out_ms", cooldown_s))
      opinion.out = proposal;
    if (!high && wanted < current && cooled_down(world, policy, "_scaled_out_ms", cooldown_s) &&
        cooled_down(world, policy, "_scaled_in_ms", cooldown_s))
      opinion.in = proposal;
    if (!high && wanted >= current) opinion.keeps = true;
  }
  return opinion;
}

// Which state of the alarm calls the policy; empty: the one in which it is does not.
std::string calling_state(const json& alarm, const std::string& arn) {
  if (!alarm.value("ActionsEnabled", true)) return {};
  const std::string state = alarm.at("StateValue");
  const char* const actions = state == "ALARM" ? "AlarmActions"
                              : state == "OK"  ? "OKActions"
                                               : "InsufficientDataActions";
  for (const json& action : alarm.value(actions, json::array()))
    if (action == arn) return state;
  return {};
}

Opinion step_opinion(World& world, const store::Record& record, const json& target, int current,
                     const std::vector<json>& alarms) {
  const json& policy = record.document;
  const json& config = policy.at("StepScalingPolicyConfiguration");
  Opinion opinion;
  if (!cooled_down(world, policy, "_scaled_out_ms", config.value("Cooldown", default_cooldown_s)) ||
      !cooled_down(world, policy, "_scaled_in_ms", config.value("Cooldown", default_cooldown_s)))
    return opinion;
  for (const json& alarm : alarms) {
    const std::string state = calling_state(alarm, policy.at("PolicyARN"));
    if (state.empty()) continue;
    const std::string name = alarm.at("AlarmName");
    const double threshold = alarm.at("Threshold");
    const auto stepped =
        stepped_capacity(config, current, world.alarms.value(name).value_or(threshold), threshold);
    if (!stepped) continue;
    const int wanted =
        std::clamp(*stepped, target.at("MinCapacity").get<int>(), target.at("MaxCapacity").get<int>());
    const Proposal proposal{record.name, wanted, cause_of(name, state, policy)};
    if (wanted > current) opinion.out = proposal;
    if (wanted < current) opinion.in = proposal;
  }
  return opinion;
}

// Where several policies speak, the largest capacity counts.
void take_larger(std::optional<Proposal>& best, const std::optional<Proposal>& other) {
  if (other && (!best || other->capacity > best->capacity)) best = other;
}

}  // namespace

std::string target_name(const json& document) {
  return document.at("ResourceId").get<std::string>() + "|" +
         document.at("ScalableDimension").get<std::string>();
}

std::vector<store::Record> of_target(const World& world, std::string_view kind, const std::string& target) {
  store::RecordQuery query;
  query.sort_by = store::RecordQuery::SortBy::name;
  query.descending = false;
  query.limit = everything;
  query.accept = [&](const store::Record& record) { return target_name(record.document) == target; };
  return world.records.list(kind, query).records;
}

Scaler::Scaler(World world) : world_(std::move(world)) {}

Scaler::~Scaler() { stop(); }

void Scaler::start() {
  thread_ = std::thread([this] {
    const std::chrono::milliseconds between(world_.alarms.minute_s() * 1000 / looks_a_minute);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      try {
        evaluate();
      } catch (const std::exception& error) {
        spdlog::error("alarms and scaling policies: {}", error.what());
      }
      lock.lock();
      woken_.wait_for(lock, between, [this] { return stopping_; });
    }
  });
}

void Scaler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Scaler::evaluate() {
  const std::lock_guard lock(evaluating_);
  world_.alarms.evaluate();
  store::RecordQuery query;
  query.limit = everything;
  for (const store::Record& target : world_.records.list(target_kind, query).records) evaluate_target(target);
}

void Scaler::evaluate_target(const store::Record& record) {
  const auto dimension = world_.dimensions.find(record.document.at("ScalableDimension").get<std::string>());
  if (dimension == world_.dimensions.end()) return;
  const std::string resource_id = record.document.at("ResourceId");
  const auto capacity = dimension->second.read(resource_id);
  follow_activities(record, capacity);
  if (capacity && !capacity->settled) return;
  run_scheduled(record);
  const auto known = world_.records.find(target_kind, record.name);  // scheduled actions change it
  if (!known) return;
  const json& target = known->document;
  const json suspended = target.value("SuspendedState", json::object());
  const int current = capacity ? capacity->current : target.at("MinCapacity").get<int>();
  const std::vector<json> alarms = world_.alarms.all();
  Opinion all;
  for (const store::Record& policy : of_target(world_, policy_kind, known->name)) {
    const bool tracking = policy.document.contains("TargetTrackingScalingPolicyConfiguration");
    const Opinion one = tracking ? tracking_opinion(world_, policy, target, current)
                                 : step_opinion(world_, policy, target, current, alarms);
    take_larger(all.out, one.out);
    take_larger(all.in, one.in);
    all.keeps = all.keeps || one.keeps;
  }
  if (suspended.value("DynamicScalingOutSuspended", false)) all.out.reset();
  if (suspended.value("DynamicScalingInSuspended", false) || all.keeps) all.in.reset();
  const auto& chosen = all.out ? all.out : all.in;
  if (!chosen) return;
  const bool out = all.out.has_value();
  world_.records.update(policy_kind, chosen->policy, [&](store::Record& policy) {
    policy.document[out ? "_scaled_out_ms" : "_scaled_in_ms"] = world_.now_ms();
  });
  scale(target, chosen->capacity, chosen->cause);
}

void Scaler::scale(const json& target, int wanted, const std::string& cause) {
  const Dimension& dimension = world_.dimensions.at(target.at("ScalableDimension"));
  const std::string goal = dimension.capacity_name + " to " + std::to_string(wanted) + ".";
  store::Record activity;
  activity.name = aws::uuid4();
  activity.created_ms = world_.now_ms();
  activity.status = "InProgress";
  activity.document = {{"ActivityId", activity.name},
                       {"ServiceNamespace", target.at("ServiceNamespace")},
                       {"ResourceId", target.at("ResourceId")},
                       {"ScalableDimension", target.at("ScalableDimension")},
                       {"Description", "Setting desired " + goal},
                       {"Cause", cause},
                       {"StartTime", static_cast<double>(activity.created_ms) / 1000.0},
                       {"StatusMessage", "Successfully set desired " + goal +
                                             " Waiting for change to be fulfilled by sagemaker."},
                       {"_wanted", wanted}};
  try {
    dimension.set(target.at("ResourceId"), wanted);
    spdlog::info("{}: {} becomes {}: {}", target.at("ResourceId").get<std::string>(), dimension.capacity_name,
                 wanted, cause);
  } catch (const ServiceFault& fault) {
    activity.status = "Failed";
    activity.document["EndTime"] = activity.document["StartTime"];
    activity.document["StatusMessage"] = "Failed to set desired " + goal + " Reason: " + fault.message();
  }
  activity.document["StatusCode"] = activity.status;
  world_.records.insert(activity_kind, activity);
}

// Activities that are under way end when the resource has settled.
void Scaler::follow_activities(const store::Record& target, const std::optional<Capacity>& capacity) {
  if (capacity && !capacity->settled) return;
  for (const store::Record& left : world_.records.with_status(activity_kind, {"InProgress"})) {
    if (target_name(left.document) != target.name) continue;
    const bool reached = capacity && capacity->current == left.document.at("_wanted");
    world_.records.update(activity_kind, left.name, [&](store::Record& activity) {
      json& document = activity.document;
      const std::string goal = document.at("Description").get<std::string>().substr(sizeof("Setting ") - 1);
      activity.status = reached ? "Successful" : "Failed";
      document["StatusCode"] = activity.status;
      document["EndTime"] = static_cast<double>(world_.now_ms()) / 1000.0;
      document["StatusMessage"] =
          reached     ? "Successfully set " + goal + " Change successfully fulfilled by sagemaker."
          : !capacity ? "Failed to set " + goal + " Reason: there is no such resource any more."
                      : "Failed to set " + goal + " Reason: the change was not fulfilled by sagemaker.";
    });
  }
}

void Scaler::respect_limits(const json& target, const std::string& why) {
  const auto capacity = world_.dimensions.at(target.at("ScalableDimension")).read(target.at("ResourceId"));
  if (!capacity || !capacity->settled) return;
  const int low = target.at("MinCapacity"), high = target.at("MaxCapacity");
  if (capacity->current < low)
    scale(target, low, why.empty() ? "minimum capacity was set to " + std::to_string(low) : why);
  else if (capacity->current > high)
    scale(target, high, why.empty() ? "maximum capacity was set to " + std::to_string(high) : why);
}

void Scaler::run_scheduled(const store::Record& target) {
  if (target.document.value("SuspendedState", json::object()).value("ScheduledScalingSuspended", false))
    return;
  const std::int64_t now_s = world_.now_ms() / 1000;
  for (const store::Record& action : of_target(world_, scheduled_kind, target.name)) {
    const json& document = action.document;
    const auto due = document.value("_due_s", std::int64_t{-1});
    if (due < 0 || due > now_s) continue;
    const Schedule schedule(document.at("Schedule"));
    const auto next = schedule.next(now_s, action.created_ms / 1000);
    const double end_s = document.value("EndTime", 1e12);
    world_.records.update(scheduled_kind, action.name, [&](store::Record& known) {
      known.document["_due_s"] = next && static_cast<double>(*next) <= end_s ? *next : -1;
    });
    const json limits = document.value("ScalableTargetAction", json::object());
    const auto changed = world_.records.update(target_kind, target.name, [&](store::Record& known) {
      for (const char* member : {"MinCapacity", "MaxCapacity"})
        if (limits.contains(member)) known.document[member] = limits[member];
    });
    if (!changed) return;
    respect_limits(
        changed->document,
        "scheduled action name " + document.at("ScheduledActionName").get<std::string>() + " was triggered");
  }
}

}  // namespace sagemaker::local::services::autoscaling
