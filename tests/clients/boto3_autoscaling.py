"""boto3's application-autoscaling and CloudWatch alarms: policies really start and stop instances."""

import endpoints
import local_emulator

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
ANSWER = 'self.reply(200, b"here")'


class AutoScaling(endpoints.EndpointTest):
    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.emulator_class("--autoscaling-period", "1")  # a minute is a second
        cls.make_clients()

    @classmethod
    def make_clients(cls):
        super().make_clients()
        cls.scaling = cls.emulator.client("application-autoscaling", retries=False)

    def target(self, name, dimension=DIMENSION):
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{name}/variant/AllTraffic",
            "ScalableDimension": dimension,
        }

    def put(self, metric, value):
        self.cloudwatch.put_metric_data(
            Namespace="App", MetricData=[{"MetricName": metric, "Value": value, "StorageResolution": 1}]
        )

    def instances(self, name):
        variant = self.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
        return variant["CurrentInstanceCount"]

    def activity(self, name):
        activities = self.scaling.describe_scaling_activities(**self.target(name))["ScalingActivities"]
        return activities[0] if activities else {}

    def test_a_policy_starts_and_stops_instances(self):
        self.deploy("tracked", ANSWER)
        target = self.target("tracked")
        arn = self.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)["ScalableTargetARN"]
        self.assertIn(":scalable-target/", arn)
        policy = self.scaling.put_scaling_policy(
            **target,
            PolicyName="load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 10.0,
                "CustomizedMetricSpecification": {"MetricName": "load", "Namespace": "App", "Statistic": "Average"},
                "ScaleInCooldown": 0,
                "ScaleOutCooldown": 0,
            },
        )
        alarms = self.cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-endpoint/tracked/")["MetricAlarms"]
        self.assertEqual(
            sorted(alarm["AlarmName"] for alarm in alarms), sorted(alarm["AlarmName"] for alarm in policy["Alarms"])
        )
        name = policy["Alarms"][0]["AlarmName"]
        self.assertTrue(name.startswith("TargetTracking-endpoint/tracked/variant/AllTraffic-AlarmHigh-"), name)

        def scaled_to(count, value):
            self.put("load", value)
            return self.instances("tracked") == count and self.activity("tracked").get("StatusCode") == "Successful"

        self.eventually(lambda: scaled_to(3, 40))
        activity = self.activity("tracked")
        self.assertEqual(activity["Description"], "Setting desired instance count to 3.")
        self.assertEqual(
            activity["StatusMessage"],
            "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker.",
        )
        self.assertIn("-AlarmHigh-", activity["Cause"])
        reply = self.runtime.invoke_endpoint(EndpointName="tracked", Body=b"")
        self.assertEqual(reply["Body"].read(), b"here")
        self.eventually(lambda: scaled_to(1, 1), within_s=60)
        self.assertIn("-AlarmLow-", self.activity("tracked")["Cause"])

    def test_invocations_start_instances(self):
        self.deploy("invoked", ANSWER)
        target = self.target("invoked")
        self.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
        self.scaling.put_scaling_policy(
            **target,
            PolicyName="invocations",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 1.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                "DisableScaleIn": True,
            },
        )

        def scaled():
            self.runtime.invoke_endpoint(EndpointName="invoked", Body=b"")
            return self.instances("invoked") == 2

        self.eventually(scaled)

    def test_provisioned_concurrency_has_limits(self):
        variant = self.variant("provisioned", ANSWER)
        del variant["InstanceType"], variant["InitialInstanceCount"]
        variant["ServerlessConfig"] = {"MemorySizeInMB": 1024, "MaxConcurrency": 4, "ProvisionedConcurrency": 1}
        self.deploy("provisioned", ANSWER, variants=[variant])
        self.scaling.register_scalable_target(
            **self.target("provisioned", PROVISIONED), MinCapacity=2, MaxCapacity=4
        )
        self.in_service("provisioned")
        endpoint = self.sagemaker.describe_endpoint(EndpointName="provisioned")
        self.assertEqual(
            endpoint["ProductionVariants"][0]["CurrentServerlessConfig"]["ProvisionedConcurrency"], 2, endpoint
        )

    def test_targets_policies_and_alarms_survive_and_fail_clearly_without_their_endpoint(self):
        self.deploy("survives", ANSWER)
        target = self.target("survives")
        self.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
        policy = self.scaling.put_scaling_policy(
            **target,
            PolicyName="steps",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
                "Cooldown": 0,
            },
        )
        self.cloudwatch.put_metric_alarm(
            AlarmName="waiting",
            Namespace="App",
            MetricName="waiting",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[policy["PolicyARN"]],
        )
        self.delete("survives")
        self.emulator.kill()
        self.emulator.start()
        self.make_clients()
        targets = self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        self.assertIn(target["ResourceId"], [known["ResourceId"] for known in targets])
        described = self.scaling.describe_scaling_policies(**target)["ScalingPolicies"][0]
        self.assertEqual([alarm["AlarmName"] for alarm in described["Alarms"]], ["waiting"])

        def failed():
            self.put("waiting", 9)
            return self.activity("survives").get("StatusCode") == "Failed"

        self.eventually(failed)
        self.assertIn("Could not find endpoint", self.activity("survives")["StatusMessage"])
        history = self.cloudwatch.describe_alarm_history(AlarmName="waiting", HistoryItemType="StateUpdate")
        self.assertIn("to ALARM", history["AlarmHistoryItems"][0]["HistorySummary"])

    def test_errors(self):
        self.assertEqual(
            self.refusal(lambda: self.scaling.deregister_scalable_target(**self.target("nowhere"))),
            (
                "ObjectNotFoundException",
                "No scalable target registered for service namespace: sagemaker, resource ID: "
                "endpoint/nowhere/variant/AllTraffic, scalable dimension: sagemaker:variant:DesiredInstanceCount",
            ),
        )
        self.assertEqual(
            self.refusal(
                lambda: self.scaling.register_scalable_target(**self.target("nowhere"), MinCapacity=1, MaxCapacity=2)
            )[0],
            "ValidationException",
        )
        self.assertEqual(
            self.refusal(lambda: self.cloudwatch.delete_alarms(AlarmNames=["nowhere"]))[0], "ResourceNotFound"
        )

    def test_states_of_alarms_can_be_set(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="by-hand",
            Namespace="App",
            MetricName="nothing",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
        self.cloudwatch.set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="to see")
        alarm = self.cloudwatch.describe_alarms(AlarmNames=["by-hand"])["MetricAlarms"][0]
        self.assertEqual((alarm["StateValue"], alarm["StateReason"]), ("ALARM", "to see"))
        self.assertEqual(alarm["StateUpdatedTimestamp"].tzinfo.utcoffset(None).total_seconds(), 0)

        def state():
            return self.cloudwatch.describe_alarms(AlarmNames=["by-hand"])["MetricAlarms"][0]["StateValue"] == "OK"

        self.eventually(state)
        found = self.cloudwatch.describe_alarms_for_metric(Namespace="App", MetricName="nothing")["MetricAlarms"]
        self.assertEqual([alarm["AlarmName"] for alarm in found], ["by-hand"])
        self.cloudwatch.delete_alarms(AlarmNames=["by-hand"])


if __name__ == "__main__":
    local_emulator.main()
