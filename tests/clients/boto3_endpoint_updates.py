"""boto3 updates endpoints: canary, linear and rolling, back again, and over the end of the emulator."""

import collections
import json
import threading
import time
import urllib.error
import urllib.request

import endpoints
import local_emulator
import sagemaker_local
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

SERVE = """#!/usr/bin/env python3
import http.server, os, sys, time
if os.environ["WORD"] == "broken": sys.exit(1)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"slow": time.sleep(3)
        self.reply(os.environ["WORD"].encode())
host, port = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""
ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/"
LONG = 3000  # seconds: nobody waits for it, the tests say when it is over


def percent(value):
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value):
    return {"Type": "INSTANCE_COUNT", "Value": value}


def blue_green(kind, interval=LONG, termination=None, alarms=(), **sizes):
    policy = {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": interval, **sizes}}
    if termination is not None:
        policy["TerminationWaitInSeconds"] = termination
    config = {"BlueGreenUpdatePolicy": policy}
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def rolling(batch, interval=LONG, alarms=(), **more):
    config = {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": interval, **more}}
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


class Load:
    """Clients that invoke an endpoint all the time, and remember every failure."""

    def __init__(self, test, name, clients=4):
        self.failures, self.ended = [], threading.Event()
        self.answers = collections.Counter()

        def invoke():
            while not self.ended.is_set():
                try:
                    self.answers[test.answer(name).decode()] += 1
                except ClientError as error:
                    self.failures.append(str(error))

        self.threads = [threading.Thread(target=invoke) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return self.failures


class Updates(endpoints.Endpoints, local_emulator.EmulatorTest):
    def setUp(self):
        self.clients()

    def clients(self):
        self.sagemaker = self.emulator.client("sagemaker", retries=False)
        self.runtime = self.emulator.client("sagemaker-runtime", retries=False, max_pool_connections=20)
        self.cloudwatch = self.emulator.client("cloudwatch", retries=False)

    def model(self, name, word=None):
        environment = {"WORD": word or name}
        self.create_model(name, {"Image": self.emulator.program("serve", SERVE), "Environment": environment})

    def config(self, config, model, **variant):
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[self.variant(model, **variant)]
        )

    def pair(self, name, count=1, word="new", next_count=None):
        """An endpoint NAME that answers "old", and a configuration NAME-2 that answers `word`."""
        self.model(name, "old")
        self.model(name + "-2", word)
        self.create_endpoint(name, self.variant(name, count=count))
        self.config(name + "-2", name + "-2", count=next_count or count)
        self.in_service(name)

    def update(self, name, policy=None, **more):
        if policy:
            more["DeploymentConfig"] = policy
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=name + "-2", **more)

    def proceed(self, name):
        request = urllib.request.Request(f"{self.emulator.url}/_local/endpoints/{name}/proceed", method="POST")
        try:
            with urllib.request.urlopen(request) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def reaches(self, name, status, member="PendingDeploymentSummary", seen=lambda variant: True, within_s=60):
        """Waits until the variant of the endpoint has this VariantStatus; returns the description."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            endpoint = self.describe(name)
            part = endpoint.get(member, {})
            variants = part.get("ProductionVariants", []) if isinstance(part, dict) else part
            for variant in variants:
                if [one["Status"] for one in variant.get("VariantStatus", [])] == [status] and seen(variant):
                    return endpoint
            self.assertNotIn(endpoint["EndpointStatus"], ("InService", "Failed"), (status, endpoint))
            time.sleep(0.03)
        self.fail(f"{name}: {endpoint}")

    def members(self, name):
        """What the description has, also where boto3 knows nothing of it."""
        headers = {"X-Amz-Target": "SageMaker.DescribeEndpoint", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", self.emulator.url + "/", headers, json.dumps({"EndpointName": name}).encode())
        keys = Credentials(sagemaker_local.ACCESS_KEY, sagemaker_local.SECRET_KEY)
        SigV4Auth(keys, "sagemaker", sagemaker_local.REGION).add_auth(request)
        signed = urllib.request.Request(request.url, request.data, dict(request.headers))
        with urllib.request.urlopen(signed) as response:
            return list(json.load(response))

    def words(self, name, count=60):
        return collections.Counter(self.answer(name).decode() for _ in range(count))

    def test_a_canary_gets_its_share_and_then_everything(self):
        self.pair("canary", count=2)
        load = Load(self, "canary")
        policy = blue_green("CANARY", CanarySize=instances(1), termination=LONG)
        self.update("canary", policy)
        endpoint = self.reaches("canary", "Baking")
        self.assertEqual((endpoint["EndpointStatus"], endpoint["EndpointConfigName"]), ("Updating", "canary"))
        pending = endpoint["PendingDeploymentSummary"]
        self.assertEqual(pending["EndpointConfigName"], "canary-2")
        (variant,) = pending["ProductionVariants"]
        self.assertEqual((variant["CurrentWeight"], variant["DesiredWeight"]), (0.5, 1.0))
        self.assertEqual((variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]), (2, 2))
        self.assertIn("StartTime", variant["VariantStatus"][0])
        self.assertEqual(endpoint["ProductionVariants"][0]["CurrentWeight"], 0.5)
        words = self.words("canary", 200)
        # 100 expected, a standard deviation of 7.
        self.assertTrue(50 <= words["new"] <= 150, words)
        self.assertEqual(self.proceed("canary"), 200)
        self.reaches("canary", "Baking", seen=lambda variant: variant["CurrentWeight"] == 1.0)
        self.assertEqual(self.words("canary"), {"new": 60})
        self.assertEqual(self.proceed("canary"), 200)
        self.reaches("canary", "Deleting", member="ProductionVariants")
        self.assertEqual([name for name in self.members("canary") if not name[0].isupper()], [])
        self.assertEqual(self.proceed("canary"), 200)
        endpoint = self.in_service("canary")
        self.assertEqual(load.end(), [])
        self.assertEqual(endpoint["EndpointConfigName"], "canary-2")
        self.assertEqual(endpoint["LastDeploymentConfig"], policy)
        self.assertNotIn("PendingDeploymentSummary", endpoint)
        self.assertNotIn("VariantStatus", endpoint["ProductionVariants"][0])
        self.assertEqual(self.proceed("canary"), 409)
        self.assertEqual(self.proceed("none"), 404)
        self.delete("canary")

    def test_linear_steps(self):
        self.pair("linear")
        load = Load(self, "linear")
        self.update("linear", blue_green("LINEAR", LinearStepSize=percent(40)))
        for weight in (0.4, 0.8, 1.0):
            self.reaches("linear", "Baking", seen=lambda variant: abs(variant["CurrentWeight"] - weight) < 1e-6)
            self.assertEqual(self.proceed("linear"), 200)
        self.assertEqual(self.in_service("linear")["EndpointConfigName"], "linear-2")
        self.assertEqual(load.end(), [])
        self.assertEqual(self.words("linear", 10), {"new": 10})
        self.delete("linear")

    def test_a_rolling_update_replaces_batch_after_batch(self):
        self.pair("rolling", count=2, next_count=4)
        load = Load(self, "rolling")
        self.update("rolling", rolling(instances(2)))
        endpoint = self.reaches("rolling", "Baking")
        (variant,) = endpoint["PendingDeploymentSummary"]["ProductionVariants"]
        self.assertEqual((variant["CurrentInstanceCount"], variant["CurrentWeight"]), (2, 0.5))
        self.proceed("rolling")
        endpoint = self.reaches("rolling", "Baking", seen=lambda variant: variant["CurrentInstanceCount"] == 4)
        self.assertEqual(endpoint["ProductionVariants"][0]["CurrentInstanceCount"], 1)  # half of them are gone
        self.assertEqual(self.words("rolling", 10), {"new": 10})
        self.proceed("rolling")
        (variant,) = self.in_service("rolling")["ProductionVariants"]
        self.assertEqual(variant["CurrentInstanceCount"], 4)
        self.assertEqual(load.end(), [])
        self.delete("rolling")

    def test_a_new_fleet_that_does_not_start_changes_nothing(self):
        self.pair("fails", word="broken")
        load = Load(self, "fails")
        for policy in (None, rolling(percent(50)), blue_green("CANARY", CanarySize=percent(10))):
            self.update("fails", policy)
            endpoint = self.in_service("fails")
            self.assertEqual(endpoint["EndpointConfigName"], "fails")
            self.assertIn("did not pass the ping health check", endpoint["FailureReason"])
            self.assertEqual(self.words("fails", 5), {"old": 5})
        self.assertEqual(load.end(), [])
        self.delete("fails")

    def test_an_alarm_brings_the_old_fleet_back(self):
        self.cloudwatch.put_metric_alarm(
            AlarmName="trips",
            Namespace="Test",
            MetricName="Sadness",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )

        def alarm(state):
            self.cloudwatch.set_alarm_state(AlarmName="trips", StateValue=state, StateReason="the test says so")

        self.pair("alarm", count=2)
        load = Load(self, "alarm")
        for policy in (
            blue_green("CANARY", CanarySize=percent(50), alarms=["trips"]),
            blue_green("ALL_AT_ONCE", alarms=["trips"]),
            rolling(percent(50), alarms=["trips"]),
        ):
            alarm("OK")
            self.update("alarm", policy)
            self.reaches("alarm", "Baking")
            if "RollingUpdatePolicy" in policy:  # one of the old instances is gone by the second batch
                self.proceed("alarm")
                self.reaches("alarm", "Baking", seen=lambda variant: variant["CurrentInstanceCount"] == 2)
            alarm("ALARM")
            statuses, deadline = [], time.monotonic() + 60
            while not statuses or statuses[-1] != "InService":
                statuses.append(self.describe("alarm")["EndpointStatus"])
                self.assertLess(time.monotonic(), deadline, statuses)
            self.assertLessEqual(set(statuses), {"Updating", "RollingBack", "InService"})
            if "RollingUpdatePolicy" in policy:  # an old instance is started again, which takes its time
                self.assertIn("RollingBack", statuses)
            endpoint = self.describe("alarm")
            self.assertEqual(endpoint["EndpointConfigName"], "alarm")
            self.assertIn("ALARM state: [trips]", endpoint["FailureReason"])
            self.assertEqual(endpoint["ProductionVariants"][0]["CurrentInstanceCount"], 2)
            self.assertEqual(endpoint["ProductionVariants"][0]["CurrentWeight"], 1)
            self.assertEqual(self.words("alarm", 10), {"old": 10})
        self.assertEqual(load.end(), [])
        alarm("OK")
        self.update("alarm", blue_green("ALL_AT_ONCE", interval=0, alarms=["trips"]))
        self.assertNotIn("FailureReason", self.in_service("alarm"))
        self.assertEqual(self.words("alarm", 10), {"new": 10})
        self.delete("alarm")

    def test_requests_under_way_are_answered(self):
        self.pair("patient")
        slow = []
        thread = threading.Thread(target=lambda: slow.append(self.answer("patient", body=b"slow")))
        thread.start()
        self.update("patient")
        self.assertEqual(self.in_service("patient")["EndpointConfigName"], "patient-2")
        thread.join()
        self.assertEqual(slow, [b"old"])
        self.assertEqual(self.words("patient", 5), {"new": 5})
        self.delete("patient")

    def test_the_end_of_the_emulator_in_an_update_leaves_one_deployment(self):
        self.pair("ends")
        self.update("ends", blue_green("CANARY", CanarySize=percent(50), termination=LONG))
        self.reaches("ends", "Baking")
        self.emulator.kill()
        self.emulator.start()
        self.clients()
        endpoint = self.in_service("ends")
        self.assertEqual(endpoint["EndpointConfigName"], "ends")
        self.assertIn("interrupted", endpoint["FailureReason"])
        self.assertNotIn("PendingDeploymentSummary", endpoint)
        self.assertEqual(self.words("ends", 30), {"old": 30})
        # Once the old instances are only waited for, the new ones are what comes back.
        self.update("ends", RetainDeploymentConfig=True)
        for _ in range(2):
            self.reaches("ends", "Baking")
            self.proceed("ends")
            time.sleep(0.2)
        self.reaches("ends", "Deleting", member="ProductionVariants")
        self.emulator.kill()
        self.emulator.start()
        self.clients()
        endpoint = self.in_service("ends")
        self.assertEqual(endpoint["EndpointConfigName"], "ends-2")
        self.assertNotIn("FailureReason", endpoint)
        self.assertEqual(self.words("ends", 30), {"new": 30})
        self.delete("ends")

    def test_an_endpoint_keeps_the_deployment_config_it_was_created_with(self):
        self.model("created", "old")
        self.config("created", "created")
        self.config("created-2", "created", InitialVariantWeight=2)
        policy = blue_green("ALL_AT_ONCE", interval=LONG)
        self.sagemaker.create_endpoint(
            EndpointName="created", EndpointConfigName="created", DeploymentConfig=policy
        )
        self.assertIn("PendingDeploymentSummary", self.describe("created"))
        self.assertEqual(self.in_service("created")["LastDeploymentConfig"], policy)
        code, message = self.refusal(self.update, "created", policy, RetainDeploymentConfig=True)
        self.assertEqual(code, "ValidationException")
        self.update("created", RetainDeploymentConfig=True)
        self.reaches("created", "Baking")
        self.proceed("created")
        self.assertEqual(self.in_service("created")["LastDeploymentConfig"], policy)
        # Without it the default is all at once, and nothing is baked.
        self.update("created")
        self.assertNotIn("LastDeploymentConfig", self.in_service("created"))
        self.delete("created")

    def test_a_model_of_the_same_name_is_another_one_after_an_update(self):
        self.model("again", "old")
        self.create_endpoint("again", self.variant("again"))
        self.in_service("again")
        self.config("again-2", "again")
        self.sagemaker.delete_model(ModelName="again")
        code, message = self.refusal(self.update, "again")
        self.assertEqual(code, "ValidationException")
        self.assertIn("Could not find model", message)
        self.model("again", "new")
        self.assertEqual(self.words("again", 5), {"old": 5})
        self.update("again")
        self.in_service("again")
        self.assertEqual(self.words("again", 5), {"new": 5})
        self.update("again")  # to the same configuration: new instances of the same
        self.in_service("again")
        self.assertEqual(self.words("again", 5), {"new": 5})
        self.delete("again")

    def test_serverless_endpoints_are_updated_too(self):
        self.model("less", "old")
        self.model("less-2", "new")
        serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 4}

        def config(name, model):
            variant = {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": serverless}
            self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

        config("less", "less")
        config("less-2", "less-2")
        self.sagemaker.create_endpoint(EndpointName="less", EndpointConfigName="less")
        self.in_service("less")
        load = Load(self, "less", clients=2)
        self.update("less", blue_green("CANARY", CanarySize=percent(50)))
        self.reaches("less", "Baking")
        self.proceed("less")
        self.reaches("less", "Baking", seen=lambda variant: variant["CurrentWeight"] == 1.0)
        self.proceed("less")
        self.in_service("less")
        self.assertEqual(load.end(), [])
        self.assertEqual(self.words("less", 5), {"new": 5})
        code, message = self.refusal(self.update, "less", rolling(percent(50)))
        self.assertIn("serverless", message)
        # To instances and not back again.
        self.sagemaker.delete_endpoint_config(EndpointConfigName="less-2")
        self.config("less-2", "less")
        self.update("less")
        self.in_service("less")
        self.assertEqual(self.words("less", 5), {"old": 5})
        self.sagemaker.delete_endpoint_config(EndpointConfigName="less-2")
        config("less-2", "less-2")
        code, message = self.refusal(self.update, "less")
        self.assertEqual(code, "ValidationException")
        self.assertIn("cannot be converted to a serverless endpoint", message)
        self.delete("less")

    def test_policies_that_do_not_fit_are_refused(self):
        self.pair("rules", count=1)
        self.model("rules-3")
        refusals = [
            (blue_green("CANARY"), "CanarySize is required"),
            (blue_green("LINEAR"), "LinearStepSize is required"),
            (blue_green("ALL_AT_ONCE", CanarySize=percent(10)), "CanarySize cannot be given"),
            (blue_green("CANARY", CanarySize=percent(51)), "CanarySize must be at most 50%"),
            (blue_green("CANARY", CanarySize=instances(1)), "CanarySize must be at most 50%"),
            (blue_green("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be between 10% and 50%"),
            (rolling(percent(4)), "MaximumBatchSize must be between 5% and 50%"),
            (rolling(instances(1)), "MaximumBatchSize must be between 5% and 50%"),
            ({**rolling(percent(50)), **blue_green("ALL_AT_ONCE")}, "not both"),
        ]
        long = blue_green("CANARY", CanarySize=percent(50), interval=300)
        long["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
        refusals.append((long, "must be larger than the total waiting time"))
        for policy, words in refusals:
            code, message = self.refusal(self.update, "rules", policy)
            self.assertEqual(code, "ValidationException")
            self.assertIn(words, message)
        self.sagemaker.delete_endpoint_config(EndpointConfigName="rules-2")
        self.config("rules-2", "rules-3", name="Other")
        code, message = self.refusal(self.update, "rules", blue_green("ALL_AT_ONCE"))
        self.assertIn("same variant name", message)
        self.sagemaker.delete_endpoint_config(EndpointConfigName="rules-2")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName="rules-2",
            ProductionVariants=[self.variant("rules"), self.variant("rules-3", name="Other")],
        )
        code, message = self.refusal(self.update, "rules", rolling(percent(50)))
        self.assertIn("multi-variant", message)
        self.assertEqual(self.in_service("rules")["EndpointConfigName"], "rules")
        self.delete("rules")


if __name__ == "__main__":
    local_emulator.main()
