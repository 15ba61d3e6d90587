"""What tests of endpoints share: a container in a few lines of Python, and endpoints of it."""

import io
import tarfile
import time

import local_emulator
from botocore.exceptions import ClientError

# A container's program: `ANSWER` is the body of `def do_POST(self)` of Python's http.server, with `body` at hand.
PROGRAM = """#!/usr/bin/env python3
import http.server, json, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body, content_type=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type or self.headers.get("Accept") or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def begin(self, content_type="text/plain", **headers):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
    def chunk(self, data):
        self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
        self.wfile.flush()
    def do_GET(self): self.reply(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
ANSWER
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    def handle_error(self, *args): pass
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
Server(address, Handler).serve_forever()
"""


def program(answer):
    lines = ["        " + line for line in answer.strip("\n").split("\n")]
    return PROGRAM.replace("ANSWER", "\n".join(lines))


def archive(**files):
    """A model.tar.gz of these files: their names and texts."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


class Endpoints:
    """What tests of endpoints share. It needs the clients self.sagemaker and self.runtime."""

    INSTANCE = "ml.m5.large"

    def create_model(self, name, *containers, **more):
        """One container becomes the primary one, several are a pipeline."""
        if len(containers) == 1:
            more["PrimaryContainer"] = containers[0]
        else:
            more["Containers"] = list(containers)
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=local_emulator.ROLE, **more)

    def variant(self, model, name="AllTraffic", count=1, **more):
        return {
            "VariantName": name,
            "ModelName": model,
            "InstanceType": self.INSTANCE,
            "InitialInstanceCount": count,
            **more,
        }

    def create_endpoint(self, name, *variants, **config):
        """An endpoint and its configuration of the same name."""
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **config)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def deploy(self, name, *containers, count=1, variant=None, **config):
        """A model, a configuration and an endpoint of one name; returns the description when it has settled."""
        self.create_model(name, *containers)
        self.create_endpoint(name, self.variant(name, count=count, **(variant or {})), **config)
        return self.in_service(name)

    def describe(self, name):
        return self.sagemaker.describe_endpoint(EndpointName=name)

    def settled(self, name, within_s=60):
        """The description of an endpoint when nothing is under way with it any more."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            endpoint = self.describe(name)
            if endpoint["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"):
                return endpoint
            time.sleep(0.05)
        self.fail(f"{name} is still {endpoint['EndpointStatus']}")

    def in_service(self, name, within_s=60):
        endpoint = self.settled(name, within_s)
        self.assertEqual(endpoint["EndpointStatus"], "InService", endpoint.get("FailureReason"))
        return endpoint

    def delete(self, name, within_s=60):
        """Deletes an endpoint and returns, when it is gone, what DescribeEndpoint says then."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                self.describe(name)
            except ClientError as error:
                return error.response["Error"]["Message"]
            time.sleep(0.05)
        self.fail(f"{name} is still there")

    def invoke(self, name, body=b"", **more):
        return self.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)

    def answer(self, name, body=b"", **more):
        return self.invoke(name, body, **more)["Body"].read()

    def refusal(self, call, *arguments, **more):
        """The error that a call ends with: its code and its message."""
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **more)
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]

    def eventually(self, ask, within_s=40):
        """The first answer that counts as true."""
        deadline = time.monotonic() + within_s
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > deadline:
                self.fail(f"still {answer!r} after {within_s} s")
            time.sleep(0.02)


class EndpointTest(Endpoints, local_emulator.EmulatorTest):
    """Endpoints of containers that are one piece of Python each: see program()."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_clients()
        cls.s3.create_bucket(Bucket="bucket")

    @classmethod
    def make_clients(cls):
        """Again after a restart, which may bring another port."""
        cls.sagemaker = cls.emulator.client("sagemaker", retries=False)
        cls.runtime = cls.emulator.client("sagemaker-runtime", retries=False)
        cls.s3 = cls.emulator.client("s3")
        cls.cloudwatch = cls.emulator.client("cloudwatch")

    def variant(self, name, answer, variant="AllTraffic", count=1, **more):
        """A model of its own, and the variant that serves it."""
        model = f"{name}-{variant}"
        self.create_model(model, {"Image": self.emulator.program(model, program(answer))})
        return super().variant(model, variant, count, **more)

    def deploy(self, name, answer, count=1, variants=None, **config):
        """An endpoint that is in service."""
        self.create_endpoint(name, *(variants or [self.variant(name, answer, count=count)]), **config)
        self.in_service(name)

    def delete(self, name):
        """An endpoint with its configuration and its models."""
        said = super().delete(name)
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)
        self.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for variant in config["ProductionVariants"] + config.get("ShadowProductionVariants", []):
            self.sagemaker.delete_model(ModelName=variant["ModelName"])
        return said
