// The operations of Application Auto Scaling: what a request must satisfy, and what is kept of it.
#include <algorithm>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/services/autoscaling/policies.hpp"
#include "emulator/services/autoscaling/scaler.hpp"
#include "emulator/services/autoscaling/schedule.hpp"
#include "emulator/services/service_error.hpp"

namespace sagemaker::local::services::autoscaling {
namespace {

constexpr int page_size = 50;

double now_s(const World& world) { return static_cast<double>(world.now_ms()) / 1000.0; }

// "service namespace: sagemaker, resource ID: ..., scalable dimension: ...", as AWS names a target.
std::string described(const json& input) {
  return "service namespace: " + input.at("ServiceNamespace").get<std::string>() +
         ", resource ID: " + input.at("ResourceId").get<std::string>() +
         ", scalable dimension: " + input.at("ScalableDimension").get<std::string>();
}

ServiceFault not_found(const std::string& message) {
  return ServiceFault("ObjectNotFoundException", 400, message);
}

const Dimension& dimension_of(World& world, const json& input) {
  const auto found = world.dimensions.find(input.at("ScalableDimension").get<std::string>());
  if (input.at("ServiceNamespace") != "sagemaker" || found == world.dimensions.end())
    throw validation_fault("Unsupported service namespace, resource type or scalable dimension");
  return found->second;
}

store::Record find_target(World& world, const json& input) {
  const auto target = world.records.find(target_kind, target_name(input));
  if (!target) throw not_found("No scalable target registered for " + described(input));
  return *target;
}

// Documents without the members that are this emulator's own.
json shown(const json& document) {
  json result = document;
  for (auto member = result.begin(); member != result.end();)
    member = member.key().starts_with('_') ? result.erase(member) : std::next(member);
  return result;
}

// One page of the records of a kind that `input` asks for. `names`: of the member that lists names, and of
// the one that a document has for it; null: there is none.
json list(World& world, std::string_view kind, const json& input, const char* answer, const char* names,
          const char* name) {
  store::RecordQuery query;
  query.limit = input.value("MaxResults", page_size);
  query.next_token = input.value("NextToken", "");
  query.accept = [&](const store::Record& record) {
    for (const char* member : {"ServiceNamespace", "ResourceId", "ScalableDimension"})
      if (input.contains(member) && record.document.at(member) != input[member]) return false;
    if (names == nullptr || !input.contains(names)) return true;
    const json& wanted = input[names];
    return std::find(wanted.begin(), wanted.end(), record.document.at(name)) != wanted.end();
  };
  try {
    const store::RecordPage page = world.records.list(kind, query);
    json output = {{answer, json::array()}};
    for (const store::Record& record : page.records) output[answer].push_back(shown(record.document));
    if (!page.next_token.empty()) output["NextToken"] = page.next_token;
    return output;
  } catch (const store::BadToken&) {
    throw ServiceFault("InvalidNextTokenException", 400, "The next token is invalid.");
  }
}

void check_limits(const json& target) {
  if (target.at("MinCapacity").get<int>() < 0) throw validation_fault("Minimum capacity cannot be negative");
  if (target.at("MinCapacity").get<int>() > target.at("MaxCapacity").get<int>())
    throw validation_fault("Maximum capacity cannot be less than minimum capacity");
}

json register_target(Scaler& scaler, const json& input) {
  World& world = scaler.world();
  const Dimension& dimension = dimension_of(world, input);
  if (!dimension.read(input.at("ResourceId")))
    throw validation_fault("SageMaker resource doesn't exist: " + input.at("ResourceId").get<std::string>() +
                           " (expected " + dimension.resource_form + ")");
  const std::string name = target_name(input);
  const auto change = [&](json& document) {
    for (const char* member : {"MinCapacity", "MaxCapacity", "SuspendedState", "RoleARN"})
      if (input.contains(member)) document[member] = input[member];
    check_limits(document);
  };
  auto target =
      world.records.update(target_kind, name, [&](store::Record& known) { change(known.document); });
  if (!target) {
    if (!input.contains("MinCapacity") || !input.contains("MaxCapacity"))
      throw validation_fault("MinCapacity and MaxCapacity are required to register a new scalable target.");
    store::Record fresh;
    fresh.name = name;
    fresh.arn = "arn:aws:application-autoscaling:" + world.region + ":" + world.account +
                ":scalable-target/" + aws::sha256_hex(aws::uuid4()).substr(0, 31);
    fresh.created_ms = fresh.modified_ms = world.now_ms();
    fresh.document = {
        {"ServiceNamespace", input.at("ServiceNamespace")},
        {"ResourceId", input.at("ResourceId")},
        {"ScalableDimension", input.at("ScalableDimension")},
        {"RoleARN", "arn:aws:iam::" + world.account +
                        ":role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
                        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"},
        {"CreationTime", now_s(world)},
        {"ScalableTargetARN", fresh.arn},
        {"SuspendedState",
         {{"DynamicScalingInSuspended", false},
          {"DynamicScalingOutSuspended", false},
          {"ScheduledScalingSuspended", false}}},
        {"_tags", input.value("Tags", json::object())}};
    change(fresh.document);
    world.records.insert(target_kind, fresh);
    target = fresh;
  }
  scaler.respect_limits(target->document);
  return {{"ScalableTargetARN", target->arn}};
}

void erase_policy(World& world, const store::Record& policy) {
  for (const json& alarm : policy.document.value("Alarms", json::array()))
    world.alarms.erase(alarm.at("AlarmName").get<std::string>());
  world.records.erase(policy_kind, policy.name);
}

json deregister_target(World& world, const json& input) {
  const store::Record target = find_target(world, input);
  for (const store::Record& policy : of_target(world, policy_kind, target.name)) erase_policy(world, policy);
  for (const store::Record& action : of_target(world, scheduled_kind, target.name))
    world.records.erase(scheduled_kind, action.name);
  world.records.erase(target_kind, target.name);
  return json::object();
}

json put_policy(World& world, const json& input) {
  dimension_of(world, input);
  find_target(world, input);
  const std::string resource_id = input.at("ResourceId"), policy_name = input.at("PolicyName");
  const std::string name = target_name(input) + "|" + policy_name;
  const auto known = world.records.find(policy_kind, name);
  json document = known ? known->document : json::object();
  for (const auto& [member, value] : input.items()) document[member] = value;
  document["PolicyType"] =
      input.value("PolicyType", document.value("PolicyType", std::string("StepScaling")));
  check_policy(document);
  const bool tracking = document["PolicyType"] == "TargetTrackingScaling";
  document.erase(tracking ? "StepScalingPolicyConfiguration" : "TargetTrackingScalingPolicyConfiguration");
  store::Record policy;
  policy.name = name;
  policy.arn = known ? known->arn
                     : "arn:aws:autoscaling:" + world.region + ":" + world.account +
                           ":scalingPolicy:" + aws::uuid4() + ":resource/sagemaker/" + resource_id +
                           ":policyName/" + policy_name;
  policy.created_ms = policy.modified_ms = world.now_ms();
  document["PolicyARN"] = policy.arn;
  document.emplace("CreationTime", now_s(world));
  // New ones first: where they cannot be made, the policy stays what it was.
  const json before = document.value("Alarms", json::array());
  document["Alarms"] = tracking ? put_tracking_alarms(world.alarms, document) : json::array();
  for (const json& alarm : before) world.alarms.erase(alarm.at("AlarmName").get<std::string>());
  policy.document = document;
  if (!world.records.insert(policy_kind, policy))
    world.records.update(policy_kind, name, [&](store::Record& stored) { stored.document = document; });
  return {{"PolicyARN", policy.arn}, {"Alarms", document["Alarms"]}};
}

json delete_policy(World& world, const json& input) {
  const std::string policy_name = input.at("PolicyName");
  const auto policy = world.records.find(policy_kind, target_name(input) + "|" + policy_name);
  if (!policy) throw not_found("No scaling policy found for " + described(input) + ": " + policy_name);
  erase_policy(world, *policy);
  return json::object();
}

// The alarms that call a step policy are those whose actions name it.
json describe_policies(World& world, const json& input) {
  json output = list(world, policy_kind, input, "ScalingPolicies", "PolicyNames", "PolicyName");
  std::vector<json> alarms;
  for (json& policy : output["ScalingPolicies"]) {
    if (policy["PolicyType"] != "StepScaling") continue;
    if (alarms.empty()) alarms = world.alarms.all();
    for (const json& alarm : alarms)
      for (const char* actions : {"AlarmActions", "OKActions"})
        for (const json& action : alarm.value(actions, json::array()))
          if (action == policy["PolicyARN"])
            policy["Alarms"].push_back(
                {{"AlarmName", alarm.at("AlarmName")}, {"AlarmARN", alarm.at("AlarmArn")}});
  }
  return output;
}

json put_scheduled(World& world, const json& input) {
  dimension_of(world, input);
  find_target(world, input);
  const std::string zone = input.value("Timezone", "UTC");
  if (zone != "UTC" && zone != "Etc/UTC")
    throw validation_fault("The time zone " + zone + " is not implemented by sagemaker-local yet.");
  const std::string action_name = input.at("ScheduledActionName");
  store::Record action;
  action.name = target_name(input) + "|" + action_name;
  const auto known = world.records.find(scheduled_kind, action.name);
  if (!known && (!input.contains("Schedule") || !input.contains("ScalableTargetAction")))
    throw validation_fault("Schedule and ScalableTargetAction are required for a new scheduled action.");
  json document = known ? known->document : json::object();
  for (const auto& [member, value] : input.items()) document[member] = value;
  action.created_ms = world.now_ms();
  const std::int64_t now = action.created_ms / 1000;
  const auto begin = std::max(static_cast<double>(now), document.value("StartTime", 0.0));
  const auto next = Schedule(document.at("Schedule"))
                        .next(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(begin));
  if (!next) throw validation_fault("Scheduled action time must be in the future.");
  document["_due_s"] = static_cast<double>(*next) <= document.value("EndTime", 1e12) ? *next : -1;
  document.emplace("CreationTime", now_s(world));
  document.emplace("ScheduledActionARN", "arn:aws:autoscaling:" + world.region + ":" + world.account +
                                             ":scheduledAction:" + aws::uuid4() + ":resource/sagemaker/" +
                                             input.at("ResourceId").get<std::string>() +
                                             ":scheduledActionName/" + action_name);
  action.document = document;
  if (!world.records.insert(scheduled_kind, action))
    world.records.update(scheduled_kind, action.name,
                         [&](store::Record& stored) { stored.document = document; });
  return json::object();
}

json delete_scheduled(World& world, const json& input) {
  const std::string name = input.at("ScheduledActionName");
  if (!world.records.erase(scheduled_kind, target_name(input) + "|" + name))
    throw not_found("No scheduled action found for " + described(input) + ": " + name);
  return json::object();
}

// The tags of the target with this ARN, after `change`.
json change_tags(World& world, const json& input, const std::function<void(json& tags)>& change) {
  const std::string arn = input.at("ResourceARN");
  store::RecordQuery query;
  query.limit = 1;
  query.accept = [&](const store::Record& target) { return target.arn == arn; };
  const auto found = world.records.list(target_kind, query).records;
  const auto target = found.empty()
                          ? std::nullopt
                          : world.records.update(target_kind, found.front().name,
                                                 [&](store::Record& one) { change(one.document["_tags"]); });
  if (!target)
    throw ServiceFault("ResourceNotFoundException", 400, "The scalable target " + arn + " does not exist.",
                       {{"ResourceName", arn}});
  return target->document.at("_tags");
}

}  // namespace

OperationTable autoscaling_operations(Scaler& scaler) {
  OperationTable table;
  const auto add = [&](const char* name, json (*operation)(World & world, const json& input)) {
    table[name] = [&scaler, operation](const CallContext&, const json& input) {
      return operation(scaler.world(), input);
    };
  };
  table["RegisterScalableTarget"] = [&scaler](const CallContext&, const json& input) {
    return register_target(scaler, input);
  };
  add("DeregisterScalableTarget", deregister_target);
  add("DescribeScalableTargets", [](World& world, const json& input) {
    return list(world, target_kind, input, "ScalableTargets", "ResourceIds", "ResourceId");
  });
  add("PutScalingPolicy", put_policy);
  add("DeleteScalingPolicy", delete_policy);
  add("DescribeScalingPolicies", describe_policies);
  add("DescribeScalingActivities", [](World& world, const json& input) {
    return list(world, activity_kind, input, "ScalingActivities", nullptr, nullptr);
  });
  add("PutScheduledAction", put_scheduled);
  add("DeleteScheduledAction", delete_scheduled);
  add("DescribeScheduledActions", [](World& world, const json& input) {
    return list(world, scheduled_kind, input, "ScheduledActions", "ScheduledActionNames",
                "ScheduledActionName");
  });
  add("TagResource", [](World& world, const json& input) {
    change_tags(world, input, [&](json& tags) { tags.update(input.at("Tags")); });
    return json::object();
  });
  add("UntagResource", [](World& world, const json& input) {
    change_tags(world, input, [&](json& tags) {
      for (const json& key : input.at("TagKeys")) tags.erase(key.get<std::string>());
    });
    return json::object();
  });
  add("ListTagsForResource", [](World& world, const json& input) -> json {
    return {{"Tags", change_tags(world, input, [](json&) {})}};
  });
  return table;
}

}  // namespace sagemaker::local::services::autoscaling
