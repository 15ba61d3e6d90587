// Application Auto Scaling over a resource of the test's own, with a clock that the test moves.
#include <algorithm>
#include <chrono>

#include <doctest/doctest.h>

#include "emulator/services/autoscaling/policies.hpp"
#include "emulator/services/autoscaling/scaler.hpp"
#include "emulator/services/autoscaling/schedule.hpp"
#include "tests/unit/metrics_fixture.hpp"

using namespace sagemaker::local::services;
using namespace sagemaker::local::services::autoscaling;
using namespace std::chrono_literals;
using sagemaker::json;

namespace {

struct Service : sagemaker::tests::MetricService {
  Service() {
    operations = autoscaling_operations(scaler);
    operations.merge(metrics_operations(metrics));
    add_alarm_operations(operations, alarms);
  }

  Dimensions dimensions() {
    return {{"sagemaker:variant:DesiredInstanceCount",
             {"endpoint/E/variant/V", "instance count",
              [this](const std::string& id) {
                return id == "endpoint/e/variant/v" ? capacity : std::optional<Capacity>();
              },
              [this](const std::string&, int count) {
                if (!refusal.empty()) throw sagemaker::local::validation_fault(refusal);
                capacity->current = count;
              }}}};
  }

  json target(json more = json::object()) const {
    json input = {{"ServiceNamespace", "sagemaker"},
                  {"ResourceId", "endpoint/e/variant/v"},
                  {"ScalableDimension", "sagemaker:variant:DesiredInstanceCount"}};
    input.update(more);
    return input;
  }
  void register_target(int low, int high) {
    call("RegisterScalableTarget", target({{"MinCapacity", low}, {"MaxCapacity", high}}));
  }
  json track(double value, json more = json::object()) {
    json config = {{"TargetValue", value},
                   {"PredefinedMetricSpecification",
                    {{"PredefinedMetricType", "SageMakerVariantInvocationsPerInstance"}}}};
    config.update(more);
    return call("PutScalingPolicy", target({{"PolicyName", "p"},
                                            {"PolicyType", "TargetTrackingScaling"},
                                            {"TargetTrackingScalingPolicyConfiguration", config}}));
  }
  // This many invocations an instance in each of the next minutes; the scaler looks at the end of each.
  void minutes(int count, double invocations) {
    for (int i = 0; i < count; ++i) {
      metrics.put("AWS/SageMaker", "InvocationsPerInstance", {{"EndpointName", "e"}, {"VariantName", "v"}},
                  invocations, clock->now());
      move_clock(60s);
      scaler.evaluate();
    }
  }
  json activities() {
    return call("DescribeScalingActivities", {{"ServiceNamespace", "sagemaker"}}).at("ScalingActivities");
  }

  std::optional<Capacity> capacity = Capacity{1, true};
  std::string refusal;
  sagemaker::local::store::Database record_database{folder / "records.db",
                                                    sagemaker::local::store::Records::schema(),
                                                    sagemaker::local::store::Durability::process};
  sagemaker::local::store::Records records{record_database};
  Alarms alarms{metrics, records, clock, {"000000000000", "us-east-1", 60}};
  Scaler scaler{{records, alarms, clock, "000000000000", "us-east-1", dimensions()}};
};

std::int64_t at(const char* iso) {
  return sagemaker::aws::to_epoch_ms(*sagemaker::aws::parse_iso8601(iso)) / 1000;
}

}  // namespace

TEST_CASE("target tracking scales out after three minutes above the target, and in after fifteen below") {
  Service service;
  service.register_target(1, 4);
  service.track(100, {{"ScaleOutCooldown", 60}, {"ScaleInCooldown", 60}});
  service.minutes(2, 250);
  CHECK(service.capacity->current == 1);
  service.minutes(1, 250);
  CHECK(service.capacity->current == 3);  // 1 * 250 / 100, rounded up
  json activity = service.activities().at(0);
  CHECK(activity.at("Description") == "Setting desired instance count to 3.");
  const std::string cause = activity.at("Cause");
  CHECK(cause.starts_with("monitor alarm TargetTracking-endpoint/e/variant/v-AlarmHigh-"));
  CHECK(cause.ends_with(" in state ALARM triggered policy p"));
  CHECK(activity.at("StatusCode") == "InProgress");
  service.minutes(1, 95);
  activity = service.activities().at(0);
  CHECK(activity.at("StatusCode") == "Successful");
  CHECK(activity.at("StatusMessage") ==
        "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker.");
  service.minutes(14, 20);
  CHECK(service.capacity->current == 3);  // between 90 and 100 % all is well: one of the fifteen is
  service.minutes(1, 20);
  CHECK(service.capacity->current == 1);
}

TEST_CASE("the limits of the target bound what a policy may do") {
  Service service;
  service.register_target(1, 2);
  service.track(1);
  service.minutes(3, 1000);
  CHECK(service.capacity->current == 2);
  CHECK(service.activities().size() == 1);
}

TEST_CASE("a cooldown passes before a policy scales again, 300 s where nothing is said") {
  Service service;
  service.register_target(1, 9);
  service.track(100);
  service.minutes(3, 200);
  CHECK(service.capacity->current == 2);
  service.minutes(4, 200);
  CHECK(service.capacity->current == 2);
  service.minutes(1, 200);
  CHECK(service.capacity->current == 4);
}

TEST_CASE("DisableScaleIn, suspended scaling, and no data") {
  Service service;
  service.register_target(1, 4);
  service.capacity->current = 3;
  SUBCASE("disabled") {
    CHECK(service.track(100, {{"DisableScaleIn", true}}).at("Alarms").size() == 1);
    service.minutes(20, 1);
  }
  SUBCASE("suspended") {
    service.track(100);
    service.call("RegisterScalableTarget",
                 service.target({{"SuspendedState", {{"DynamicScalingInSuspended", true}}}}));
    service.minutes(20, 1);
  }
  SUBCASE("no data") {
    service.track(100);
    for (int i = 0; i < 20; ++i) {
      service.move_clock(60s);
      service.scaler.evaluate();
    }
  }
  CHECK(service.capacity->current == 3);
}

TEST_CASE("a queue that waits scales from nothing and back") {
  Service service;
  service.capacity->current = 0;
  service.register_target(0, 5);
  service.call("PutScalingPolicy",
               service.target({{"PolicyName", "backlog"},
                               {"PolicyType", "TargetTrackingScaling"},
                               {"TargetTrackingScalingPolicyConfiguration",
                                {{"TargetValue", 5},
                                 {"CustomizedMetricSpecification",
                                  {{"MetricName", "m"}, {"Namespace", "App"}, {"Statistic", "Average"}}}}}}));
  const auto minutes = [&](int count, double backlog) {
    for (int i = 0; i < count; ++i) {
      service.put({{"Value", backlog}}, sagemaker::aws::to_epoch_ms(service.clock->now()) / 1000);
      service.move_clock(60s);
      service.scaler.evaluate();
    }
  };
  minutes(3, 12);
  CHECK(service.capacity->current == 3);
  minutes(18, 0);
  CHECK(service.capacity->current == 0);
}

TEST_CASE("a policy has alarms that everybody sees and that go with it") {
  Service service;
  service.register_target(1, 4);
  const json policy = service.track(100);
  CHECK(policy.at("PolicyARN")
            .get<std::string>()
            .ends_with(":resource/sagemaker/endpoint/e/variant/v:policyName/p"));
  REQUIRE(policy.at("Alarms").size() == 2);
  json alarms = service.call("DescribeAlarms", json::object()).at("MetricAlarms");
  REQUIRE(alarms.size() == 2);
  CHECK(alarms[0].at("AlarmName") == policy["Alarms"][0]["AlarmName"]);
  CHECK(alarms[0].at("MetricName") == "InvocationsPerInstance");
  CHECK(alarms[0].at("EvaluationPeriods") == 3);
  CHECK(alarms[1].at("Threshold") == 90);
  CHECK(alarms[1].at("EvaluationPeriods") == 15);
  CHECK(service.track(50).at("PolicyARN") == policy["PolicyARN"]);
  alarms = service.call("DescribeAlarms", json::object()).at("MetricAlarms");
  CHECK(alarms.size() == 2);
  CHECK(service.call("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}})
            .at("ScalingPolicies")
            .at(0)
            .at("Alarms")
            .size() == 2);
  service.call("DeregisterScalableTarget", service.target());
  CHECK(service.call("DescribeAlarms", json::object()).at("MetricAlarms").empty());
  CHECK(service.call("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}})
            .at("ScalingPolicies")
            .empty());
}

TEST_CASE("an alarm calls a step policy") {
  Service service;
  service.register_target(1, 10);
  const json policy = service.call(
      "PutScalingPolicy",
      service.target(
          {{"PolicyName", "steps"},
           {"PolicyType", "StepScaling"},
           {"StepScalingPolicyConfiguration",
            {{"AdjustmentType", "ChangeInCapacity"},
             {"Cooldown", 60},
             {"StepAdjustments",
              {{{"MetricIntervalLowerBound", 0}, {"MetricIntervalUpperBound", 10}, {"ScalingAdjustment", 1}},
               {{"MetricIntervalLowerBound", 10}, {"ScalingAdjustment", 3}}}}}}}));
  CHECK(policy.at("Alarms").empty());
  service.call("PutMetricAlarm", {{"AlarmName", "waiting"},
                                  {"Namespace", "App"},
                                  {"MetricName", "m"},
                                  {"Statistic", "Maximum"},
                                  {"Period", 60},
                                  {"EvaluationPeriods", 1},
                                  {"Threshold", 5},
                                  {"ComparisonOperator", "GreaterThanThreshold"},
                                  {"AlarmActions", {policy.at("PolicyARN")}}});
  service.put({{"Value", 8}});
  service.move_clock(60s);
  service.scaler.evaluate();
  CHECK(service.capacity->current == 2);
  service.put({{"Value", 15}}, service.now_s + 60);
  service.move_clock(60s);
  service.scaler.evaluate();
  CHECK(service.capacity->current == 5);
  CHECK(service.call("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}})
            .at("ScalingPolicies")
            .at(0)
            .at("Alarms")
            .at(0)
            .at("AlarmName") == "waiting");
}

TEST_CASE("what steps make of a capacity") {
  const auto stepped = [](const char* type, int adjustment, int current, int least = 0) {
    return stepped_capacity({{"AdjustmentType", type},
                             {"MinAdjustmentMagnitude", least},
                             {"StepAdjustments", {{{"ScalingAdjustment", adjustment}}}}},
                            current, 1, 0);
  };
  CHECK(stepped("ExactCapacity", 7, 3) == 7);
  CHECK(stepped("ChangeInCapacity", -2, 3) == 1);
  CHECK(stepped("PercentChangeInCapacity", 50, 5) == 7);  // 2.5: towards zero
  CHECK(stepped("PercentChangeInCapacity", 10, 3) == 4);  // 0.3: one at least
  CHECK(stepped("PercentChangeInCapacity", -10, 3) == 2);
  CHECK(stepped("PercentChangeInCapacity", 10, 3, 4) == 7);
  const json below = {{"AdjustmentType", "ChangeInCapacity"},
                      {"StepAdjustments", {{{"MetricIntervalUpperBound", 0}, {"ScalingAdjustment", -1}}}}};
  CHECK(stepped_capacity(below, 3, 1, 5) == 2);
  CHECK(stepped_capacity(below, 3, 6, 5) == std::nullopt);
}

TEST_CASE("registering brings the capacity into its limits, and a failure is told") {
  Service service;
  service.register_target(2, 4);
  CHECK(service.capacity->current == 2);
  CHECK(service.activities().at(0).at("Cause") == "minimum capacity was set to 2");
  service.refusal = "no.";
  service.register_target(3, 4);
  CHECK(service.activities().at(0).at("StatusCode") == "Failed");
  CHECK(service.activities().at(0).at("StatusMessage") ==
        "Failed to set desired instance count to 3. Reason: no.");
}

TEST_CASE("a target stays when its resource goes, and says what it cannot do") {
  Service service;
  service.register_target(1, 4);
  service.track(100);
  service.capacity.reset();
  service.refusal = "Could not find endpoint \"e\".";
  service.minutes(4, 500);
  CHECK(service.activities().size() == 1);
  CHECK(service.activities().at(0).at("StatusMessage") ==
        "Failed to set desired instance count to 4. Reason: Could not find endpoint \"e\".");
  CHECK(service.call("DescribeScalableTargets", {{"ServiceNamespace", "sagemaker"}})
            .at("ScalableTargets")
            .size() == 1);
  CHECK(service.fault("RegisterScalableTarget", service.target({{"MinCapacity", 1}, {"MaxCapacity", 2}}))
            .starts_with("ValidationException: SageMaker resource doesn't exist: endpoint/e/variant/v"));
}

TEST_CASE("scheduled actions change the limits when their time comes") {
  Service service;
  service.register_target(1, 4);
  service.call("PutScheduledAction", service.target({{"ScheduledActionName", "morning"},
                                                     {"Schedule", "rate(10 minutes)"},
                                                     {"ScalableTargetAction", {{"MinCapacity", 3}}}}));
  service.move_clock(599s);
  service.scaler.evaluate();
  CHECK(service.capacity->current == 1);
  service.move_clock(1s);
  service.scaler.evaluate();
  CHECK(service.capacity->current == 3);
  CHECK(service.activities().at(0).at("Cause") == "scheduled action name morning was triggered");
  service.capacity->current = 1;
  service.scaler.evaluate();
  CHECK(service.capacity->current == 1);
  service.move_clock(600s);
  service.scaler.evaluate();
  CHECK(service.capacity->current == 3);
  service.call("DeleteScheduledAction", service.target({{"ScheduledActionName", "morning"}}));
  CHECK(service.fault("DeleteScheduledAction", service.target({{"ScheduledActionName", "morning"}}))
            .starts_with("ObjectNotFoundException"));
}

TEST_CASE("schedules") {
  const auto next = [](const char* text, const char* after) { return Schedule(text).next(at(after), 0); };
  CHECK(next("at(2026-11-21T20:00:00)", "2026-11-21T19:59:59Z") == at("2026-11-21T20:00:00Z"));
  CHECK(next("at(2026-11-21T20:00:00)", "2026-11-21T20:00:00Z") == std::nullopt);
  CHECK(next("rate(1 hour)", "2026-11-21T20:00:00Z") == at("2026-11-21T21:00:00Z"));
  CHECK(next("cron(30 8 ? * MON-FRI *)", "2026-11-20T08:30:00Z") == at("2026-11-23T08:30:00Z"));
  CHECK(next("cron(0/15 * * * ? *)", "2026-11-20T08:31:00Z") == at("2026-11-20T08:45:00Z"));
  CHECK(next("cron(0 0 29 FEB ? *)", "2026-11-20T00:00:00Z") == at("2028-02-29T00:00:00Z"));
  CHECK(next("cron(0 12 1,15 * ? 2027)", "2026-11-20T00:00:00Z") == at("2027-01-01T12:00:00Z"));
  for (const char* wrong :
       {"", "at(tomorrow)", "at(2026-02-30T00:00:00)", "rate(0 minutes)", "rate(5 weeks)",
        "cron(0 8 * * MON-FRI *)", "cron(61 8 ? * * *)", "cron(0 8 ? *)", "cron(0 8 ? * MON#1 *)"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(Schedule{wrong}, sagemaker::local::ServiceFault);
  }
}

TEST_CASE("tags, and what is not there") {
  Service service;
  service.register_target(1, 4);
  const json arn = service.call("RegisterScalableTarget", service.target()).at("ScalableTargetARN");
  service.call("TagResource", {{"ResourceARN", arn}, {"Tags", {{"a", "1"}, {"b", "2"}}}});
  service.call("UntagResource", {{"ResourceARN", arn}, {"TagKeys", {"a"}}});
  CHECK(service.call("ListTagsForResource", {{"ResourceARN", arn}}).at("Tags") == json{{"b", "2"}});
  CHECK(service.fault("ListTagsForResource", {{"ResourceARN", "arn:x"}})
            .starts_with("ResourceNotFoundException"));
  CHECK(
      service.fault("DeregisterScalableTarget", service.target({{"ResourceId", "endpoint/x/variant/y"}})) ==
      "ObjectNotFoundException: No scalable target registered for service namespace: sagemaker, resource ID: "
      "endpoint/x/variant/y, scalable dimension: sagemaker:variant:DesiredInstanceCount");
  CHECK(service.fault("RegisterScalableTarget", service.target({{"MinCapacity", 3}, {"MaxCapacity", 2}})) ==
        "ValidationException: Maximum capacity cannot be less than minimum capacity");
  CHECK(service.fault("RegisterScalableTarget", service.target({{"ServiceNamespace", "ecs"}})) ==
        "ValidationException: Unsupported service namespace, resource type or scalable dimension");
}
