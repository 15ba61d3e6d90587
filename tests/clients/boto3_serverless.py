"""boto3 deploys and invokes serverless endpoints: cold starts, concurrency, scale to zero, provisioned concurrency."""

import os
import socket
import threading
import time
import unittest

import local_emulator
import sagemaker_local
from botocore.exceptions import ClientError
from waiting import Waiting

# "hold PORT" is answered when the test closes the connection that this makes to it: the test decides how long a
# request takes.
SERVE = """#!/usr/bin/env python3
import http.server, os, resource, socket
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.reply(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if body == "die": os._exit(3)
        if body == "memory":
            return self.reply(200, str(resource.getrlimit(resource.RLIMIT_DATA)[0]).encode())
        if body == "large": return self.reply(200, b"x" * (4 * 1024 * 1024 + 1))
        if body.startswith("hold "):
            with socket.create_connection(("127.0.0.1", int(body[5:]))) as held: held.recv(1)
        self.reply(200, b"fine")
host, port = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
"""


class Serverless(Waiting, local_emulator.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        cls.emulator = cls.emulator_class("--serverless-idle", "0.5")
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False, max_pool_connections=20)
        cls.logs = cls.emulator.client("logs")
        cls.cloudwatch = cls.emulator.client("cloudwatch")

    def deploy(self, name, script=SERVE, **serverless):
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=local_emulator.ROLE,
            PrimaryContainer={"Image": self.emulator.program(name, script)},
        )
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": name,
                    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2, **serverless},
                }
            ],
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return self.settled(name)

    def settled(self, name, within_s=60):
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            if endpoint["EndpointStatus"] in ("InService", "Failed"):
                return endpoint
            time.sleep(0.05)
        self.fail(f"{name} is still {endpoint['EndpointStatus']}")

    def invoke(self, name, body=b""):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body)["Body"].read()

    def fault(self, name, body=b""):
        with self.assertRaises(ClientError) as caught:
            self.invoke(name, body)
        error = caught.exception.response
        return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]

    def streams(self, name):
        group = "/aws/sagemaker/Endpoints/" + name
        return [stream["logStreamName"] for stream in self.logs.describe_log_streams(logGroupName=group)["logStreams"]]

    def running(self, name):
        """How many programs of the endpoint run on this machine."""
        path, count = self.emulator.path(name).encode(), 0
        for process in os.listdir("/proc"):
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file:
                    arguments = file.read().split(b"\0")
            except OSError:
                continue
            count += arguments[0].rpartition(b"/")[2].startswith(b"python") and path in arguments
        return count

    def test_one_environment_proves_itself_ends_when_idle_and_comes_back(self):
        endpoint = self.deploy("comes-and-goes")
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint)
        variant = endpoint["ProductionVariants"][0]
        self.assertEqual(
            variant["CurrentServerlessConfig"], {"MemorySizeInMB": 1024, "MaxConcurrency": 2}, variant
        )
        self.assertNotIn("CurrentInstanceCount", variant)
        self.until(lambda: self.running("comes-and-goes") == 0, "the idle environment still runs")
        self.invoke("comes-and-goes")
        self.assertEqual(len(self.streams("comes-and-goes")), 2)

        def setup_times():
            now = time.time()
            points = self.cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName="ModelSetupTime",
                Dimensions=[
                    {"Name": "EndpointName", "Value": "comes-and-goes"},
                    {"Name": "VariantName", "Value": "AllTraffic"},
                ],
                StartTime=now - 600,
                EndTime=now + 600,
                Period=3600,
                Statistics=["SampleCount"],
            )["Datapoints"]
            return sum(point["SampleCount"] for point in points)

        self.until(setup_times, "no ModelSetupTime")
        self.assertEqual(setup_times(), 1)

    def test_concurrent_requests_have_environments_of_their_own_up_to_the_limit(self):
        self.deploy("side-by-side", MaxConcurrency=2, ProvisionedConcurrency=1)
        answers, lock = [], threading.Lock()
        gate = socket.create_server(("127.0.0.1", 0))
        gate.settimeout(60)
        self.addCleanup(gate.close)

        def hold():
            answer = self.invoke("side-by-side", f"hold {gate.getsockname()[1]}".encode())
            with lock:
                answers.append(answer)

        threads = [threading.Thread(target=hold) for _ in range(2)]
        for thread in threads:
            thread.start()
        held = [gate.accept()[0] for _ in threads]  # both are with a container now
        self.assertEqual(self.running("side-by-side"), 2)
        self.assertEqual(self.fault("side-by-side"), (400, "ThrottlingException", "Rate exceeded"))
        for connection in held:
            connection.close()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [b"fine", b"fine"])
        # What is provisioned stays.
        self.until(lambda: self.running("side-by-side") == 1, "the second environment still runs")

    def test_capacity_can_be_changed(self):
        self.deploy("changes", MaxConcurrency=1)
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="changes",
            DesiredWeightsAndCapacities=[
                {
                    "VariantName": "AllTraffic",
                    "ServerlessUpdateConfig": {"MaxConcurrency": 3, "ProvisionedConcurrency": 2},
                }
            ],
        )
        endpoint = self.settled("changes")
        self.assertEqual(
            endpoint["ProductionVariants"][0]["CurrentServerlessConfig"],
            {"MemorySizeInMB": 1024, "MaxConcurrency": 3, "ProvisionedConcurrency": 2},
            endpoint,
        )
        self.assertEqual(self.running("changes"), 2)

    def test_limits_of_memory_and_payload(self):
        self.deploy("limits")
        if not sagemaker_local.has_sanitizer():
            self.assertEqual(self.invoke("limits", b"memory"), str(1024 << 20).encode())
        self.assertEqual(self.fault("limits", b"x" * (4 * 1024 * 1024 + 1))[0], 413)
        self.assertEqual(self.fault("limits", b"large")[:2], (424, "ModelError"))

    def test_an_environment_that_died_is_replaced(self):
        self.deploy("dies", MaxConcurrency=1)
        self.assertEqual(self.fault("dies", b"die")[:2], (424, "ModelError"))
        self.invoke("dies")

    def test_a_container_that_does_not_start_fails_the_endpoint(self):
        endpoint = self.deploy("never", "#!/bin/sh\nexit 1\n")
        self.assertEqual(endpoint["EndpointStatus"], "Failed")
        self.assertIn("did not pass the ping health check", endpoint["FailureReason"])


if __name__ == "__main__":
    local_emulator.main()
