"""boto3 places inference components on an endpoint, scales, updates and invokes them."""

import collections
import datetime
import json
import threading
import time
import urllib.error
import urllib.request

import endpoints
import local_emulator
from botocore.exceptions import ClientError

SERVE = """#!/usr/bin/env python3
import http.server, os, sys, time
if os.environ["WORD"] == "broken": sys.exit(1)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"model": return self.reply(open("/opt/ml/model/word").read().encode())
        if body == b"fail": return self.reply(b"no", 500)
        if body == b"cpus": return self.reply(os.environ["SM_NUM_CPUS"].encode())
        self.reply((os.environ["WORD"] + " " + TOKEN).encode())
host, port = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
TOKEN = os.urandom(4).hex()
print("serving", os.environ["WORD"], flush=True)
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""
ARN = "arn:aws:sagemaker:us-east-1:000000000000:"
NO_CAPACITY = "Inference Component has no capacity to process this request."
NO_ROOM = "There is not enough hardware resources on the instances for this endpoint"


class InferenceComponents(endpoints.Endpoints, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        s3 = cls.emulator.client("s3")
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key="model.tar.gz", Body=endpoints.archive(word="packed"))

    def setUp(self):
        self.clients()
        invoke = self.runtime.meta.service_model.operation_model("InvokeEndpoint")
        if "InferenceComponentName" not in invoke.input_shape.members:
            self.skipTest("this boto3 knows no inference components")

    def clients(self):
        self.sagemaker = self.emulator.client("sagemaker", retries=False)
        self.runtime = self.emulator.client("sagemaker-runtime", retries=False, max_pool_connections=20)
        self.logs = self.emulator.client("logs")
        self.cloudwatch = self.emulator.client("cloudwatch")

    def hosts(self, name, count=1, instance="ml.m5.large", **variant):
        """An endpoint whose variant has instances but no model."""
        entry = {
            "VariantName": "AllTraffic",
            "InstanceType": instance,
            "InitialInstanceCount": count,
            **variant,
        }
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[entry], ExecutionRoleArn=local_emulator.ROLE
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return self.in_service(name)

    def specification(self, word, cpus=0.5, memory=128, **more):
        return {
            "Container": {"Image": self.emulator.program("serve", SERVE), "Environment": {"WORD": word}},
            "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": cpus, "MinMemoryRequiredInMb": memory},
            **more,
        }

    def component(self, name, endpoint, copies=1, specification=None, wait=True, **more):
        self.sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=endpoint,
            VariantName="AllTraffic",
            Specification=specification or self.specification(name, **more),
            RuntimeConfig={"CopyCount": copies},
        )
        return self.ready(name) if wait else None

    def describe_component(self, name):
        return self.sagemaker.describe_inference_component(InferenceComponentName=name)

    def ended(self, name, within_s=60):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            component = self.describe_component(name)
            if component["InferenceComponentStatus"] in ("InService", "Failed"):
                return component
            time.sleep(0.03)
        self.fail(f"{name} is still {component}")

    def ready(self, name):
        component = self.ended(name)
        self.assertEqual(component["InferenceComponentStatus"], "InService", component.get("FailureReason"))
        return component

    def copies(self, name, count):
        self.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": count}
        )
        return self.ended(name)

    def drop(self, *names):
        for name in names:
            self.sagemaker.delete_inference_component(InferenceComponentName=name)
        for name in names:
            deadline = time.monotonic() + 60
            while True:
                try:
                    self.describe_component(name)
                except ClientError as error:
                    self.assertEqual(
                        error.response["Error"]["Message"],
                        f'Could not find inference component "{ARN}inference-component/{name}".',
                    )
                    break
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.03)

    def ask(self, endpoint, component, body=b""):
        return self.answer(endpoint, body, InferenceComponentName=component).decode()

    def words(self, endpoint, component, count=40):
        """How often each word came, and how many copies answered."""
        answers = [self.ask(endpoint, component).split() for _ in range(count)]
        return collections.Counter(word for word, _ in answers), len({copy for _, copy in answers})

    def local(self, method, path):
        request = urllib.request.Request(f"{self.emulator.url}/_local/{path}", method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None

    def test_several_models_share_the_instances_of_an_endpoint(self):
        self.hosts("shared", count=2)
        self.component("one", "shared", copies=2)
        self.create_model(
            "two",
            {
                "Image": self.emulator.program("serve", SERVE),
                "ModelDataUrl": "s3://models/model.tar.gz",
                "Environment": {"WORD": "two"},
            },
        )
        requirements = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 256}
        specification = {"ModelName": "two", "ComputeResourceRequirements": requirements}
        component = self.component("two", "shared", specification=specification)
        self.assertEqual(component["Specification"], specification)
        self.assertEqual(component["RuntimeConfig"]["CurrentCopyCount"], 1)
        self.assertEqual(component["RuntimeConfig"]["DesiredCopyCount"], 1)
        self.assertEqual(component["EndpointArn"], f"{ARN}endpoint/shared")
        self.assertEqual(self.words("shared", "one"), ({"one": 40}, 2))
        self.assertEqual(self.words("shared", "two", 5), ({"two": 5}, 1))
        self.assertEqual(self.ask("shared", "two", b"model"), "packed")
        self.assertEqual(self.ask("shared", "two", b"cpus"), "1")
        with self.assertRaises(ClientError) as caught:
            self.ask("shared", "two", b"fail")
        self.assertIn("#logEventViewer:group=/aws/sagemaker/InferenceComponents/two ", str(caught.exception))
        reply = self.invoke("shared", InferenceComponentName="one")
        self.assertEqual(reply["InvokedProductionVariant"], "AllTraffic")
        container = self.describe_component("one")["Specification"]["Container"]
        self.assertTrue(container["DeployedImage"]["SpecifiedImage"].endswith("/serve"))
        placed = self.local("GET", "endpoints/shared/copies")[1]["Copies"]["AllTraffic"]
        self.assertEqual(sorted(sum(instance.values()) for instance in placed), [1, 2])
        # One log stream for each copy.
        streams = self.logs.describe_log_streams(logGroupName="/aws/sagemaker/InferenceComponents/one")
        names = [stream["logStreamName"] for stream in streams["logStreams"]]
        self.assertEqual(len(names), 2)
        self.assertTrue(all(name.startswith("AllTraffic/i-") for name in names), names)
        listed = self.sagemaker.list_inference_components(EndpointNameEquals="shared", SortBy="Name")
        self.assertEqual([one["InferenceComponentName"] for one in listed["InferenceComponents"]], ["two", "one"])
        listed = self.sagemaker.list_inference_components(NameContains="tw", VariantNameEquals="AllTraffic")
        self.assertEqual([one["InferenceComponentName"] for one in listed["InferenceComponents"]], ["two"])
        self.assertEqual(
            self.sagemaker.list_inference_components(EndpointNameEquals="other")["InferenceComponents"], []
        )
        code, message = self.refusal(self.sagemaker.delete_endpoint, EndpointName="shared")
        self.assertEqual(code, "ValidationException")
        self.assertIn("has inference components attached", message)
        self.drop("one", "two")
        self.delete("shared")

    def test_invocations_name_the_component(self):
        self.hosts("named")
        self.component("named-one", "named")
        code, message = self.refusal(self.invoke, "named")
        self.assertEqual(
            (code, message),
            (
                "ValidationError",
                "Inference Component Name header is required for endpoints to which you plan to deploy inference "
                "components. Please include Inference Component Name header or consider using SageMaker models.",
            ),
        )
        code, message = self.refusal(self.invoke, "named", InferenceComponentName="none")
        self.assertEqual(code, "ValidationError")
        self.assertIn("none", message)
        self.create_model("plain", {"Image": self.emulator.program("serve", SERVE), "Environment": {"WORD": "p"}})
        self.create_endpoint("plain", self.variant("plain"))
        self.in_service("plain")
        code, message = self.refusal(self.invoke, "plain", InferenceComponentName="named-one")
        self.assertEqual(code, "ValidationError")
        self.assertTrue(message.startswith("Inference Component Name header is not allowed for endpoints"), message)
        with self.assertRaises(ClientError) as caught:
            self.component("misplaced", "plain")
        self.assertIn("Inference Components are not supported in this Endpoint.", str(caught.exception))
        self.delete("plain")
        self.drop("named-one")
        self.delete("named")

    def sums(self, metric, **dimensions):
        """The sum of a metric over the last and the next minutes."""
        now = datetime.datetime.now(datetime.timezone.utc)
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - datetime.timedelta(minutes=30),
            EndTime=now + datetime.timedelta(minutes=2),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    def test_metrics_of_a_component(self):
        self.hosts("measured")
        self.component("metered", "measured", copies=2)
        self.words("measured", "metered", 10)
        self.copies("metered", 0)
        for _ in range(3):
            self.refusal(self.invoke, "measured", InferenceComponentName="metered")
        component, variant = (
            {"InferenceComponentName": "metered"},
            {"EndpointName": "measured", "VariantName": "AllTraffic"},
        )
        deadline = time.monotonic() + 20
        while self.sums("NoCapacityInvocationFailures", **component) < 3:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(self.sums("Invocations", **component), 10)
        self.assertEqual(self.sums("InvocationsPerCopy", **component), 5)
        self.assertGreater(self.sums("ModelLatency", **component), 0)
        self.assertEqual(self.sums("Invocations", **variant), 10)
        self.assertEqual(self.sums("InvocationsPerInstance", **variant), 10)
        self.drop("metered")
        self.delete("measured")

    def test_copies_come_and_go_without_a_failed_request(self):
        self.hosts("scaled")
        self.component("copies", "scaled")
        failures, ended = [], threading.Event()

        def load():
            while not ended.is_set():
                try:
                    self.ask("scaled", "copies")
                except ClientError as error:
                    failures.append(str(error))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for count in (3, 1, 2):
            component = self.copies("copies", count)
            self.assertEqual(component["RuntimeConfig"]["CurrentCopyCount"], count)
            self.assertEqual(self.words("scaled", "copies")[1], count)
        self.sagemaker.update_inference_component(
            InferenceComponentName="copies", Specification=self.specification("newer")
        )
        self.assertEqual(self.ready("copies")["RuntimeConfig"]["CurrentCopyCount"], 2)
        self.assertEqual(self.words("scaled", "copies"), ({"newer": 40}, 2))
        ended.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        # No copies are fine too: nothing answers then.
        self.assertEqual(self.copies("copies", 0)["RuntimeConfig"]["CurrentCopyCount"], 0)
        code, message = self.refusal(self.invoke, "scaled", InferenceComponentName="copies")
        self.assertEqual(code, "ValidationError")
        self.assertTrue(message.startswith(NO_CAPACITY), message)
        self.assertEqual(self.copies("copies", 1)["RuntimeConfig"]["CurrentCopyCount"], 1)
        self.ask("scaled", "copies")
        self.drop("copies")
        self.delete("scaled")

    def test_what_does_not_fit_is_told(self):
        self.hosts("full")  # 2 CPUs, 8 GiB
        self.component("large", "full", wait=False, cpus=3)
        component = self.ended("large")
        self.assertEqual(component["InferenceComponentStatus"], "Failed")
        self.assertTrue(component["FailureReason"].startswith(NO_ROOM), component)
        self.component("half", "full", cpus=1)
        component = self.copies("half", 3)
        self.assertEqual(component["InferenceComponentStatus"], "InService")
        self.assertTrue(component["FailureReason"].startswith(NO_ROOM), component)
        self.assertEqual(component["RuntimeConfig"]["CurrentCopyCount"], 1)
        self.ask("full", "half")
        self.assertNotIn("FailureReason", self.copies("half", 2))
        # Fewer instances than the copies need are refused, more are not.
        desired = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="full", DesiredWeightsAndCapacities=desired
        )
        self.in_service("full")
        self.assertEqual(self.copies("half", 4)["RuntimeConfig"]["CurrentCopyCount"], 4)
        desired[0]["DesiredInstanceCount"] = 1
        code, message = self.refusal(
            self.sagemaker.update_endpoint_weights_and_capacities,
            EndpointName="full",
            DesiredWeightsAndCapacities=desired,
        )
        self.assertEqual(code, "ValidationException")
        self.assertTrue(message.startswith(NO_ROOM), message)
        # What had failed is mended by an update.
        self.copies("half", 1)
        self.sagemaker.update_inference_component(
            InferenceComponentName="large", Specification=self.specification("small")
        )
        self.ready("large")
        self.assertEqual(self.words("full", "large", 3), ({"small": 3}, 1))
        self.component("never", "full", wait=False, specification=self.specification("broken"))
        component = self.ended("never")
        self.assertEqual(component["InferenceComponentStatus"], "Failed")
        self.assertIn("did not pass the ping health check", component["FailureReason"])
        self.drop("large", "half", "never")
        self.delete("full")

    def test_instances_follow_the_copies_where_the_endpoint_scales_them(self):
        scaling = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 3}
        self.hosts("managed", ManagedInstanceScaling=scaling)

        def instances():
            return self.describe("managed")["ProductionVariants"][0]["CurrentInstanceCount"]

        self.component("m", "managed", cpus=2)
        self.assertEqual(instances(), 1)
        self.copies("m", 3)
        self.assertEqual(instances(), 3)
        component = self.copies("m", 4)
        self.assertTrue(component["FailureReason"].startswith(NO_ROOM), component)
        self.assertEqual((instances(), component["RuntimeConfig"]["CurrentCopyCount"]), (3, 3))
        self.copies("m", 2)
        self.assertEqual(instances(), 2)
        self.drop("m")
        self.assertEqual(instances(), 1)
        self.delete("managed")

    def test_a_rolling_update_and_one_that_does_not_work(self):
        self.hosts("rolled", count=2)
        self.component("r", "rolled", copies=2, specification=self.specification("old"))
        policy = {
            "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 3000,
        }
        self.sagemaker.update_inference_component(
            InferenceComponentName="r",
            Specification=self.specification("new"),
            DeploymentConfig={"RollingUpdatePolicy": policy},
        )
        deadline = time.monotonic() + 60
        for _ in range(2):
            while self.local("POST", "inference-components/r/proceed")[0] != 200:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.03)
        component = self.ready("r")
        self.assertEqual(component["LastDeploymentConfig"], {"RollingUpdatePolicy": policy})
        self.assertEqual(self.words("rolled", "r"), ({"new": 40}, 2))
        self.sagemaker.update_inference_component(
            InferenceComponentName="r", Specification=self.specification("broken")
        )
        component = self.ready("r")
        self.assertIn("did not pass the ping health check", component["FailureReason"])
        self.assertEqual(component["Specification"]["Container"]["Environment"], {"WORD": "new"})
        self.assertEqual(self.words("rolled", "r"), ({"new": 40}, 2))
        self.drop("r")
        self.delete("rolled")

    def test_components_stay_through_updates_of_the_endpoint_and_restarts(self):
        self.hosts("stay")
        self.component("s", "stay", copies=2)
        config = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
        role = {"ExecutionRoleArn": local_emulator.ROLE}
        self.sagemaker.create_endpoint_config(EndpointConfigName="stay-2", ProductionVariants=[config], **role)
        self.sagemaker.update_endpoint(EndpointName="stay", EndpointConfigName="stay-2")
        self.assertEqual(self.in_service("stay")["EndpointConfigName"], "stay-2")
        self.assertEqual(self.words("stay", "s"), ({"s": 40}, 2))
        config["VariantName"] = "Other"
        self.sagemaker.create_endpoint_config(EndpointConfigName="stay-3", ProductionVariants=[config], **role)
        code, message = self.refusal(
            self.sagemaker.update_endpoint, EndpointName="stay", EndpointConfigName="stay-3"
        )
        self.assertEqual(code, "ValidationException")
        self.assertIn('no variant "AllTraffic" for the inference component "s"', message)
        self.emulator.kill()
        self.emulator.start()
        self.clients()
        self.in_service("stay")
        component = self.ready("s")
        self.assertEqual(component["RuntimeConfig"]["CurrentCopyCount"], 2)
        self.assertEqual(self.words("stay", "s"), ({"s": 40}, 2))
        self.drop("s")
        self.delete("stay")

    def test_requests_that_make_no_sense_are_refused(self):
        self.hosts("rules")
        specification = self.specification("x")
        requirements = specification["ComputeResourceRequirements"]

        def refused(**changes):
            return self.refusal(
                self.sagemaker.create_inference_component,
                **{
                    "InferenceComponentName": "x",
                    "EndpointName": "rules",
                    "VariantName": "AllTraffic",
                    "Specification": specification,
                    "RuntimeConfig": {"CopyCount": 1},
                    **changes,
                },
            )[1]

        self.assertEqual(refused(EndpointName="none"), f'Could not find endpoint "{ARN}endpoint/none".')
        self.assertIn('Could not find variant "None"', refused(VariantName="None"))
        self.assertIn("exactly one of ModelName", refused(Specification={"ComputeResourceRequirements": requirements}))
        unknown = {"ModelName": "no", "ComputeResourceRequirements": requirements}
        self.assertIn("Could not find model", refused(Specification=unknown))
        self.assertIn("ComputeResourceRequirements", refused(Specification={"ModelName": "no"}))
        self.assertIn(
            "BaseInferenceComponentName is not implemented",
            refused(Specification={"BaseInferenceComponentName": "base", "Container": {"ArtifactUrl": "s3://a/b"}}),
        )
        too_much = {**requirements, "MaxMemoryRequiredInMb": 128, "MinMemoryRequiredInMb": 256}
        self.assertIn(
            "MaxMemoryRequiredInMb cannot be less",
            refused(Specification={**specification, "ComputeResourceRequirements": too_much}),
        )
        for call in ("describe", "delete"):
            code, message = self.refusal(
                getattr(self.sagemaker, call + "_inference_component"), InferenceComponentName="none"
            )
            self.assertEqual(message, f'Could not find inference component "{ARN}inference-component/none".')
        self.component("x", "rules", wait=False)
        self.assertIn("Cannot create already existing", refused())
        self.ready("x")
        self.drop("x")
        self.delete("rules")


if __name__ == "__main__":
    local_emulator.main()
